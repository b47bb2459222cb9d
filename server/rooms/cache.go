package rooms

import (
	"context"
	"sync"

	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// maxLive is how many rooms are held in memory.
const maxLive = 500

// cache holds the rooms in memory. A room whose writes are queued is never dropped.
type cache struct {
	db    *store.DB
	mu    sync.Mutex
	rooms map[string]*live
	uses  int64
}

func newCache(db *store.DB) *cache { return &cache{db: db, rooms: map[string]*live{}} }

func newLive(roomID string) *live {
	return &live{Room: store.Room{ID: roomID}, state: auth.Map{}, joined: map[string]store.Atom{}, crowd: new(crowd), pending: map[txnKey]*write{}}
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
	c.uses++
	if l = c.rooms[roomID]; l == nil {
		l, isNew = newLive(roomID), true
		l.mu.Lock()
		c.rooms[roomID] = l
	}
	l.used = c.uses
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
	c.evict()
	return nil
}

// put adds a room that was just made.
func (c *cache) put(l *live) {
	c.mu.Lock()
	c.uses++
	l.used = c.uses
	c.rooms[l.ID] = l
	c.mu.Unlock()
	c.evict()
}

// evict drops the room that was unused for longest among those at rest, where there are too many.
func (c *cache) evict() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.rooms) <= maxLive {
		return
	}
	var oldest *live
	for _, l := range c.rooms {
		if (oldest == nil || l.used < oldest.used) && l.retire(false) {
			oldest = l
		}
	}
	if oldest != nil && oldest.retire(true) {
		delete(c.rooms, oldest.ID)
	}
}

// retire tells whether nothing is queued and nobody is at work on the room, and where asked ends the use of this copy.
func (l *live) retire(really bool) bool {
	if !l.mu.TryLock() {
		return false
	}
	defer l.mu.Unlock()
	rest := l.last == nil || l.last.Settled()
	if rest && really {
		l.dead.Store(true)
	}
	return rest
}

func (c *cache) drop(l *live) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rooms[l.ID] == l {
		delete(c.rooms, l.ID)
	}
}
