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

	encrypted *bool
	kind      *string // the room's type; "": none
}

// readRooms reads the user's list: the rooms that they are in, are invited to or ask to be let in, those that they were put out of, and those that the client was
// sent as others than left.
//
// Source: MSC4186, "Lists".
func (l *slide) readRooms() error {
	heads, err := l.r.JoinedHeads(l.q.Session.User)
	if err != nil {
		return err
	}
	for _, h := range heads {
		m := store.Member{Room: h.Room, User: l.q.Session.User, Membership: store.Join, NID: h.MemberNID, Pos: h.MemberPos}
		l.entries = append(l.entries, &slideRoom{RoomMember: store.RoomMember{Member: m, RoomID: h.RoomID}, head: h,
			activity: max(h.Timeline, h.MemberPos)})
	}
	others, err := l.r.OtherMemberships(l.q.Session.User, 0)
	if err != nil {
		return err
	}
	for _, m := range others {
		if listed, err := l.listed(&m); err != nil {
			return err
		} else if listed {
			l.entries = append(l.entries, &slideRoom{RoomMember: m, activity: m.Pos})
		}
	}
	slices.SortFunc(l.entries, func(a, b *slideRoom) int { return cmp.Compare(b.activity, a.activity) })
	return nil
}

// listed tells whether a room that the user is not in belongs to the list.
func (l *slide) listed(m *store.RoomMember) (bool, error) {
	if m.Membership == store.Invite || m.Membership == store.Knock {
		return true, nil
	}
	if was, ok := l.known(m.Room); ok && (was.membership < store.Leave || m.Pos > was.upto) {
		return true, nil
	}
	if m.Forgotten {
		return false, nil
	}
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
		encrypted, err := l.encrypted(room)
		if err != nil || encrypted != *f.IsEncrypted {
			return false, err
		}
	}
	if f.RoomTypes == nil && f.NotRoomTypes == nil {
		return true, nil
	}
	kind, err := l.kind(room)
	is := func(t *string) bool { return t == nil && kind == "" || t != nil && *t == kind && kind != "" }
	return (f.RoomTypes == nil || slices.ContainsFunc(f.RoomTypes, is)) && !slices.ContainsFunc(f.NotRoomTypes, is), err
}

func (l *slide) encrypted(room *slideRoom) (bool, error) {
	if room.encrypted == nil {
		_, is, err := l.r.CurrentEvent(room.Room, store.AtomEncryption, store.AtomEmpty)
		if err != nil {
			return false, err
		}
		room.encrypted = &is
	}
	return *room.encrypted, nil
}

func (l *slide) kind(room *slideRoom) (string, error) {
	if room.kind == nil {
		create, _, err := l.r.CurrentEvent(room.Room, store.AtomCreate, store.AtomEmpty)
		if err != nil {
			return "", err
		}
		kind := clientevent.ContentText(&create, "type")
		room.kind = &kind
	}
	return *room.kind, nil
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
	if f.Spaces == nil {
		return true, nil
	}
	key, err := l.r.FindAtom(room.RoomID)
	if err != nil || key == 0 {
		return false, err
	}
	for _, space := range l.entries {
		if space.Membership != store.Join || !slices.Contains(f.Spaces, space.RoomID) {
			continue
		}
		child, ok, err := l.r.CurrentEvent(space.Room, store.AtomSpaceChild, key)
		if err != nil {
			return false, err
		}
		if ok && hasVia(&child) {
			return true, nil
		}
	}
	return false, nil
}

// hasVia tells a child from one that was removed. Source: client-server API, "m.space.child".
func hasVia(child *store.Event) bool {
	var content struct {
		Via []string `json:"via"`
	}
	return json.Unmarshal(clientevent.Content(child), &content) == nil && len(content.Via) > 0
}
