package syncer

import (
	"maps"
	"math"
	"slices"

	"beffroi/server/clientevent"
	"beffroi/server/store"
)

// rooms fills the sections by membership.
func (l *look) rooms() error {
	if l.news != nil {
		return l.touchedRooms()
	}
	heads, err := l.r.JoinedHeads(l.q.Session.User)
	if err != nil {
		return err
	}
	if l.initial || l.q.FullState {
		if l.counts, err = l.sources.Push.UnreadRooms(l.r, l.q.Session.User, l.q.Filter.Room.Timeline.UnreadThreadNotifications); err != nil {
			return err
		}
	}
	for _, h := range heads {
		if !l.concerns(&h) {
			continue
		}
		s := l.section(h.Room, h.RoomID, h.MemberPos)
		s.lastState, s.lastReceipt = h.State, h.Receipt
		if err := s.read((*section).joinedNow); err != nil {
			return err
		}
	}
	others, err := l.r.OtherMemberships(l.q.Session.User, l.since)
	if err != nil {
		return err
	}
	for _, m := range others {
		s := l.section(m.Room, m.RoomID, m.Pos)
		if err := s.read(func(s *section) error { return s.notJoinedNow(&m.Member) }); err != nil {
			return err
		}
	}
	return nil
}

// touchedRooms fills the sections of the rooms in which something is known to have changed.
func (l *look) touchedRooms() error {
	refs := l.sources.Ephemeral.ChangedAfter(l.typed)
	for _, n := range l.news.Rooms {
		refs = append(refs, n.Room)
	}
	refs = slices.AppendSeq(refs, maps.Keys(l.data))
	slices.Sort(refs)
	members, err := l.membershipsIn(slices.Compact(refs))
	if err != nil {
		return err
	}
	for _, m := range members {
		read := (*section).joinedNow
		switch {
		case m.Membership == store.Join:
		case m.Pos > l.since:
			read = func(s *section) error { return s.notJoinedNow(&m.Member) }
		default:
			continue
		}
		if err := l.section(m.Room, m.RoomID, m.Pos).read(read); err != nil {
			return err
		}
	}
	return nil
}

// membershipsIn gives the user's memberships in some rooms: those that are known from before while nobody's membership changed.
func (l *look) membershipsIn(refs []store.RoomRef) ([]store.RoomMember, error) {
	if l.known != nil && !l.touched(store.TouchedMembers) {
		l.memberships = l.known.memberships
	}
	out, unknown := make([]store.RoomMember, 0, len(refs)), refs[:0]
	for _, ref := range refs {
		if m, ok := l.memberships[ref]; ok {
			out = append(out, m)
		} else {
			unknown = append(unknown, ref)
		}
	}
	if len(unknown) == 0 {
		return out, nil
	}
	read, err := l.r.MembershipsIn(l.q.Session.User, unknown)
	l.learnMemberships(unknown, read)
	return append(out, read...), err
}

// learnMemberships keeps what was read for the next look, as no membership where there is none. Other looks may read the map that is known.
func (l *look) learnMemberships(refs []store.RoomRef, read []store.RoomMember) {
	known := map[store.RoomRef]store.RoomMember{}
	if len(l.memberships)+len(refs) <= maxRooms {
		maps.Copy(known, l.memberships)
	}
	for _, ref := range refs[:min(len(refs), maxRooms)] {
		known[ref] = store.RoomMember{}
	}
	for _, m := range read {
		known[m.Room] = m
	}
	l.memberships = known
}

// concerns tells whether there may be something to tell of a room that the user is joined to.
func (l *look) concerns(h *store.RoomHead) bool {
	return l.initial || l.q.FullState || h.Last() > l.since || len(l.data[h.Room]) > 0 || l.typedIn(h.Room)
}

// section begins the reading of a room.
func (l *look) section(ref store.RoomRef, id string, memberPos int64) *section {
	s := &section{look: l, ref: ref, id: id, since: l.since, upto: l.upto, memberPos: memberPos, lastState: always, lastReceipt: always}
	if l.news != nil {
		s.news = l.news.Room(ref)
	}
	return s
}

const always = math.MaxInt64

// read leaves out the rooms that the filter leaves out.
func (s *section) read(how func(s *section) error) error {
	if !s.q.Filter.Room.MatchRoom(s.id) {
		return nil
	}
	return how(s)
}

func (s *section) joinedNow() error {
	switch {
	case s.initial && s.memberPos <= s.upto:
		s.newly = true
		return s.joined()
	case s.memberPos > s.since:
		return s.changedMembership(false)
	}
	return s.joined()
}

func (s *section) notJoinedNow(m *store.Member) error {
	gone := m.Membership == store.Leave || m.Membership == store.Ban
	if s.initial && gone && m.Pos <= s.upto && (m.Forgotten || !s.q.Filter.Room.IncludeLeave) {
		return nil
	}
	return s.changedMembership(m.Forgotten)
}

// changedMembership is for rooms in which the user's membership event changed after since, maybe only after upto.
func (s *section) changedMembership(forgotten bool) error {
	steps, err := s.ownSteps()
	if err == nil {
		steps, err = s.withoutIgnored(steps)
	}
	if err != nil {
		return err
	}
	was, now, between := around(steps, s.since, s.upto)
	if len(between) == 0 && now.membership != store.Join {
		return nil // what changed is for the next answer
	}
	switch now.membership {
	case store.Join:
		s.newly = was.membership != store.Join || !joinedIn(between)
		return s.joined()
	case store.Invite:
		return s.invited(&now.event)
	case store.Knock:
		return s.knocked(&now.event)
	case store.Leave, store.Ban:
		return s.left(steps, was, now, forgotten)
	}
	return nil
}

// step is a change of the user's own membership event.
type step struct {
	pos        int64
	membership store.Membership
	event      store.Event
}

// ownSteps reads the history of the user's membership, the earliest first.
func (s *section) ownSteps() ([]step, error) {
	changes, err := s.r.StateChanges(s.ref, store.AtomMember, s.q.Session.User)
	if err != nil {
		return nil, err
	}
	nids := make([]store.NID, 0, len(changes))
	for _, c := range changes {
		nids = append(nids, c.New)
	}
	events, err := clientevent.LoadNIDs(s.r, nids)
	steps := make([]step, 0, len(changes))
	for _, c := range changes {
		e := events[c.New]
		steps = append(steps, step{c.Pos, membershipOf(&e), e})
	}
	return steps, err
}

// withoutIgnored leaves out invitations by somebody ignored, and all where the user wants none: what was before them still holds for the client.
//
// Spec: client-server API, "Ignoring Users" and "Invite permission".
func (s *section) withoutIgnored(steps []step) (out []step, err error) {
	for _, st := range steps {
		ignored := false
		if st.membership == store.Invite {
			if ignored, err = s.ignoresInvite(st.event.Sender); err != nil {
				return nil, err
			}
		}
		if !ignored {
			out = append(out, st)
		}
	}
	return out, nil
}

// around gives the step that held at since, the one that held at upto, and those between.
func around(steps []step, since, upto int64) (was, now step, between []step) {
	for i, s := range steps {
		switch {
		case s.pos <= since:
			was, now = s, s
		case s.pos <= upto:
			now, between = s, append(between, steps[i])
		}
	}
	return was, now, between
}

// joinedIn tells whether every step left the user joined.
func joinedIn(steps []step) bool {
	for _, s := range steps {
		if s.membership != store.Join {
			return false
		}
	}
	return true
}

func membershipOf(e *store.Event) store.Membership {
	return store.ParseMembership(clientevent.ContentText(e, "membership"))
}
