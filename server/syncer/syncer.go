// Package syncer answers /sync: what a device has not seen yet, read from one snapshot of the database.
//
// A look reads what came after the device's token up to the position that was published before the snapshot began. What the
// snapshot has beyond that position is left for the next look: state and memberships are wound back, everything else is
// skipped. So an answer never leaves anything out, and the next one begins where it ends.
//
// Source: client-server API, "Syncing".
package syncer

import (
	"context"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/eventfilter"
	"beffroi/server/notify"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

// MaxTimeout is the longest that a request waits.
const MaxTimeout = 60 * time.Second

// Request is what a device asks for.
type Request struct {
	Session    *accounts.Session
	Since      *synctoken.Sync     // nil: from the beginning
	Filter     *eventfilter.Filter // nil: everything
	Timeout    time.Duration       // MaxTimeout at most
	FullState  bool                // the state of every room, at once
	StateAfter bool                // the state after the timeline instead of before it
}

// Syncer answers /sync.
type Syncer struct {
	db      *store.DB
	hub     *notify.Hub
	now     func() time.Time
	epoch   int64 // of the database: meta.epoch
	sources Sources
	memory  *memory

	everything  *eventfilter.Filter // lets all pass
	connections *connections
	held        *heldRooms
}

// New makes a syncer for a database of an epoch.
func New(db *store.DB, hub *notify.Hub, now func() time.Time, epoch int64, sources Sources) *Syncer {
	return &Syncer{db: db, hub: hub, now: now, epoch: epoch, sources: sources, memory: newMemory(),
		everything: &eventfilter.Filter{}, connections: newConnections(), held: newHeldRooms()}
}

// Sync looks for news, and waits for some where there are none. It answers at once where there is no token, or the whole state
// is asked for.
func (s *Syncer) Sync(ctx context.Context, q *Request) (*Answer, error) {
	if q.Filter == nil {
		q.Filter = s.everything
	}
	w := s.hub.Wait(int64(q.Session.User))
	defer s.hub.Done(w)
	end := s.now().Add(min(q.Timeout, MaxTimeout))
	timeout := time.AfterFunc(time.Until(end), w.Wake)
	defer timeout.Stop()
	for {
		a, err := s.once(ctx, q)
		if err != nil || a.news() || q.FullState || q.Timeout <= 0 || s.hub.Closed() || !s.now().Before(end) {
			return a, err
		}
		a = nil // so that who waits doesn't hold it
		select {
		case <-w.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// once looks, unless nothing can have happened since the device's last answer.
func (s *Syncer) once(ctx context.Context, q *Request) (*Answer, error) {
	if err := s.still(ctx, q.Session); err != nil {
		return nil, err
	}
	wakes := s.hub.Wakes(int64(q.Session.User))
	d := s.memory.device(q.Session.Device)
	if f := d.unchanged(q.Since, wakes); f != nil && !q.FullState {
		return s.silence(q, f), nil
	}
	l := s.newLook(q, d)
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
	l.remember(wakes)
	return l.answer, nil
}

// still ends a request whose device was logged out while it waited.
func (s *Syncer) still(ctx context.Context, session *accounts.Session) error {
	if s.sources.Still == nil {
		return nil
	}
	return s.sources.Still(ctx, session)
}

// silence is an answer without news.
func (s *Syncer) silence(q *Request, known *facts) *Answer {
	a := newAnswer()
	a.NextBatch = q.Since.String()
	a.OneTimeKeys, a.UnusedFallbacks = known.oneTimeKeys, known.unusedFallbacks
	return a
}
