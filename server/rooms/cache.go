package rooms

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"beffroi/server/store"
)

// What the rooms in memory may weigh in bytes, and how long one that nobody uses stays.
const (
	maxWeight = 32 << 20
	maxIdle   = 10 * time.Minute
)

// cache holds the rooms in memory. A room whose writes are queued is never dropped.
type cache struct {
	db     *store.DB
	server string // this server's name
	now    func() time.Time
	weight atomic.Int64 // of all rooms, about
	max    int64        // where they weigh more they are brought down to three quarters of it

	mu    sync.Mutex
	rooms map[string]*live
}

func newCache(db *store.DB, server string, now func() time.Time) *cache {
	return &cache{db: db, server: server, now: now, max: maxWeight, rooms: map[string]*live{}}
}

// acquire gives the room, locked. A copy that died is waited for and read anew.
func (c *cache) acquire(ctx context.Context, roomID string) (*live, error) {
	for {
		l, isNew := c.get(roomID)
		if isNew {
			return l, c.fill(ctx, l)
		}
		l.mu.Lock()
		if !l.dead.Load() {
			if c.weight.Load() > c.max {
				c.evict()
			}
			return l, nil
		}
		last := l.last
		l.mu.Unlock()
		if last != nil {
			_ = last.Wait() // its own sender is told; here only that everything before it is settled counts
		}
		c.drop(l)
	}
}

// get finds the room, or adds one that the caller, who holds its lock, must fill.
func (c *cache) get(roomID string) (l *live, isNew bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l = c.rooms[roomID]; l == nil {
		l, isNew = c.newLive(roomID), true
		l.mu.Lock()
		c.rooms[roomID] = l
	}
	l.used = c.now()
	return l, isNew
}

// fill reads a new room. On an error it is unlocked and gone.
func (c *cache) fill(ctx context.Context, l *live) error {
	err := c.db.Read(ctx, l.load)
	if err != nil {
		l.dead.Store(true)
		l.mu.Unlock()
		c.drop(l)
		return err
	}
	if c.weight.Load() > c.max {
		c.evict()
	}
	return nil
}

// put adds a room that was just made.
func (c *cache) put(l *live) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.used = c.now()
	c.rooms[l.ID] = l
}

// evict drops rooms at rest, those unused for longest first: all that are idle, and where the rooms weigh too much, more of them.
func (c *cache) evict() {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.SortedFunc(maps.Values(c.rooms), func(a, b *live) int { return a.used.Compare(b.used) })
	var weight int64
	for _, l := range all {
		weight += l.weight.Load()
	}
	idle, enough := c.now().Add(-maxIdle), weight
	if weight > c.max {
		enough = c.max / 4 * 3
	}
	for _, l := range all {
		if weight <= enough && l.used.After(idle) {
			break
		}
		if l.retire() {
			delete(c.rooms, l.ID)
			weight -= l.weight.Load()
		}
	}
	c.weight.Store(weight)
}

// retire ends the use of this copy, where nothing is queued and nobody is at work on it.
func (l *live) retire() bool {
	if !l.mu.TryLock() {
		return false
	}
	defer l.mu.Unlock()
	if l.last != nil && !l.last.Settled() {
		return false
	}
	l.dead.Store(true)
	return true
}

func (c *cache) drop(l *live) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rooms[l.ID] == l {
		delete(c.rooms, l.ID)
		c.weight.Add(-l.weight.Load())
	}
}

// Rest drops, every minute until ctx ends, the rooms in memory that nobody uses any more.
func (s *Service) Rest(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.cache.evict()
		case <-ctx.Done():
			return nil
		}
	}
}
