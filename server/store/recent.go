package store

import (
	"cmp"
	"slices"
	"sync"
)

// Touched are the streams in which something changed.
type Touched uint8

// The streams of a room, of a user, and of a device.
const (
	TouchedTimeline    Touched = 1 << iota // of a room
	TouchedState                           // of a room: its current state
	TouchedMembers                         // of a room: memberships, also as part of the state
	TouchedReceipts                        // of a room
	TouchedData                            // of a user: account data
	TouchedSignatures                      // of a user: signatures that they made
	TouchedDeviceLists                     // of a user: their devices
	TouchedDevice                          // of a device: messages to it, its one-time keys
)

const touchedRoom = TouchedTimeline | TouchedState | TouchedMembers | TouchedReceipts

// Bounds of what is remembered of the last changes.
const (
	recentChanges = 8192
	recentBytes   = 4 << 20 // of events
)

// touch is one change.
type touch struct {
	pos   int64
	what  Touched
	of    int64        // the room, the user or the device
	by    Atom         // whose receipt it is
	event *StreamEvent // of a timeline; nil: it is to be read from the database
	count usual        // how the event counts as unread
}

// usual tells of an event that it counts as unread for everybody alike, in the main timeline, by nothing but whether it notifies.
type usual int8

const (
	unusual usual = iota // what it counts for whom stands in the database
	notifies
	silent
)

func (t *touch) bytes() int {
	if t.event == nil {
		return 0
	}
	return len(t.event.JSON)
}

// recent remembers the last changes that were committed, in the order of their positions, so that who was here a moment ago need not ask the
// database about every stream. The writer adds to it before it publishes a position: whoever takes the published position first finds in it
// everything up to that.
type recent struct {
	mu      sync.RWMutex
	floor   int64 // what came after it is here
	touches []touch
	bytes   int
}

// add takes up what a write touched, once it is durable.
func (m *recent) add(tx *Tx) {
	if len(tx.touched)+len(tx.redacted) == 0 {
		return
	}
	slices.SortStableFunc(tx.touched, func(a, b touch) int { return cmp.Compare(a.pos, b.pos) })
	m.mu.Lock()
	defer m.mu.Unlock()
	last := m.floor
	if n := len(m.touches); n > 0 {
		last = m.touches[n-1].pos
	}
	for _, t := range tx.touched {
		t.pos = max(t.pos, last)
		m.bytes += t.bytes()
		m.touches = append(m.touches, t)
	}
	m.forgetRedacted(tx.redacted)
	m.trim()
}

// forgetRedacted forgets the bytes that events had before they were redacted.
func (m *recent) forgetRedacted(nids []NID) {
	for _, nid := range nids {
		for i := range m.touches {
			if t := &m.touches[i]; t.event != nil && t.event.NID == nid {
				m.bytes -= t.bytes()
				t.event = nil
			}
		}
	}
}

// trim forgets the oldest half where there is too much.
func (m *recent) trim() {
	if len(m.touches) <= recentChanges && m.bytes <= recentBytes {
		return
	}
	half := len(m.touches) / 2
	m.floor = m.touches[half-1].pos
	for half < len(m.touches) && m.touches[half].pos == m.floor {
		half++
	}
	m.touches = append(make([]touch, 0, recentChanges), m.touches[half:]...)
	m.bytes = 0
	for i := range m.touches {
		m.bytes += m.touches[i].bytes()
	}
}

// News is what was touched after a position, as far as it may concern one user on one device.
type News struct {
	Rooms   []RoomNews // of all rooms, whoever is in them
	Touched Touched    // of the user's streams, the device's, and TouchedDeviceLists of anybody's; TouchedMembers of any room's
}

// RoomNews is what was touched in a room.
type RoomNews struct {
	Room    RoomRef
	Touched Touched
	// The last positions that were touched, 0: none was. State has those of memberships too.
	LastEvent, LastState, LastReceipt int64

	events  []StreamEvent // in order
	partial bool          // not all of the events are held
}

// News tells what was touched after a position. It is nil where that is too long ago: then only the database knows. Take the published position
// before; what is told beyond it is to be left for later.
func (db *DB) News(since int64, user Atom, device int64) *News {
	m := db.recent
	m.mu.RLock()
	defer m.mu.RUnlock()
	if since < m.floor {
		return nil
	}
	n := &News{}
	for i := m.after(since); i < len(m.touches); i++ {
		n.take(&m.touches[i], user, device)
	}
	return n
}

func (n *News) take(t *touch, user Atom, device int64) {
	switch {
	case t.what&touchedRoom != 0:
		n.room(RoomRef(t.of)).take(t)
		n.Touched |= t.what & TouchedMembers
	case t.what == TouchedDeviceLists, t.what == TouchedDevice && t.of == device, t.of == int64(user) && t.what != TouchedDevice:
		n.Touched |= t.what
	}
}

func (n *News) room(ref RoomRef) *RoomNews {
	for i := range n.Rooms {
		if n.Rooms[i].Room == ref {
			return &n.Rooms[i]
		}
	}
	n.Rooms = append(n.Rooms, RoomNews{Room: ref})
	return &n.Rooms[len(n.Rooms)-1]
}

// Room gives what was touched in a room; nil: nothing.
func (n *News) Room(ref RoomRef) *RoomNews {
	for i := range n.Rooms {
		if n.Rooms[i].Room == ref {
			return &n.Rooms[i]
		}
	}
	return nil
}

func (r *RoomNews) take(t *touch) {
	r.Touched |= t.what
	if t.what&(TouchedState|TouchedMembers) != 0 {
		r.LastState = max(r.LastState, t.pos)
	}
	if t.what&TouchedReceipts != 0 {
		r.LastReceipt = max(r.LastReceipt, t.pos)
	}
	if t.what&TouchedTimeline == 0 {
		return
	}
	r.LastEvent = max(r.LastEvent, t.pos)
	if t.event == nil {
		r.partial = true
		return
	}
	r.events = append(r.events, *t.event)
}

// Timeline gives the room's events with ord < below and since < pos ≤ upto, the latest first, as Reader.TimelineDown does; ok is false where only the
// database knows them.
func (r *RoomNews) Timeline(below, since, upto int64, limit int) (events []StreamEvent, end, ok bool) {
	for _, e := range slices.Backward(r.events) {
		if e.Ord >= below || e.Pos <= since || e.Pos > upto {
			continue
		}
		if len(events) == limit {
			return events, false, !r.partial
		}
		events = append(events, e)
	}
	return events, true, !r.partial
}

// Counted counts, from memory, what notifies in the main timeline of a room among the events with since < pos ≤ upto behind a place, and tells the last
// one's place. ok is false where only the database can tell what a user has not read, who knew it at since: where the user wrote or read something, or an
// event counts for some otherwise than for others.
func (db *DB) Counted(room RoomRef, user Atom, since, upto, after int64) (n, last int64, ok bool) {
	m := db.recent
	m.mu.RLock()
	defer m.mu.RUnlock()
	if since < m.floor {
		return 0, 0, false
	}
	last = after
	for i := m.after(since); i < len(m.touches); i++ {
		t := &m.touches[i]
		switch {
		case t.pos > upto:
			return n, last, true
		case RoomRef(t.of) != room, t.what&(TouchedTimeline|TouchedReceipts) == 0:
		case t.what == TouchedReceipts && t.by != user:
		case t.count == unusual, t.event == nil, t.event.Sender == user:
			return 0, 0, false
		case t.event.Ord > after:
			last = t.event.Ord
			if t.count == notifies {
				n++
			}
		}
	}
	return n, last, true
}

// after is where the touches behind a position begin.
func (m *recent) after(pos int64) int {
	i, _ := slices.BinarySearchFunc(m.touches, pos+1, func(t touch, pos int64) int { return cmp.Compare(t.pos, pos) })
	return i
}

// touchReceipt notes that a user has read something in a room.
func (tx *Tx) touchReceipt(room RoomRef, user Atom, pos int64) {
	tx.touched = append(tx.touched, touch{pos: pos, what: TouchedReceipts, of: int64(room), by: user})
}

// touchCount notes how the event counts that was put into a timeline just now. A redaction changes the counts of another one.
func (tx *Tx) touchCount(p *Place, c *Counted, modesChanged bool) {
	last := &tx.touched[len(tx.touched)-1]
	switch {
	case last.event == nil, last.event.NID != p.NID, last.event.Type == AtomRedaction, p.Thread != 0, c.Highlight, len(c.Marks) > 0, modesChanged:
	case c.Notify:
		last.count = notifies
	default:
		last.count = silent
	}
}

// touch notes that a write changes a stream at a position, for News: once, where many rows change together.
func (tx *Tx) touch(what Touched, of, pos int64) {
	if n := len(tx.touched); n > 0 {
		if last := &tx.touched[n-1]; last.pos == pos && last.of == of && last.what&what == what && last.event == nil && last.by == 0 {
			return
		}
	}
	tx.touched = append(tx.touched, touch{pos: pos, what: what, of: of})
}

// touchNow is touch at a position of its own, for what has none in its table.
func (tx *Tx) touchNow(what Touched, of int64) error {
	pos, err := tx.NextPos()
	tx.touch(what, of, pos)
	return err
}

// touchTimeline notes a new event of a timeline, with its row where this write stored it.
func (tx *Tx) touchTimeline(p *Place) {
	t := touch{pos: p.Pos, what: TouchedTimeline, of: int64(p.Room)}
	if e := tx.added; e != nil && e.NID == p.NID {
		t.event = &StreamEvent{Event: *e, Pos: p.Pos}
		t.event.Ord, t.event.Placed = p.Ord, true
	}
	tx.touched = append(tx.touched, t)
}
