package syncer

import (
	"cmp"
	"container/list"
	"slices"
	"sync"

	"beffroi/server/eventfilter"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

// Bounds of what is remembered: that much of the most recent devices, and of one device that many memberships.
const (
	maxDevices = 4096
	maxMembers = 10_000
	maxRooms   = 200 // rooms in which a device's user is known to be, or not to be
	maxFilters = 256 // of all devices: clients of one make have the same one
)

// memory remembers of each device what spares work. Nothing depends on it: what is forgotten is read or sent again.
type memory struct {
	mu      sync.Mutex
	devices map[int64]*list.Element
	recent  *list.List                     // of *device, the last used first
	filters map[string]*eventfilter.Filter // by id, which is a hash of the content
}

// device is what is remembered of one device.
type device struct {
	id int64

	filterID string // the last one; guarded by memory.mu

	mu      sync.Mutex
	quiet   *quiet
	facts   *facts
	members []sentMember // sorted by key
}

// quiet is the token of an answer with which a device knew everything, and the count of the user's wakes before it was looked for.
type quiet struct {
	token synctoken.Sync
	wakes uint64
}

// facts are what was read of a device and its user at a position. They hold as long as the streams that they are read from are not touched.
type facts struct {
	pos             int64
	drained         bool                // no message waits for the device
	ignored         map[store.Atom]bool // nil: not read
	oneTimeKeys     map[string]int
	unusedFallbacks []string
	memberships     map[store.RoomRef]store.RoomMember // some of the user's; not changed any more
}

type memberKey struct {
	room store.RoomRef
	user store.Atom
}

// sentMember is a membership event that was sent with the answer whose token has the position pos.
type sentMember struct {
	memberKey
	nid store.NID
	pos int64
}

func (m sentMember) compare(k memberKey) int {
	return cmp.Or(cmp.Compare(m.room, k.room), cmp.Compare(m.user, k.user))
}

func newMemory() *memory {
	return &memory{devices: map[int64]*list.Element{}, recent: list.New(), filters: map[string]*eventfilter.Filter{}}
}

func (m *memory) device(id int64) *device {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.devices[id]; e != nil {
		m.recent.MoveToFront(e)
		return e.Value.(*device)
	}
	d := &device{id: id}
	m.devices[id] = m.recent.PushFront(d)
	if m.recent.Len() > maxDevices {
		last := m.recent.Back()
		delete(m.devices, m.recent.Remove(last).(*device).id)
	}
	return d
}

// unchanged gives what is known of the device where it knew everything with this token and nothing happened since.
func (d *device) unchanged(since *synctoken.Sync, wakes uint64) *facts {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.quiet == nil || since == nil || d.quiet.token != *since || d.quiet.wakes != wakes {
		return nil
	}
	return d.facts
}

// factsAt gives what was known at a position or later, nil where that is nothing.
func (d *device) factsAt(pos int64) *facts {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.facts == nil || d.facts.pos < pos {
		return nil
	}
	return d.facts
}

func (d *device) learn(f *facts) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.facts = f
}

func (d *device) rest(q *quiet) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.quiet = q
}

// forget is for a client that begins anew: it knows nobody.
func (d *device) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.members = nil
}

// knows tells whether the client has this membership event: it was sent, and since proves that the answer arrived.
func (d *device) knows(k memberKey, nid store.NID, since int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, ok := slices.BinarySearchFunc(d.members, k, sentMember.compare)
	return ok && d.members[i].nid == nid && d.members[i].pos <= since
}

// sent remembers membership events of an answer. It keeps what is left of the map to itself.
func (d *device) sent(members map[memberKey]store.NID, pos int64) {
	if len(members) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.members)+len(members) > maxMembers {
		d.members = nil
	}
	all := make([]sentMember, 0, len(d.members)+len(members))
	for _, old := range d.members {
		if nid, again := members[old.memberKey]; !again || nid == old.nid {
			all = append(all, old)
			delete(members, old.memberKey)
		}
	}
	for k, nid := range members {
		all = append(all, sentMember{k, nid, pos})
	}
	slices.SortFunc(all, func(a, b sentMember) int { return a.compare(b.memberKey) })
	d.members = slices.Clip(all)
}

// unsent forgets what was sent after a position.
func (d *device) unsent(pos int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.members = slices.DeleteFunc(d.members, func(m sentMember) bool { return m.pos > pos })
}

// forgetRoom is for a client that begins anew in a room.
func (d *device) forgetRoom(room store.RoomRef) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.members = slices.DeleteFunc(d.members, func(m sentMember) bool { return m.room == room })
}
