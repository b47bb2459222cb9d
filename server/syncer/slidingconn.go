package syncer

import (
	"container/list"
	"maps"
	"net/http"
	"sync"

	"beffroi/server/merr"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

// Bounds of the connections that are remembered: the longest unused go first, and their clients begin anew.
const (
	maxConnections    = 8       // of a device
	maxConnectedRooms = 250_000 // that all connections together were sent
	maxConfigs        = 64      // of a connection
	roomBytes         = 100     // about what a room takes that was sent
	maxConfigWeight   = 25_000  // of a connection, in rooms: what it ever asked for, since each room holds what it was asked for with
)

// connections are those of sliding sync. They live in memory: a connection that is lost costs its client a first answer, never more.
type connections struct {
	mu     sync.Mutex
	last   int64
	recent *list.List // of *connection, the last used first
	byID   map[int64]*list.Element
	rooms  int
}

func newConnections() *connections {
	return &connections{recent: list.New(), byID: map[int64]*list.Element{}}
}

// connection is what a client was sent on one of its sync loops.
type connection struct {
	id     int64
	device int64
	name   string // conn_id
	weight int    // rooms; guarded by connections.mu

	mu    sync.Mutex
	turn  int64 // counts the requests
	seq   int64 // of the last answer
	base  *sent // proven by the client's token
	next  *sent // the last answer's, not proven yet; nil: none
	rooms map[store.RoomRef]sentRoom
	// What extensions were not to tell of rooms, and from which position on.
	withheld map[withheldKey]int64
	configs  map[configKey]*roomConfig // those in use, and some that were
	asked    int                       // what all that were ever among them weigh
	quiet    stillness
	members  device // the memberships that were sent lazily; their positions are numbers of answers
}

// sent is what an answer brought the client to.
type sent struct {
	seq    int64
	pos    int64
	typing int64
	keys   string // the counts of one-time keys
	rooms  map[store.RoomRef]sentRoom

	withheld map[withheldKey]int64
	told     []withheldKey // that had been withheld
}

// stillness is the last answer, and the count of the user's wakes before it was looked for: while it stands still there is nothing new for the same
// request.
type stillness struct {
	seq   int64
	wakes uint64
	asked [32]byte
	lists map[string]int
}

type configKey struct {
	limit int
	state string
}

// sentRoom is what a client knows of a room.
type sentRoom struct {
	upto       int64
	membership store.Membership
	limit      int // so many of the last events it had at least
	config     *roomConfig
	direct     bool
	bump       int64
}

func unknownPos() error {
	return merr.New(http.StatusBadRequest, "M_UNKNOWN_POS", "This connection is not known: begin anew without pos")
}

// begin finds the connection of a request, or makes it where the request has no token, and gives the number of the request's turn.
func (s *Syncer) begin(q *SlidingRequest) (*connection, int64, error) {
	if q.Pos == "" {
		c := s.connections.open(q.Session.Device, q.ConnID)
		return c, 0, nil
	}
	t, ok := synctoken.ParseSliding(q.Pos)
	if !ok || t.Epoch != s.epoch || t.Boot != s.sources.Ephemeral.Boot() {
		return nil, 0, unknownPos()
	}
	c := s.connections.find(t.Conn, q.Session.Device, q.ConnID)
	if c == nil {
		return nil, 0, unknownPos()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.proven(t.Seq) {
		return nil, 0, unknownPos()
	}
	c.turn++
	return c, c.turn, nil
}

// proven takes a token as the proof that its answer arrived. An answer that came after it did not, or was not looked at.
func (c *connection) proven(seq int64) bool {
	if c.next != nil && c.base.seq == seq {
		c.members.unsent(seq) // the answer did not arrive, or was not looked at
		c.next = nil
	}
	if c.next != nil && c.next.seq == seq {
		for ref, r := range c.next.rooms {
			c.rooms[ref] = r
		}
		maps.Copy(c.withheld, c.next.withheld)
		for _, key := range c.next.told {
			delete(c.withheld, key)
		}
		c.base, c.next = c.next, nil
		c.base.rooms, c.base.withheld, c.base.told = nil, nil, nil
	}
	return c.base.seq == seq
}

// answered remembers what an answer brings. It is an error where the client has asked again meanwhile.
func (c *connection) answered(turn int64, next *sent) error {
	if c.turn != turn {
		return unknownPos()
	}
	c.seq = next.seq
	c.next = next
	return nil
}

func (s *connections) open(device int64, name string) *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	c := &connection{id: s.last, device: device, name: name, base: &sent{}, rooms: map[store.RoomRef]sentRoom{},
		withheld: map[withheldKey]int64{}, configs: map[configKey]*roomConfig{}}
	count := 1
	for e := s.recent.Front(); e != nil; {
		old, following := e.Value.(*connection), e.Next()
		if old.device == device {
			count++
			if old.name == name || count > maxConnections {
				s.drop(e)
			}
		}
		e = following
	}
	s.byID[c.id] = s.recent.PushFront(c)
	return c
}

func (s *connections) find(id, device int64, name string) *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.byID[id]
	if e == nil {
		return nil
	}
	c := e.Value.(*connection)
	if c.device != device || c.name != name {
		return nil
	}
	s.recent.MoveToFront(e)
	return c
}

// weigh notes how many rooms a connection was sent, and drops the longest unused where there are too many; the connection itself where it asked for too much.
func (s *connections) weigh(c *connection, rooms int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID[c.id] == nil {
		return
	}
	s.rooms += rooms - c.weight
	c.weight = rooms
	if c.asked > maxConfigWeight {
		s.drop(s.byID[c.id])
	}
	for s.rooms > maxConnectedRooms && s.recent.Len() > 1 {
		s.drop(s.recent.Back())
	}
}

func (s *connections) drop(e *list.Element) {
	c := s.recent.Remove(e).(*connection)
	delete(s.byID, c.id)
	s.rooms -= c.weight
}
