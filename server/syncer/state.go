package syncer

import (
	"cmp"
	"maps"
	"slices"

	"beffroi/server/clientevent"
	"beffroi/server/store"
)

// entry names a piece of a room's state.
type entry struct{ eventType, stateKey store.Atom }

// state is what became of the entries of a room's state.
type state struct {
	window map[entry][]store.Change // what changed after the base and up to upto, the earliest first
	later  map[entry]store.NID      // what stood at upto where it changed since
	shown  map[store.NID]bool       // the events of the timeline
}

// readChanges reads what changed since the timeline began, or since the client's token where the client knows the state at that.
func (s *section) readChanges() error {
	base := s.since
	if s.full() {
		base = s.upto
		if len(s.timeline) > 0 {
			base = min(base, s.timeline[0].Pos-1)
		}
	}
	s.changes = state{window: map[entry][]store.Change{}, later: map[entry]store.NID{}, shown: map[store.NID]bool{}}
	for _, e := range s.timeline {
		s.changes.shown[e.NID] = true
	}
	if !s.touched(store.TouchedState) || s.lastState <= base {
		return nil
	}
	changes, err := s.r.ChangesSince(s.ref, base)
	s.changes.take(changes, s.upto)
	return err
}

// take sorts changes by whether the answer reaches them.
func (st *state) take(changes []store.Change, upto int64) {
	for _, c := range changes {
		k := entry{c.Type, c.StateKey}
		if c.Pos <= upto {
			st.window[k] = append(st.window[k], c)
		} else if _, ok := st.later[k]; !ok {
			st.later[k] = c.Old
		}
	}
}

// readLater reads by what the snapshot's state is ahead.
func (s *section) readLater() error {
	changes, err := s.r.ChangesSince(s.ref, s.upto)
	s.changes.take(changes, s.upto)
	return err
}

// members tells whether a membership changed in the window.
func (st *state) members() bool {
	for k := range st.window {
		if k.eventType == store.AtomMember {
			return true
		}
	}
	return false
}

// at winds an entry of the snapshot back to upto.
func (st *state) at(k entry, now store.NID) store.NID {
	if nid, ok := st.later[k]; ok {
		return nid
	}
	return now
}

// before is what stood where the timeline starts, of an entry that is nid at its end. What came to stand without an event of the timeline
// counts as before it: a client learns it nowhere else.
func (st *state) before(k entry, nid store.NID) store.NID {
	if !st.shown[nid] {
		return nid
	}
	for _, c := range st.window[k] {
		if st.shown[c.New] {
			return c.Old
		}
	}
	return nid
}

// readState gives the state that the client needs: all of it, or what changed since the token; before the timeline, or after it.
func (s *section) readState(heroes []store.Atom) (Events, error) {
	wanted := map[entry]store.NID{}
	var err error
	if s.full() {
		err = s.wholeState(wanted)
	} else {
		s.changedState(wanted)
	}
	if err == nil && s.lazy() {
		err = s.neededMembers(wanted, heroes)
	}
	if err != nil {
		return Events{}, err
	}
	events, err := s.eventsOf(wanted)
	if err != nil {
		return Events{}, err
	}
	slices.SortFunc(events, func(a, b store.Event) int { return cmp.Compare(a.NID, b.NID) })
	return s.renderState(events)
}

func (s *section) lazy() bool { return s.cfg != nil || s.q.Filter.Room.State.LazyLoadMembers }

// place gives what is sent of an entry: how it stood before the timeline, or after it where that was asked for.
func (s *section) place(k entry, nid store.NID) store.NID {
	if s.q.StateAfter {
		return nid
	}
	return s.changes.before(k, nid)
}

// readWhole reads the current state, once; without memberships where they are loaded lazily.
func (s *section) readWhole() (err error) {
	if s.whole == nil {
		read := s.r.CurrentEvents
		if s.lazy() {
			read = s.r.CurrentEventsWithoutMembers
		}
		s.whole, err = read(s.ref)
	}
	return err
}

// wholeState wants every entry; memberships only where they are not loaded lazily.
func (s *section) wholeState(wanted map[entry]store.NID) error {
	err := s.readWhole()
	for i := range s.whole {
		e := &s.whole[i]
		k := entry{e.Type, e.StateKey}
		if nid := s.place(k, s.changes.at(k, e.NID)); nid != 0 {
			wanted[k] = nid
		}
	}
	return err
}

// changedState wants the entries that are others than at the token.
func (s *section) changedState(wanted map[entry]store.NID) {
	for k, changes := range s.changes.window {
		nid := s.place(k, changes[len(changes)-1].New)
		if nid != 0 && nid != changes[0].Old {
			wanted[k] = nid
		}
	}
}

// neededMembers adds the memberships of who is seen: senders, heroes and, with the whole state, the user. What the client was sent already
// is left out. Spec: client-server API, "Lazy-loading room members".
func (s *section) neededMembers(wanted map[entry]store.NID, heroes []store.Atom) error {
	users := slices.Clone(heroes)
	for _, e := range s.timeline {
		users = append(users, e.Sender)
	}
	if s.full() {
		users = append(users, s.q.Session.User)
	}
	slices.Sort(users)
	members, err := s.r.CurrentMembers(s.ref, slices.Compact(users))
	if err == nil && slices.ContainsFunc(members, func(m store.StateEntry) bool { return int64(m.NID) > s.upto }) {
		err = s.readLater() // it came after News was asked
	}
	for _, m := range members {
		k := entry{m.Type, m.StateKey}
		now := s.changes.at(k, m.NID)
		nid := s.place(k, now)
		_, already := wanted[k]
		known := s.device.knows(memberKey{s.ref, m.StateKey}, nid, s.look.since) && !s.q.Filter.Room.State.IncludeRedundantMembers
		if nid != 0 && !already && (!known || s.newly) {
			wanted[k] = nid
		}
		s.members[memberKey{s.ref, m.StateKey}] = now
	}
	return err
}

// eventsOf reads the events that are wanted, but for those that were read already.
func (s *section) eventsOf(wanted map[entry]store.NID) ([]store.Event, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	missing := make(map[store.NID]bool, len(wanted))
	for _, nid := range wanted {
		missing[nid] = true
	}
	events := make([]store.Event, 0, len(wanted))
	take := func(e *store.Event) {
		if missing[e.NID] {
			delete(missing, e.NID)
			events = append(events, *e)
		}
	}
	for i := range s.whole {
		take(&s.whole[i])
	}
	for i := range s.timeline {
		take(&s.timeline[i].Event)
	}
	more, err := s.r.EventsByNID(slices.Collect(maps.Keys(missing)))
	return append(events, more...), err
}

// summary counts the members and names the heroes where that may have changed. Spec: client-server API, "RoomSummary".
func (s *section) summary(to *Summary) (heroes []store.Atom, err error) {
	if !s.full() && !s.changes.members() && !s.renamed() {
		return nil, nil
	}
	joined, invited, err := s.r.MemberCounts(s.ref)
	if err != nil {
		return nil, err
	}
	to.Joined, to.Invited = &joined, &invited
	named, err := s.named()
	if err != nil || named {
		return nil, err
	}
	if heroes, err = s.r.Heroes(s.ref, s.q.Session.User, true); err == nil && len(heroes) == 0 {
		heroes, err = s.r.Heroes(s.ref, s.q.Session.User, false)
	}
	if err != nil {
		return nil, err
	}
	to.Heroes, err = s.texts(heroes)
	return heroes, err
}

func (s *section) renamed() bool {
	_, name := s.changes.window[entry{store.AtomName, store.AtomEmpty}]
	_, alias := s.changes.window[entry{store.AtomCanonicalAlias, store.AtomEmpty}]
	return name || alias
}

// named tells whether the room has a name or an alias to be called by.
func (s *section) named() (bool, error) {
	for eventType, field := range map[store.Atom]string{store.AtomName: "name", store.AtomCanonicalAlias: "alias"} {
		e, ok, err := s.current(eventType)
		if err != nil {
			return false, err
		}
		if ok && clientevent.ContentText(&e, field) != "" {
			return true, nil
		}
	}
	return false, nil
}

// current gives a piece of the current state with the empty state key.
func (s *section) current(eventType store.Atom) (store.Event, bool, error) {
	if !s.full() {
		return s.r.CurrentEvent(s.ref, eventType, store.AtomEmpty)
	}
	err := s.readWhole()
	i := slices.IndexFunc(s.whole, func(e store.Event) bool { return e.Type == eventType && e.StateKey == store.AtomEmpty })
	if i < 0 {
		return store.Event{}, false, err
	}
	return s.whole[i], true, nil
}
