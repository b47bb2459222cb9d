package rooms

import (
	"slices"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// settleTips finds the forward extremities after the event, and the current state that follows from them.
func (g *graph) settleTips(v *verdict) error {
	before, err := g.tipsNow()
	if err != nil {
		return err
	}
	reached, err := g.reached()
	if err != nil {
		return err
	}
	tips := slices.DeleteFunc(slices.Clone(before), func(t *vertex) bool { return reached[t.ID] })
	followers, err := g.r.Followers(g.Ref, g.own.ID())
	if err != nil {
		return err
	}
	v.tips, v.isTip = tips, len(followers) == 0
	var states []*state
	for _, t := range v.tips {
		states = append(states, ofGroup(t.State))
	}
	if v.isTip {
		states = append(states, v.after)
	}
	if v.current, err = g.together(states); err != nil {
		return err
	}
	v.changes, err = g.between(ofGroup(g.head.group), v.current)
	return err
}

// tipsNow reads the forward extremities.
func (g *graph) tipsNow() ([]*vertex, error) {
	var tips []*vertex
	for _, t := range g.tips {
		v, err := g.vertex(t.id)
		if err != nil {
			return nil, err
		}
		if v != nil {
			tips = append(tips, v)
		}
	}
	return tips, nil
}

// reached are the events before the event. Those that are refused count for nothing, but what is before them is before it too.
func (g *graph) reached() (map[string]bool, error) {
	reached := map[string]bool{}
	for todo := g.own.PrevEvents(); len(todo) > 0; {
		id := todo[0]
		todo = todo[1:]
		if reached[id] {
			continue
		}
		reached[id] = true
		v, err := g.vertex(id)
		if err != nil {
			return nil, err
		}
		if v != nil && v.Status&(store.StatusSoftFailed|store.StatusRejected) != 0 {
			todo = append(todo, v.e.PrevEvents()...)
		}
	}
	return reached, nil
}

// together is the resolution of the states after all extremities. While a room is forked, messages leave these states as they are: then what was
// resolved before holds.
func (g *graph) together(states []*state) (*state, error) {
	states = distinct(states)
	var groups []int64
	for _, st := range states {
		groups = append(groups, st.group)
	}
	slices.Sort(groups)
	if len(groups) > 1 && slices.Equal(groups, g.forkedOf) {
		return ofGroup(g.head.group), nil
	}
	return g.resolve(states)
}

// adopt moves the pending head over a verdict.
func (l *live) adopt(g *graph, v *verdict) error {
	own := g.own
	if v.hidden {
		own = own.Redact()
	}
	moves := make([]move, 0, len(v.changes))
	for key, id := range v.changes {
		m, err := g.move(key, id, own)
		if err != nil {
			return err
		}
		moves = append(moves, m)
	}
	for _, m := range moves {
		l.change(m)
	}
	l.tips, l.depth = nil, 0
	for _, t := range v.tips {
		l.tips, l.depth = append(l.tips, l.tipOf(t.e)), max(l.depth, t.e.Depth())
	}
	if v.isTip {
		l.tips, l.depth = append(l.tips, l.tipOf(own)), max(l.depth, own.Depth())
	}
	l.forkedOf = v.forkedOf()
	return nil
}

// forkedOf are the state groups that the current state is the resolution of; nil where they are not all stored.
func (v *verdict) forkedOf() (groups []int64) {
	for _, t := range v.tips {
		groups = append(groups, t.State)
	}
	if v.isTip {
		groups = append(groups, v.after.group)
	}
	slices.Sort(groups)
	groups = slices.Compact(groups)
	if slices.Contains(groups, 0) {
		return nil
	}
	return groups
}

// move is a change of the current state.
type move struct {
	auth.Key
	e    *pdu.Event // nil: removed
	user store.Atom // whom it is about, where that is a user of this server
}

func (g *graph) move(key auth.Key, id string, own *pdu.Event) (m move, err error) {
	m.Key = key
	if key.Type == "m.room.member" && pdu.ServerOf(key.StateKey) == g.server {
		if m.user, err = g.r.FindAtom(key.StateKey); err != nil {
			return m, err
		}
	}
	switch id {
	case "":
	case own.ID():
		m.e = own
	default:
		m.e, err = g.event(id)
	}
	return m, err
}

// change takes over a change of the current state. All members that change are held until the copy is dropped: what is queued is not in the database.
func (l *live) change(m move) {
	member := m.Type == "m.room.member"
	if m.user != 0 {
		l.moved(m.e, m.StateKey, m.user)
	}
	switch {
	case !member && !slices.Contains(relevant(), m.Type):
	case m.e != nil:
		l.hold(m.e)
	default:
		l.release(m.Key)
	}
}

// release notes that an entry is not part of the state any more.
func (l *live) release(key auth.Key) {
	if old := l.held[key]; old != nil {
		l.grow(-eventWeight - len(old.JSON()))
	}
	l.held[key] = nil
}
