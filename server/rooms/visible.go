package rooms

import (
	"sort"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Viewer answers what one user may see in one room. It is good for one snapshot of the database: ask again with each.
//
// Spec: client-server API, "Room History Visibility".
type Viewer struct {
	Membership  store.Membership // now; 0: never had one
	Forgotten   bool
	lastJoin    int64 // the last position at which the user was joined; everything while they are
	memberships []span
	visibility  []span
	user        store.Atom
	aside
}

// span is what holds from a position on.
type span struct {
	from  int64
	value string
}

const always = int64(1<<63 - 1)

// View prepares the answers for a user in a room.
func View(r *store.Reader, room store.RoomRef, user store.Atom) (*Viewer, error) {
	v := &Viewer{user: user, aside: aside{r: r, room: room, last: edge{from: store.OrdMax}}}
	m, _, err := r.Member(room, user)
	if err != nil {
		return nil, err
	}
	v.Membership, v.Forgotten = m.Membership, m.Forgotten
	if v.memberships, err = spans(r, room, store.AtomMember, user, "membership"); err != nil {
		return nil, err
	}
	if v.visibility, err = spans(r, room, store.AtomHistoryVisibility, store.AtomEmpty, "history_visibility"); err != nil {
		return nil, err
	}
	for i, s := range v.memberships {
		if s.value != "join" {
			continue
		}
		v.lastJoin = always
		if i+1 < len(v.memberships) {
			v.lastJoin = v.memberships[i+1].from
		}
	}
	return v, nil
}

// spans reads what one entry of the state said in the course of time.
func spans(r *store.Reader, room store.RoomRef, eventType, stateKey store.Atom, field string) ([]span, error) {
	changes, err := r.StateChanges(room, eventType, stateKey)
	if err != nil {
		return nil, err
	}
	out := make([]span, 0, len(changes))
	for _, c := range changes {
		e, ok, err := r.Event(c.New)
		if err != nil {
			return nil, err
		}
		s := span{from: c.Pos}
		if content, err := pdu.ParseObject(e.JSON); ok && err == nil {
			s.value, _ = content.Object("content").Text(field)
		}
		out = append(out, s)
	}
	return out, nil
}

// at is the value at a position, and the one before it where it changed there.
func at(spans []span, pos int64) (now, before string) {
	i := sort.Search(len(spans), func(i int) bool { return spans[i].from > pos })
	if i == 0 {
		return "", ""
	}
	now = spans[i-1].value
	before = now
	if spans[i-1].from == pos {
		before = ""
		if i > 1 {
			before = spans[i-2].value
		}
	}
	return now, before
}

// MembershipAt is the user's membership at a position, "leave" where they had none.
func (v *Viewer) MembershipAt(pos int64) string {
	now, _ := at(v.memberships, pos)
	if now == "" {
		return "leave"
	}
	return now
}

// Sees tells whether the user may see what happened in the room at a position. Where membership or visibility change
// at that very position, the more permissive side counts.
func (v *Viewer) Sees(pos int64) bool {
	visibility, visibilityBefore := at(v.visibility, pos)
	membership, membershipBefore := at(v.memberships, pos)
	return v.allowed(orShared(visibility), membership, pos) || v.allowed(orShared(visibility), membershipBefore, pos) ||
		visibilityBefore != visibility && visibilityBefore != "" && v.allowed(visibilityBefore, membership, pos)
}

// orShared is the visibility that holds where a room says none or one that nobody knows.
func orShared(visibility string) string {
	switch visibility {
	case "world_readable", "shared", "invited", "joined":
		return visibility
	}
	return "shared"
}

func (v *Viewer) allowed(visibility, membership string, pos int64) bool {
	switch {
	case visibility == "world_readable", membership == "join":
		return true
	case visibility == "shared":
		return v.lastJoin >= pos
	case visibility == "invited":
		return membership == "invite"
	}
	return false
}

// SeesAll tells whether nothing on the room's main line is hidden from the user.
func (v *Viewer) SeesAll() bool {
	for _, s := range v.visibility {
		if is := orShared(s.value); is != "shared" && is != "world_readable" {
			return false
		}
	}
	return v.In()
}

// In tells whether the user is joined now.
func (v *Viewer) In() bool { return v.Membership == store.Join }

// SeesNow tells whether the user may see what happens in the room now, in it or not.
func (v *Viewer) SeesNow() bool { return v.Sees(always - 1) }
