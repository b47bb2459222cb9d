package rooms

import (
	"slices"

	"beffroi/server/pdu/auth"
	"beffroi/server/pdu/stateres"
	"beffroi/server/store"
)

// resolve gives the resolution of states: one of them where it says the same, else a new one on top of the nearest of them.
func (g *graph) resolve(states []*state) (*state, error) {
	states = distinct(states)
	if len(states) == 1 {
		return states[0], nil
	}
	wholes := make([]stateres.State, len(states))
	for i, st := range states {
		var err error
		if wholes[i], err = g.all(st); err != nil {
			return nil, err
		}
	}
	resolved, err := stateres.Resolve(g.rules, wholes, graphSource{authChain{g.r, g.Ref, g.rules}, g})
	if err != nil {
		return nil, err
	}
	if err := g.numbers(resolved); err != nil {
		return nil, err
	}
	var nearest *state
	for i, st := range states {
		diff := difference(wholes[i], resolved)
		if len(diff) == 0 {
			return st, nil
		}
		if nearest == nil || len(diff) < len(nearest.diff) {
			nearest = &state{base: st, diff: diff, whole: resolved}
		}
	}
	return nearest, nil
}

// numbers reads the numbers of events that came into a state by its resolution: they may have stood in none of the states before.
func (g *graph) numbers(whole stateres.State) error {
	for _, id := range whole {
		if _, known := g.nids[id]; known {
			continue
		}
		if _, err := g.event(id); err != nil {
			return err
		}
	}
	return nil
}

func distinct(states []*state) (out []*state) {
	for _, st := range states {
		if !slices.ContainsFunc(out, st.is) {
			out = append(out, st)
		}
	}
	return out
}

// difference is what must change in a state to get another.
func difference(from, to stateres.State) map[auth.Key]string {
	diff := map[auth.Key]string{}
	for key, id := range to {
		if from[key] != id {
			diff[key] = id
		}
	}
	for key := range from {
		if _, stays := to[key]; !stays {
			diff[key] = ""
		}
	}
	return diff
}

// between is the difference of two states, found without reading them whole where one is built on the other.
func (g *graph) between(from, to *state) (map[auth.Key]string, error) {
	switch {
	case from.is(to):
		return nil, nil
	case to.base.is(from) && to.group == 0:
		return g.real(from, to.diff)
	}
	before, err := g.all(from)
	if err != nil {
		return nil, err
	}
	after, err := g.all(to)
	return difference(before, after), err
}

// real leaves out of changes what says the same as before.
func (g *graph) real(from *state, changes map[auth.Key]string) (map[auth.Key]string, error) {
	out := map[auth.Key]string{}
	for key, id := range changes {
		before, err := g.entry(from, key)
		if err != nil {
			return nil, err
		}
		if before != id {
			out[key] = id
		}
	}
	return out, nil
}

// graphSource gives state resolution the events of the database and those that are judged.
type graphSource struct {
	authChain
	g *graph
}

// Events implements stateres.Source.
func (s graphSource) Events(ids []string) ([]stateres.Event, error) {
	events, err := s.authChain.Events(slices.DeleteFunc(slices.Clone(ids), s.g.isFresh))
	for _, id := range ids {
		if e := s.g.fresh[id]; e != nil {
			v := s.g.events[id]
			events = append(events, stateres.Event{Event: e, Rejected: v != nil && v.Status&store.StatusRejected != 0})
		}
	}
	return events, err
}
