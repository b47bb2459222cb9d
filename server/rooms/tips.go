package rooms

import (
	"fmt"
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
	followers, err := g.r.Followers(g.Ref, g.own.ID())
	if err != nil {
		return err
	}
	v.isTip = len(followers) == 0
	for _, t := range before {
		stays := !reached[t.ID]
		if !stays && !v.isTip && g.rules.Format == pdu.EventFormatV1 {
			if stays, err = g.circles(t); err != nil {
				return err
			}
		}
		if stays {
			v.tips = append(v.tips, t)
		}
	}
	var states []*state
	for _, t := range v.tips {
		states = append(states, ofGroup(t.State))
	}
	if v.isTip {
		states = append(states, v.after)
	}
	if v.current, err = g.together(states, v.isTip); err != nil {
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

// maxCircled is among how many events circles looks.
const maxCircled = 200

// circles tells whether an extremity that the event follows may follow it too, where ids are no hashes: such a circle must not leave the room without
// extremities. Beyond the bound it may.
func (g *graph) circles(t *vertex) (bool, error) {
	seen := map[string]bool{}
	for todo := t.e.PrevEvents(); len(todo) > 0; todo = todo[1:] {
		id := todo[0]
		if id == g.own.ID() || len(seen) == maxCircled {
			return true, nil
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		if v, err := g.vertex(id); err != nil {
			return false, err
		} else if v != nil {
			todo = append(todo, v.e.PrevEvents()...)
		}
	}
	return false, nil
}

// maxRefused is behind how many refused events reached looks: a stranger can make lines of them of any length. Extremities that are not reached
// stay, until an event of this server follows them.
const maxRefused = 100

// reached are the events before the event. Those that are refused count for nothing, but what is before them is before it too.
func (g *graph) reached() (map[string]bool, error) {
	reached, refused := map[string]bool{}, 0
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
		if v != nil && v.Status&(store.StatusSoftFailed|store.StatusRejected) != 0 && refused < maxRefused {
			refused++
			todo = append(todo, v.e.PrevEvents()...)
		}
	}
	return reached, nil
}

// maxResolved is of how many states of extremities the current state is the resolution. One member can fork a room as often as they like.
const maxResolved = 20

// together is the resolution of the states after all extremities, the event's own the last of them where it is one. While a room is forked, messages
// leave these states as they are: then what was resolved before holds. Where there are too many, the event's is resolved with what held before, until
// events of this server follow the others.
func (g *graph) together(states []*state, isTip bool) (*state, error) {
	if len(states) == 0 {
		return nil, fmt.Errorf("room %s: %s leaves no extremity", g.ID, g.own.ID())
	}
	own := states[len(states)-1]
	states = distinct(states)
	if len(states) > maxResolved {
		if !isTip {
			return ofGroup(g.head.group), nil
		}
		return g.resolve([]*state{ofGroup(g.head.group), own})
	}
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

// readMoves reads what the pending head needs to move over a verdict.
func (g *graph) readMoves(v *verdict) error {
	for key, id := range v.changes {
		m, err := g.move(key, id, v.shown())
		if err != nil {
			return err
		}
		v.moves = append(v.moves, m)
	}
	return nil
}

// shown is the event as it is kept.
func (v *verdict) shown() *pdu.Event {
	if v.hidden {
		return v.event.Redact()
	}
	return v.event
}

// adopt moves the pending head over a verdict.
func (l *live) adopt(v *verdict) {
	for _, m := range v.moves {
		l.change(m)
	}
	l.tips, l.depth = nil, 0
	for _, t := range v.tips {
		l.tips, l.depth = append(l.tips, l.tipOf(t.e)), max(l.depth, t.e.Depth())
	}
	if v.isTip {
		l.tips, l.depth = append(l.tips, l.tipOf(v.event)), max(l.depth, v.event.Depth())
	}
	l.forkedOf = v.forkedOf()
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

// move is a change of the current state, as far as the copy in memory cares.
type move struct {
	auth.Key
	user store.Atom // whom it is about, where that is a user of this server
	read bool       // e is what stands there now; else it is to be read again
	e    *pdu.Event // nil: nothing
}

func (g *graph) move(key auth.Key, id string, own *pdu.Event) (m move, err error) {
	m.Key = key
	if key.Type == "m.room.member" && pdu.ServerOf(key.StateKey) == g.server {
		if m.user, err = g.r.FindAtom(key.StateKey); err != nil {
			return m, err
		}
	}
	m.read = m.user != 0 || slices.Contains(relevant(), key)
	switch {
	case id == own.ID():
		m.e, m.read = own, m.read || oneOfMany(key)
	case id != "" && m.read:
		m.e, err = g.event(id)
	}
	return m, err
}

// change takes over a change of the current state.
func (l *live) change(m move) {
	if m.user != 0 {
		l.moved(m.e, m.StateKey, m.user)
	}
	if old := l.held[m.Key]; old != nil {
		l.grow(-eventWeight - len(old.JSON()))
	}
	delete(l.held, m.Key)
	if m.read && m.e != nil {
		l.hold(m.e)
	} else if m.read {
		l.held[m.Key] = nil
	}
}
