package syncer

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"math"
	"time"

	"beffroi/server/store"
	"beffroi/server/synctoken"
)

// Slide answers simplified sliding sync: the rooms in the client's windows that it was not sent yet, or in which something changed since. It waits for
// news where there are none. 400 M_UNKNOWN_POS for a connection that is not known (any more).
//
// Source: MSC4186.
func (s *Syncer) Slide(ctx context.Context, q *SlidingRequest) (*SlidingAnswer, error) {
	c, turn, err := s.begin(q)
	if err != nil {
		return nil, err
	}
	w := s.hub.Wait(int64(q.Session.User))
	defer s.hub.Done(w)
	end := s.now().Add(min(q.Wait, MaxTimeout))
	timeout := time.AfterFunc(time.Until(end), w.Wake)
	defer timeout.Stop()
	asked := q.asked()
	for {
		a, err := s.slideOnce(ctx, q, c, turn, asked)
		if err != nil || a.news || q.Pos == "" || s.hub.Closed() || !s.now().Before(end) {
			return a, err
		}
		a = nil
		select {
		case <-w.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// slide is one look for the answer of a connection. It holds the connection's lock.
type slide struct {
	*look
	q      *SlidingRequest
	c      *connection
	next   *sent
	answer *SlidingAnswer

	entries []*slideRoom // the user's rooms, those with the latest activity first
	direct  map[string]bool

	// What filters ask for; nil: not read.
	tags               map[store.RoomRef]map[string]json.RawMessage
	encrypted, created map[store.RoomRef]store.Event
	children           map[string]map[string]bool // of spaces, by their ids

	configs map[*slideRoom][]*WindowConfig
	wanted  []*slideRoom // the rooms of configs
	shown   map[store.NID]bool
	firsts  map[store.RoomRef]int64 // of the rooms that begin with this answer, the place of the first event
}

// slideOnce looks, unless nothing can have happened since the client's last answer and it asks for the same.
func (s *Syncer) slideOnce(ctx context.Context, q *SlidingRequest, c *connection, turn int64, asked [32]byte) (*SlidingAnswer, error) {
	if err := s.still(ctx, q.Session); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn != turn {
		return nil, unknownPos()
	}
	wakes := s.hub.Wakes(int64(q.Session.User))
	if c.quiet.seq == c.base.seq && c.quiet.wakes == wakes && c.quiet.asked == asked && q.Pos != "" {
		return q.silence(c.quiet.lists), nil
	}
	l := s.newSlide(q, c)
	if err := s.db.Read(ctx, l.run); err != nil {
		return nil, err
	}
	if err := s.still(ctx, q.Session); err != nil { // it ended while this was read
		return nil, err
	}
	if l.acknowledge {
		if err := s.sources.E2EE.Acknowledge(ctx, q.Session.Device, l.after); err != nil {
			return nil, err
		}
	}
	if err := c.answered(turn, l.next); err != nil {
		return nil, err
	}
	c.members.sent(l.members, l.next.seq)
	if a := l.answer.toDevice; a == nil || len(a.events) == 0 { // else more may wait
		c.quiet = stillness{seq: l.next.seq, wakes: wakes, asked: asked, lists: l.answer.lists}
	}
	s.connections.weigh(c, len(c.rooms)+len(l.next.rooms)+c.asked)
	return l.answer, nil
}

// asked tells requests for something else apart.
func (q *SlidingRequest) asked() [32]byte {
	raw, _ := json.Marshal([]any{q.Lists, q.Subscriptions, q.Extensions}) // texts, numbers and booleans
	return sha256.Sum256(raw)
}

// silence is an answer without news. The client stays where it is.
func (q *SlidingRequest) silence(lists map[string]int) *SlidingAnswer {
	a := &SlidingAnswer{stable: q.Stable, pos: q.Pos, lists: lists}
	if x := q.Extensions.ToDevice; x != nil && x.Enabled && x.Since != "" {
		a.toDevice = &toDeviceAnswer{next: x.Since}
	}
	return a
}

func (s *Syncer) newSlide(q *SlidingRequest, c *connection) *slide {
	l := &look{Syncer: s, q: &Request{Session: q.Session, Filter: s.everything}, device: &c.members, now: s.now(), initial: true,
		upto: s.db.Visible(), since: c.base.seq, typing: s.sources.Ephemeral.Position(), members: map[memberKey]store.NID{}}
	l.token = synctoken.Sync{Epoch: s.epoch, Pos: l.upto, Boot: s.sources.Ephemeral.Boot(), Eph: l.typing}
	next := &sent{seq: c.seq + 1, pos: l.upto, typing: l.typing, rooms: map[store.RoomRef]sentRoom{}, withheld: map[withheldKey]int64{}}
	pos := synctoken.Sliding{Epoch: s.epoch, Pos: l.upto, Boot: l.token.Boot, Conn: c.id, Seq: next.seq}
	return &slide{look: l, q: q, c: c, next: next, direct: map[string]bool{}, children: map[string]map[string]bool{}, shown: map[store.NID]bool{}, firsts: map[store.RoomRef]int64{},
		configs: map[*slideRoom][]*WindowConfig{},
		answer:  &SlidingAnswer{stable: q.Stable, pos: pos.String(), lists: map[string]int{}, rooms: map[string]*SlidingRoom{}}}
}

func (l *slide) run(r *store.Reader) error {
	l.r = r
	for _, part := range []func() error{l.readDirect, l.readRooms, l.windows, l.subscriptions, l.fill, l.extensions} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// readDirect reads which rooms are direct chats. A list that is malformed names none.
func (l *slide) readDirect() error {
	kind, err := l.r.FindAtom("m.direct")
	if err != nil || kind == 0 {
		return err
	}
	data, err := l.r.AccountData(l.q.Session.User, 0, kind)
	if err != nil {
		return err
	}
	var people map[string]json.RawMessage
	if json.Unmarshal(data.Content, &people) != nil {
		return nil
	}
	for _, raw := range people {
		var rooms []string
		if json.Unmarshal(raw, &rooms) == nil {
			for _, id := range rooms {
				l.direct[id] = true
			}
		}
	}
	return nil
}

// config notes that a rule chooses a room.
func (l *slide) config(room *slideRoom, c *WindowConfig) {
	if l.configs[room] == nil {
		l.wanted = append(l.wanted, room)
	}
	l.configs[room] = append(l.configs[room], c)
}

// subscriptions are for rooms that the user may see; others are left out without a word.
func (l *slide) subscriptions() error {
	for _, room := range l.entries {
		if c := l.q.Subscriptions[room.RoomID]; c != nil {
			l.config(room, c)
		}
	}
	return nil
}

// fill adds the rooms that are wanted, where there is something to tell of them.
func (l *slide) fill() error {
	for _, room := range l.wanted {
		a, err := l.room(room, l.interned(combine(l.configs[room])))
		if err != nil {
			return err
		}
		if a != nil {
			a.lists = room.lists
			l.answer.rooms[room.RoomID] = a
			l.answer.news = true
		}
	}
	return nil
}

// interned gives the same configuration for the same, so that thousands of rooms share one.
func (l *slide) interned(c *roomConfig) *roomConfig {
	key := configKey{c.limit, c.key}
	if known := l.c.configs[key]; known != nil {
		return known
	}
	if len(l.c.configs) >= maxConfigs {
		clear(l.c.configs)
	}
	l.c.configs[key] = c
	l.c.asked += 1 + len(c.key)/roomBytes
	return c
}

// known gives what the client knows of a room.
func (l *slide) known(ref store.RoomRef) (sentRoom, bool) {
	r, ok := l.c.rooms[ref]
	return r, ok
}

const wholeTimeline = math.MaxInt32
