package appservice

import (
	"cmp"
	"slices"

	"beffroi/server/clientevent"
	"beffroi/server/registrations"
	"beffroi/server/store"
)

// Bounds of what is remembered of rooms, and of how many users of a service are remembered of one.
const (
	maxRooms = 4096
	maxOwn   = 64
)

// interest decides which events and rooms concern a service. It belongs to one goroutine.
//
// Source: application service API, "Registration".
type interest struct {
	*registrations.Registration
	server string
	rooms  map[store.RoomRef]known
}

// known is what was found out about a room when its state stood at a position.
type known struct {
	stands  int64
	named   bool        // its id is in a namespace
	members []ownMember // users of the service; who is in the room longest comes first
}

// ownMember is a user of the service who is or was in a room.
type ownMember struct {
	user   store.Atom
	joined bool
	pos    int64 // since when
}

func newInterest(r *registrations.Registration, server string) *interest {
	return &interest{Registration: r, server: server, rooms: map[store.RoomRef]known{}}
}

// event tells whether an event concerns the service: a user of it sent it, or is whose membership it is, or was in the room at that moment; or the room
// is in a namespace by its id or an alias.
func (i *interest) event(r *store.Reader, e *store.Followed) (bool, error) {
	sender, err := r.Text(e.Sender)
	if err != nil || i.HasUser(sender) {
		return true, err
	}
	if e.Type == store.AtomMember {
		target, err := r.Text(e.StateKey)
		if err != nil || i.HasUser(target) {
			return true, err
		}
	}
	return i.room(r, e.Room, e.Pos)
}

// room tells whether what happened in a room at a position concerns the service.
func (i *interest) room(r *store.Reader, room store.RoomRef, pos int64) (bool, error) {
	k, err := i.look(r, room)
	if err != nil || k.named {
		return true, err
	}
	for _, m := range k.members {
		in, err := wasIn(r, room, m, pos)
		if err != nil || in {
			return true, err
		}
	}
	if len(i.Aliases) == 0 {
		return false, nil
	}
	aliases, err := r.AliasesOf(room)
	return slices.ContainsFunc(aliases, i.HasAlias), err
}

// wasIn tells whether somebody was joined at a position. What has not changed since is in the row of the membership; the rest is history.
func wasIn(r *store.Reader, room store.RoomRef, m ownMember, pos int64) (bool, error) {
	if m.pos <= pos {
		return m.joined, nil
	}
	nid, err := r.MemberEventAt(room, m.user, pos)
	if err != nil || nid == 0 {
		return false, err
	}
	e, _, err := r.Event(nid)
	return clientevent.ContentText(&e, "membership") == "join", err
}

// look reads what is known of a room, once for each change of its state.
func (i *interest) look(r *store.Reader, room store.RoomRef) (known, error) {
	stands, err := r.StateStands(room)
	if err != nil {
		return known{}, err
	}
	if k, ok := i.rooms[room]; ok && k.stands == stands {
		return k, nil
	}
	row, _, err := r.Room(room)
	if err != nil {
		return known{}, err
	}
	k := known{stands: stands, named: i.HasRoom(row.ID)}
	if k.members, err = i.own(r, room); err != nil {
		return known{}, err
	}
	if len(i.rooms) >= maxRooms {
		clear(i.rooms)
	}
	i.rooms[room] = k
	return k, nil
}

// own lists users of the service who are or were in a room. Of very many, those who are in it longest decide.
func (i *interest) own(r *store.Reader, room store.RoomRef) ([]ownMember, error) {
	found, err := r.LocalMembers(room, i.server, i.HasUser)
	members := make([]ownMember, len(found))
	for n, m := range found {
		members[n] = ownMember{m.User, m.Membership == store.Join, m.Pos}
	}
	slices.SortFunc(members, longestFirst)
	return slices.Clone(members[:min(len(members), maxOwn)]), err
}

// longestFirst sorts those who are in the room before those who were.
func longestFirst(a, b ownMember) int {
	if a.joined != b.joined {
		if a.joined {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.pos, b.pos)
}
