package syncer

import (
	"cmp"
	"container/list"
	"slices"
	"sync"

	"beffroi/server/store"
)

// maxHeldRooms is how many rooms are held of all users together; those of the users who were here the longest ago go first.
const maxHeldRooms = 250_000

// heldRooms holds the rooms of who uses sliding sync, so that one message does not cost a look at all rooms of everybody who waits for it.
type heldRooms struct {
	mu     sync.Mutex
	users  map[store.Atom]*list.Element
	recent *list.List // of *userRooms, the last used first
	rooms  int
}

// userRooms are the rooms of one user as of a position, both kinds sorted by their numbers.
type userRooms struct {
	user   store.Atom
	weight int // rooms; guarded by heldRooms.mu

	mu     sync.Mutex
	pos    int64 // 0: nothing was read yet
	joined []store.RoomHead
	others []otherRoom
}

// otherRoom is a room that the user is not in.
type otherRoom struct {
	store.RoomMember
	putOut *bool // whether somebody else ended the user's stay; nil: not looked for yet
}

func newHeldRooms() *heldRooms {
	return &heldRooms{users: map[store.Atom]*list.Element{}, recent: list.New()}
}

func (h *heldRooms) of(user store.Atom) *userRooms {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.users[user]; e != nil {
		h.recent.MoveToFront(e)
		return e.Value.(*userRooms)
	}
	u := &userRooms{user: user}
	h.users[user] = h.recent.PushFront(u)
	return u
}

// weigh notes how many rooms a user has, and drops who was here the longest ago where there are too many.
func (h *heldRooms) weigh(u *userRooms, rooms int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.users[u.user]; e == nil || e.Value != u {
		return
	}
	h.rooms += rooms - u.weight
	u.weight = rooms
	for h.rooms > maxHeldRooms && h.recent.Len() > 1 {
		last := h.recent.Remove(h.recent.Back()).(*userRooms)
		delete(h.users, last.user)
		h.rooms -= last.weight
	}
}

// follow brings the rooms up to a look's position: only those are read in which a membership changed, all where that is not known. What is touched after
// the position is told again the next time, when the snapshot has it for certain.
func (u *userRooms) follow(l *slide) (err error) {
	var news *store.News
	if u.pos > 0 && u.pos <= l.upto {
		news = l.db.News(u.pos, u.user, l.q.Session.Device)
	}
	u.pos = 0 // until all of it is read
	if news == nil {
		err = u.read(l.r)
	} else {
		for i := range news.Rooms {
			if err == nil {
				err = u.touched(l.r, &news.Rooms[i])
			}
		}
	}
	if err == nil {
		u.pos = l.upto
	}
	return err
}

func (u *userRooms) read(r *store.Reader) (err error) {
	if u.joined, err = r.JoinedHeads(u.user); err != nil {
		return err
	}
	others, err := r.OtherMemberships(u.user, 0)
	u.others = make([]otherRoom, 0, len(others))
	for _, m := range others {
		u.others = append(u.others, otherRoom{RoomMember: m})
	}
	slices.SortFunc(u.joined, func(a, b store.RoomHead) int { return cmp.Compare(a.Room, b.Room) })
	slices.SortFunc(u.others, func(a, b otherRoom) int { return cmp.Compare(a.Room, b.Room) })
	return err
}

func (u *userRooms) touched(r *store.Reader, n *store.RoomNews) error {
	i, in := u.findJoined(n.Room)
	if n.Touched&store.TouchedMembers != 0 {
		members, err := r.MembershipsIn(u.user, []store.RoomRef{n.Room})
		if err != nil {
			return err
		}
		if !in || len(members) == 0 || members[0].NID != u.joined[i].MemberNID {
			return u.replace(r, n.Room, members)
		}
	}
	if in {
		h := &u.joined[i]
		h.Timeline, h.State, h.Receipt = max(h.Timeline, n.LastEvent), max(h.State, n.LastState), max(h.Receipt, n.LastReceipt)
	}
	return nil
}

// replace takes up what a user's membership in a room is now.
func (u *userRooms) replace(r *store.Reader, room store.RoomRef, members []store.RoomMember) error {
	if i, in := u.findJoined(room); in {
		u.joined = slices.Delete(u.joined, i, i+1)
	}
	if i, in := u.findOther(room); in {
		u.others = slices.Delete(u.others, i, i+1)
	}
	if len(members) == 0 {
		return nil
	}
	if members[0].Membership != store.Join {
		i, _ := u.findOther(room)
		u.others = slices.Insert(u.others, i, otherRoom{RoomMember: members[0]})
		return nil
	}
	heads, err := r.JoinedHead(u.user, room)
	i, _ := u.findJoined(room)
	u.joined = slices.Insert(u.joined, i, heads...)
	return err
}

func (u *userRooms) findJoined(room store.RoomRef) (int, bool) {
	return slices.BinarySearchFunc(u.joined, room, func(h store.RoomHead, ref store.RoomRef) int { return cmp.Compare(h.Room, ref) })
}

func (u *userRooms) findOther(room store.RoomRef) (int, bool) {
	return slices.BinarySearchFunc(u.others, room, func(m otherRoom, ref store.RoomRef) int { return cmp.Compare(m.Room, ref) })
}
