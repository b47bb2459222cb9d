package stateres

import "beffroi/server/pdu"

// conflict is what a set of states differs in.
type conflict struct {
	same   State   // the unconflicted state map
	each   [][]ref // by state: its entries that are not in the unconflicted state map
	events []ref   // the conflicted state set, each once
}

// splitStates gives the unconflicted state map and the conflicted state set. An
// entry that is absent from a state is in conflict.
//
// Spec: rooms/v2, "Unconflicted state map and conflicted state set".
func splitStates(states []State, g *graph) conflict {
	c := conflict{same: sameEverywhere(states), each: make([][]ref, len(states))}
	var seen set
	for i, s := range states {
		for key, id := range s {
			if c.same[key] == id {
				continue
			}
			r := g.ref(id)
			c.each[i] = append(c.each[i], r)
			if seen.add(r) {
				c.events = append(c.events, r)
			}
		}
	}
	return c
}

// fullConflictedSet is the union of the conflicted state set, the auth difference
// and, in v2.1, the conflicted state subgraph. It has state events only: nothing
// else is in auth chains but by events that were rejected for it.
//
// Spec: rooms/v2, rooms/v12, "Full conflicted set".
func (c *conflict) fullConflictedSet(r pdu.Rules, g *graph) (set, error) {
	var full set
	for _, r := range c.events {
		if _, isState := g.key(r); isState {
			full.add(r)
		}
	}
	differing, err := c.chainDifference(g)
	if err != nil {
		return nil, err
	}
	if r.Resolution == pdu.ResolutionV21 {
		c.addSubgraph(&full, g)
	}
	if err := c.addAuthDifference(&full, differing, g); err != nil {
		return nil, err
	}
	return full, nil
}
