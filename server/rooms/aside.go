package rooms

import (
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// aside answers for events that did not follow the room's current state when they came, or came by backfill: what held at them stands in
// their own state groups, not in the course of the changes.
type aside struct {
	r      *store.Reader
	room   store.RoomRef
	states map[int64]held // by state group
	last   edge
}

// held is what the state of a group says about the user and the room.
type held struct{ membership, visibility string }

// edge is a stretch of the timeline between two events of the stream: nothing in it came later than pos.
type edge struct{ from, to, pos int64 }

// SeesEvent tells whether the user may see an event of the timeline. Everybody who shows events asks here.
//
// Spec: client-server API, "Room History Visibility".
func (v *Viewer) SeesEvent(e *store.Event) (bool, error) {
	switch {
	case !e.Placed, e.Status&store.StatusExpired != 0:
		return false, nil
	case e.Status&store.StatusAside == 0:
		return v.Sees(int64(e.NID)), nil // the position of an event on the main line is its number
	}
	pos, err := v.came(e.Ord)
	if err != nil {
		return false, err
	}
	if e.State == 0 { // nobody knows whether the user was there, so they count as a stranger
		visibility, _ := at(v.visibility, pos)
		return v.allowed(orShared(visibility), "", pos), nil
	}
	before, after, err := v.heldAround(e)
	return v.allowed(orShared(after.visibility), after.membership, pos) || v.allowed(orShared(after.visibility), before.membership, pos) ||
		before.visibility != after.visibility && before.visibility != "" && v.allowed(before.visibility, after.membership, pos), err
}

// StandingAt is the user's membership at an event, "leave" where they had none.
func (v *Viewer) StandingAt(e *store.Event) (string, error) {
	if e.Status&store.StatusAside == 0 {
		return v.MembershipAt(int64(e.NID)), nil
	}
	now, err := v.heldIn(e.State)
	if now.membership == "" {
		now.membership = "leave"
	}
	return now.membership, err
}

// came gives the position of an event of the timeline, or of the next one that has one.
func (a *aside) came(ord int64) (int64, error) {
	if a.last.from <= ord && ord <= a.last.to {
		return a.last.pos, nil
	}
	below := store.OrdMax
	if ord < a.last.from {
		below = a.last.from
	}
	to, pos, ok, err := a.r.PosFrom(a.room, ord, below)
	switch {
	case err != nil:
		return 0, err
	case ok:
		a.last = edge{ord, to, pos}
	case below < store.OrdMax: // all up to the stretch that is known came before it
		a.last.from = ord
	default:
		a.last = edge{ord, store.OrdMax, always}
	}
	return a.last.pos, nil
}

func (v *Viewer) heldAround(e *store.Event) (before, after held, err error) {
	group, err := v.r.StateBefore(e)
	if err != nil {
		return before, after, err
	}
	if before, err = v.heldIn(group); err != nil {
		return before, after, err
	}
	after, err = v.heldIn(e.State)
	return before, after, err
}

// heldIn reads what a state group says, once. A group of which nothing is known says nothing.
func (v *Viewer) heldIn(group int64) (h held, err error) {
	if h, ok := v.states[group]; ok || group == 0 {
		return h, nil
	}
	if h.membership, err = v.entry(group, store.AtomMember, v.user, "membership"); err != nil {
		return h, err
	}
	if h.visibility, err = v.entry(group, store.AtomHistoryVisibility, store.AtomEmpty, "history_visibility"); err != nil {
		return h, err
	}
	if v.states == nil {
		v.states = map[int64]held{}
	}
	v.states[group] = h
	return h, nil
}

// entry reads one field of one entry of a group's state, "" where there is none.
func (a *aside) entry(group int64, eventType, stateKey store.Atom, field string) (string, error) {
	nid, err := a.r.GroupEntry(group, eventType, stateKey)
	if err != nil || nid == 0 {
		return "", err
	}
	e, ok, err := a.r.Event(nid)
	if err != nil || !ok {
		return "", err
	}
	content, err := pdu.ParseObject(e.JSON)
	if err != nil {
		return "", err
	}
	value, _ := content.Object("content").Text(field)
	return value, nil
}
