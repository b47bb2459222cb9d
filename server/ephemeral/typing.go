package ephemeral

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

// How long one request keeps a user typing.
const (
	defaultTyping = 30 * time.Second
	longestTyping = 2 * time.Minute
)

// typing knows who is typing where, in this process only. Its stream of changes has positions that grow by one.
type typing struct {
	now     func() time.Time
	changed func(room store.RoomRef, users []string) // told of rooms where the typing of users ended with time, outside of mu

	pos *atomic.Int64 // given under mu: who has read it and then looks finds what it stands for

	mu     sync.Mutex
	rooms  map[store.RoomRef]*typingRoom // where anybody typed in this run
	active map[*typingRoom]struct{}      // where somebody types
	timer  *time.Timer                   // runs at the earliest end; nil: nobody types
	closed bool
	ending sync.WaitGroup // expiries under way
}

type typingRoom struct {
	room  store.RoomRef
	pos   int64                // of the last change
	users map[string]time.Time // user id -> when their typing ends
}

func newTyping(now func() time.Time, pos *atomic.Int64, changed func(room store.RoomRef, users []string)) *typing {
	return &typing{now: now, pos: pos, changed: changed, rooms: map[store.RoomRef]*typingRoom{}, active: map[*typingRoom]struct{}{}}
}

func (t *typing) changedAt(room store.RoomRef) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.rooms[room]; r != nil {
		return r.pos
	}
	return 0
}

func (t *typing) changedAfter(pos int64) (rooms []store.RoomRef) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pos.Load() <= pos {
		return nil
	}
	for ref, r := range t.rooms {
		if r.pos > pos {
			rooms = append(rooms, ref)
		}
	}
	return rooms
}

func (t *typing) users(room store.RoomRef) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	users := []string{}
	if r := t.rooms[room]; r != nil {
		users = slices.AppendSeq(users, maps.Keys(r.users))
	}
	slices.Sort(users)
	return users
}

// set lets a user type until the given time, or no longer where it is zero. It tells whether the room's typists changed.
func (t *typing) set(room store.RoomRef, user string, until time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.room(room, !until.IsZero())
	if r == nil || t.closed {
		return false
	}
	_, was := r.users[user]
	if until.IsZero() {
		delete(r.users, user)
	} else {
		r.users[user] = until
	}
	_, is := r.users[user]
	if was != is {
		t.mark(r)
	}
	t.arm()
	return was != is
}

// room finds what is known of a room. Where nothing is, it begins to know it or gives nil.
func (t *typing) room(room store.RoomRef, begin bool) *typingRoom {
	if r := t.rooms[room]; r != nil || !begin {
		return r
	}
	r := &typingRoom{room: room, users: map[string]time.Time{}}
	t.rooms[room] = r
	return r
}

// mark gives a room whose typists changed the next position.
func (t *typing) mark(r *typingRoom) {
	r.pos = t.pos.Add(1)
	if len(r.users) > 0 {
		t.active[r] = struct{}{}
	} else {
		delete(t.active, r)
	}
}

// arm sets the one timer to the earliest end.
func (t *typing) arm() {
	var next time.Time
	for r := range t.active {
		for _, until := range r.users {
			if next.IsZero() || until.Before(next) {
				next = until
			}
		}
	}
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
	if !next.IsZero() {
		t.timer = time.AfterFunc(next.Sub(t.now()), t.expire)
	}
}

func (t *typing) expire() {
	rooms, ok := t.endDue()
	if !ok {
		return
	}
	defer t.ending.Done()
	for room, users := range rooms {
		t.changed(room, users)
	}
}

// endDue ends the typing whose time has come. Where it tells true, it has added to ending.
func (t *typing) endDue() (rooms map[store.RoomRef][]string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, false
	}
	t.ending.Add(1)
	rooms = map[store.RoomRef][]string{}
	now := t.now()
	for r := range t.active {
		if ended := r.endBy(now); len(ended) > 0 {
			t.mark(r)
			rooms[r.room] = ended
		}
	}
	t.arm()
	return rooms, true
}

func (r *typingRoom) endBy(now time.Time) (ended []string) {
	for user, until := range r.users {
		if !until.After(now) {
			delete(r.users, user)
			ended = append(ended, user)
		}
	}
	return ended
}

func (t *typing) close() {
	t.mu.Lock()
	t.closed = true
	if t.timer != nil {
		t.timer.Stop()
	}
	t.mu.Unlock()
	t.ending.Wait()
}

// Boot names this run of the process: positions mean something together with it.
func (s *Service) Boot() synctoken.Boot { return s.boot }

// Position is the last position of the stream of typing and presence. Take it before asking for what it covers.
func (s *Service) Position() int64 { return s.pos.Load() }

// ChangedAt is the position at which who types in a room last changed, 0 where nobody typed yet.
func (s *Service) ChangedAt(room store.RoomRef) int64 { return s.typing.changedAt(room) }

// ChangedAfter are the rooms in which who types changed after a position.
func (s *Service) ChangedAfter(pos int64) []store.RoomRef { return s.typing.changedAfter(pos) }

// Typing are the ids of those who type in a room, sorted, never nil: the user_ids of m.typing.
func (s *Service) Typing(room store.RoomRef) []string { return s.typing.users(room) }

// SetTyping lets a user who is in the room type for the given time (0: the default; two minutes at most), or stops it.
// Elsewhere it is 403 M_FORBIDDEN. Spec: client-server API, "Typing Notifications".
func (s *Service) SetTyping(ctx context.Context, roomID string, user store.Atom, userID string, types bool, timeout time.Duration) error {
	if timeout < 0 {
		return merr.InvalidParam("timeout is negative")
	}
	room, err := store.Get(ctx, s.db, func(r *store.Reader) (store.RoomRef, error) { return joinedRoom(r, roomID, user) })
	if err != nil {
		return err
	}
	var until time.Time
	if types {
		if timeout == 0 {
			timeout = defaultTyping
		}
		until = s.now().Add(min(timeout, longestTyping))
	}
	changed := s.typing.set(room, userID, until)
	if changed || types {
		s.tellTyping(room, userID, types)
	}
	if changed {
		return s.wakeRoom(context.WithoutCancel(ctx), room)
	}
	return nil
}

func (s *Service) tellTyping(room store.RoomRef, userID string, types bool) {
	if s.elsewhere != nil {
		s.elsewhere.Typing(room, userID, types)
	}
}

// StopTyping ends a user's typing in a room, for whoever sees that they left it.
func (s *Service) StopTyping(ctx context.Context, room store.RoomRef, userID string) error {
	if s.typing.set(room, userID, time.Time{}) {
		s.tellTyping(room, userID, false)
		return s.wakeRoom(context.WithoutCancel(ctx), room)
	}
	return nil
}

// typingChanged wakes a room after an expiry. Nobody waits for the answer: a failure is logged, and the next change is seen.
func (s *Service) typingChanged(room store.RoomRef, users []string) {
	for _, user := range users {
		s.tellTyping(room, user, false)
	}
	if err := s.wakeRoom(context.Background(), room); err != nil {
		s.log.Warn().Err(err).Int64("room", int64(room)).Msg("end of typing not announced")
	}
}
