package syncer

import (
	"cmp"
	"encoding/json"
	"slices"

	"beffroi/server/clientevent"
	"beffroi/server/store"
)

// slideRoom is a room in the user's list.
type slideRoom struct {
	store.RoomMember
	head     store.RoomHead // of a room that the user is in
	activity int64          // position
	lists    []string
}

// readRooms reads the user's list: the rooms that they are in, are invited to or ask to be let in, those that they were put out of, and those that the client was
// sent as others than left.
//
// Source: MSC4186, "Lists".
func (l *slide) readRooms() error {
	u := l.held.of(l.q.Session.User)
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.follow(l); err != nil {
		return err
	}
	l.held.weigh(u, len(u.joined)+len(u.others))
	l.entries = make([]*slideRoom, 0, len(u.joined))
	for _, h := range u.joined {
		m := store.Member{Room: h.Room, User: l.q.Session.User, Membership: store.Join, NID: h.MemberNID, Pos: h.MemberPos}
		l.entries = append(l.entries, &slideRoom{RoomMember: store.RoomMember{Member: m, RoomID: h.RoomID}, head: h,
			activity: max(h.Timeline, h.MemberPos)})
	}
	for i := range u.others {
		m := &u.others[i]
		if listed, err := l.listed(m); err != nil {
			return err
		} else if listed {
			l.entries = append(l.entries, &slideRoom{RoomMember: m.RoomMember, activity: m.Pos})
		}
	}
	slices.SortFunc(l.entries, func(a, b *slideRoom) int { return cmp.Compare(b.activity, a.activity) })
	return nil
}

// listed tells whether a room that the user is not in belongs to the list.
func (l *slide) listed(m *otherRoom) (bool, error) {
	if m.Membership == store.Invite || m.Membership == store.Knock {
		return true, nil
	}
	if was, ok := l.known(m.Room); ok && (was.membership < store.Leave || m.Pos > was.upto) {
		return true, nil
	}
	if m.Forgotten {
		return false, nil
	}
	if m.putOut == nil {
		putOut, err := l.putOut(m)
		if err != nil {
			return false, err
		}
		m.putOut = &putOut
	}
	return *m.putOut, nil
}

// putOut tells whether the user was in a room, and it was somebody else who ended that.
func (l *slide) putOut(m *otherRoom) (bool, error) {
	e, ok, err := l.r.Event(m.NID)
	if err != nil || !ok || e.Sender == l.q.Session.User {
		return false, err
	}
	s := l.section(m.Room, m.RoomID, m.Pos)
	steps, err := s.ownSteps()
	return lastStay(steps, m.Pos) > 0, err
}

// windows chooses the rooms of the lists, and counts how many pass their filters.
func (l *slide) windows() error {
	for name, list := range l.q.Lists {
		n := 0
		for _, room := range l.entries {
			passes, err := l.passes(list.Filters, room)
			if err != nil {
				return err
			}
			if !passes {
				continue
			}
			if list.covers(n) {
				room.lists = append(room.lists, name)
				l.config(room, &list.WindowConfig)
			}
			n++
		}
		l.answer.lists[name] = n
	}
	slices.SortFunc(l.wanted, func(a, b *slideRoom) int { return cmp.Compare(b.activity, a.activity) })
	return nil
}

// passes holds a room against the filters of a list.
//
// Source: MSC4186, "SlidingRoomFilter".
func (l *slide) passes(f *SlidingFilters, room *slideRoom) (bool, error) {
	if f == nil {
		return true, nil
	}
	invited := cmp.Or(f.IsInvited, f.IsInvite)
	if differs(f.IsDM, l.direct[room.RoomID]) || differs(invited, room.Membership == store.Invite) {
		return false, nil
	}
	for _, holds := range []func(*SlidingFilters, *slideRoom) (bool, error){l.passesState, l.passesTags, l.passesSpaces} {
		if ok, err := holds(f, room); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func differs(wanted *bool, is bool) bool { return wanted != nil && *wanted != is }

func (l *slide) passesState(f *SlidingFilters, room *slideRoom) (bool, error) {
	if f.IsEncrypted != nil {
		if err := l.readState(&l.encrypted, store.AtomEncryption); err != nil {
			return false, err
		}
		if _, is := l.encrypted[room.Room]; is != *f.IsEncrypted {
			return false, nil
		}
	}
	if f.RoomTypes == nil && f.NotRoomTypes == nil {
		return true, nil
	}
	err := l.readState(&l.created, store.AtomCreate)
	create := l.created[room.Room]
	kind := clientevent.ContentText(&create, "type")
	is := func(t *string) bool { return t == nil && kind == "" || t != nil && *t == kind && kind != "" }
	return (f.RoomTypes == nil || slices.ContainsFunc(f.RoomTypes, is)) && !slices.ContainsFunc(f.NotRoomTypes, is), err
}

// readState reads one piece of the state of all rooms, once.
func (l *slide) readState(to *map[store.RoomRef]store.Event, eventType store.Atom) error {
	if *to != nil {
		return nil
	}
	events, err := l.r.CurrentInRoomsOf(l.q.Session.User, eventType, store.AtomEmpty)
	*to = make(map[store.RoomRef]store.Event, len(events))
	for _, e := range events {
		(*to)[e.Room] = e
	}
	return err
}

func (l *slide) passesTags(f *SlidingFilters, room *slideRoom) (bool, error) {
	if f.Tags == nil && f.NotTags == nil {
		return true, nil
	}
	if err := l.readTags(); err != nil {
		return false, err
	}
	has := func(tag string) bool { _, ok := l.tags[room.Room][tag]; return ok }
	return (f.Tags == nil || slices.ContainsFunc(f.Tags, has)) && !slices.ContainsFunc(f.NotTags, has), nil
}

// readTags reads the tags of all rooms, once.
func (l *slide) readTags() error {
	if l.tags != nil {
		return nil
	}
	l.tags = map[store.RoomRef]map[string]json.RawMessage{}
	kind, err := l.r.FindAtom("m.tag")
	if err != nil || kind == 0 {
		return err
	}
	all, err := l.r.AccountDataOfType(l.q.Session.User, kind)
	for _, d := range all {
		var content struct {
			Tags map[string]json.RawMessage `json:"tags"`
		}
		if json.Unmarshal(d.Content, &content) == nil {
			l.tags[d.Room] = content.Tags
		}
	}
	return err
}

// passesSpaces looks for the room among the children of the spaces that the user is in.
func (l *slide) passesSpaces(f *SlidingFilters, room *slideRoom) (bool, error) {
	for _, space := range f.Spaces {
		children, err := l.childrenOf(space)
		if err != nil || children[room.RoomID] {
			return err == nil, err
		}
	}
	return f.Spaces == nil, nil
}

// childrenOf gives the ids of the rooms that a space names, where the user is in it. Each space is read once.
func (l *slide) childrenOf(space string) (map[string]bool, error) {
	if children, known := l.children[space]; known {
		return children, nil
	}
	children := map[string]bool{}
	l.children[space] = children
	i := slices.IndexFunc(l.entries, func(e *slideRoom) bool { return e.RoomID == space && e.Membership == store.Join })
	if i < 0 {
		return children, nil
	}
	events, err := l.r.CurrentEventsOfType(l.entries[i].Room, store.AtomSpaceChild)
	for _, e := range events {
		id, err := l.r.Text(e.StateKey)
		if err != nil {
			return nil, err
		}
		children[id] = hasVia(&e)
	}
	return children, err
}

// hasVia tells a child from one that was removed. Source: client-server API, "m.space.child".
func hasVia(child *store.Event) bool {
	var content struct {
		Via []string `json:"via"`
	}
	return json.Unmarshal(clientevent.Content(child), &content) == nil && len(content.Via) > 0
}
