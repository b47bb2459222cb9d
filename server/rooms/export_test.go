package rooms

import (
	"context"
	"encoding/json"
	"runtime"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// BeginSend queues a message as Send does and gives a function that waits for this one write.
func (s *Service) BeginSend(ctx context.Context, u User, roomID, eventType, txnID string, content json.RawMessage) (func() error, error) {
	w, _, err := s.beginOnce(ctx, roomID, txnKey{u.Device, "send/" + eventType, txnID}, func(*live) (draft, error) {
		return draft{sender: u, kind: eventType, content: content}, nil
	})
	if err != nil {
		return nil, err
	}
	return func() error {
		_, err := w.settled()
		return err
	}, nil
}

// IsStale tells whether a write failed because the one before it did.
var IsStale = isStale

// ForgetTxns forgets old transaction ids, as Run does.
func (s *Service) ForgetTxns(ctx context.Context) error { return s.forgetTxns(ctx) }

// Evict drops rooms in memory, as Rest does.
func (s *Service) Evict() { s.cache.evict() }

// SetMaxWeight says what rooms in memory may weigh in bytes.
func (s *Service) SetMaxWeight(bytes int64) { s.cache.max = bytes }

// InMemory tells which rooms are in memory, and what they weigh in all.
func (s *Service) InMemory() (ids map[string]bool, weight int64) {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	ids = map[string]bool{}
	for id := range s.cache.rooms {
		ids[id] = true
	}
	return ids, s.cache.weight.Load()
}

// MembersHeld counts the members of a room whose events are in memory.
func (s *Service) MembersHeld(ctx context.Context, roomID string) (n int) {
	l, err := s.cache.acquire(ctx, roomID)
	if err != nil {
		return -1
	}
	defer l.mu.Unlock()
	for key := range l.held {
		if key.Type == "m.room.member" {
			n++
		}
	}
	return n
}

// BeginMember queues a change of one's own membership and gives a function that waits for it.
func (s *Service) BeginMember(ctx context.Context, u User, roomID, membership string) (func() error, error) {
	w, err := s.begin(ctx, roomID, func(*live) (draft, error) {
		return draft{sender: u, kind: "m.room.member", stateKey: &u.ID, content: json.RawMessage(`{"membership":"` + membership + `"}`)}, nil
	})
	if err != nil {
		return nil, err
	}
	return w.pending.Wait, nil
}

// BeginOutlier queues an event as an outlier.
func (s *Service) BeginOutlier(roomID string, e *pdu.Event) *store.Pending {
	return s.db.Submit(context.Background(), func(tx *store.Tx) error {
		room, _, err := tx.FindRoom(roomID)
		if err != nil {
			return err
		}
		return putOutlier(tx, room.Ref, outlier{e, false})
	})
}

// WaitQueued waits until a write of a room is queued and not settled.
func (s *Service) WaitQueued(roomID string) {
	for {
		l, err := s.cache.acquire(context.Background(), roomID)
		if err != nil {
			panic(err)
		}
		queued := l.last != nil && !l.last.Settled()
		l.mu.Unlock()
		if queued {
			return
		}
		runtime.Gosched()
	}
}
