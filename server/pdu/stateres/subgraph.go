package stateres

// addSubgraph adds the conflicted state subgraph: the events on paths along
// auth_events that lead from an event of the conflicted state set to another one.
// Those are the events that conflicted events lead to and that lead to conflicted
// events. It needs the chains read.
//
// Spec: rooms/v12, "Conflicted state subgraph".
func (c *conflict) addSubgraph(full *set, g *graph) {
	below := g.closure(c.events)
	citedBy := g.reverse(below)
	var leading set // what leads to a conflicted event
	for _, r := range c.events {
		leading.add(r)
	}
	for todo := c.events; len(todo) > 0; {
		var next []ref
		for _, r := range todo {
			for _, parent := range citedBy.of(r) {
				if leading.add(parent) {
					next = append(next, parent)
				}
			}
		}
		todo = next
	}
	for _, r := range below {
		if _, isState := g.key(r); isState && leading.has(r) {
			full.add(r)
		}
	}
}

// closure is the events and their auth chains, as far as they are read and there.
func (g *graph) closure(events []ref) []ref {
	var seen set
	var all []ref
	for _, r := range events {
		if g.nodes[r].event != nil && seen.add(r) {
			all = append(all, r)
		}
	}
	for i := 0; i < len(all); i++ {
		for _, a := range g.nodes[all[i]].auth {
			if g.nodes[a].event != nil && seen.add(a) {
				all = append(all, a)
			}
		}
	}
	return all
}

// citing is auth_events in reverse: who cites an event. It is kept as one list,
// ordered by the event cited.
type citing struct {
	start []int32
	list  []ref
}

func (c citing) of(r ref) []ref { return c.list[c.start[r]:c.start[r+1]] }

// reverse turns the auth_events of events around.
func (g *graph) reverse(events []ref) citing {
	c := citing{start: make([]int32, len(g.nodes)+1)}
	for _, r := range events {
		for _, a := range g.nodes[r].auth {
			c.start[a+1]++
		}
	}
	for i := 1; i < len(c.start); i++ {
		c.start[i] += c.start[i-1]
	}
	c.list = make([]ref, c.start[len(g.nodes)])
	at := append([]int32(nil), c.start...)
	for _, r := range events {
		for _, a := range g.nodes[r].auth {
			c.list[at[a]] = r
			at[a]++
		}
	}
	return c
}
