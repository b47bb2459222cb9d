package rooms

import (
	"context"
	"errors"
	"fmt"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

const (
	// retentionNotice is how long a room is told before anything is deleted: a slip of the hand can be taken back.
	retentionNotice = 24 * time.Hour
	// leastLifetime is the shortest max_lifetime: less counts as this.
	leastLifetime = 24 * time.Hour

	agesPerLook    = 2000 // places that one read looks at
	expirePerWrite = 200  // events that one write expires
)

// retention is what a room says of how long its messages are kept.
type retention struct {
	store.Room
	by     store.NID // the m.room.retention event
	before int64     // messages from before this (milliseconds) go
}

// Expire deletes the content of messages that are older than their room keeps them: only where an m.room.retention stands in the room, and has stood
// there for a day, which is how everybody in it was told. What is left is the redacted form, for the sake of the graph, and it is shown to nobody. State
// is never deleted, nor are files: who reads an encrypted room alone knows which belong to it.
//
// Source: MSC1763, of which `max_lifetime` is honoured (milliseconds); nothing is deleted without it, so `min_lifetime` asks for nothing.
//
// What can't be done with one event or room keeps none of the others: it is part of the error.
func (s *Service) Expire(ctx context.Context) (failed error) {
	for after := store.RoomRef(0); ; {
		found, last, err := s.retentions(ctx, after)
		if err != nil || last == after {
			return errors.Join(failed, err)
		}
		after = last
		for _, t := range found {
			if err := s.expireRoom(ctx, t); err != nil {
				failed = errors.Join(failed, fmt.Errorf("messages of %s: %w", t.ID, err))
			}
		}
	}
}

// retentions lists those of the next rooms that delete messages. last is the last that was looked at.
func (s *Service) retentions(ctx context.Context, after store.RoomRef) (found []retention, last store.RoomRef, err error) {
	last = after
	err = s.db.Read(ctx, func(r *store.Reader) error {
		eventType, err := r.FindAtom("m.room.retention")
		if err != nil || eventType == 0 {
			return err
		}
		refs, err := r.RoomsAfter(after, roomsPerLook)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			last = ref
			e, ok, err := r.CurrentEvent(ref, eventType, store.AtomEmpty)
			if err != nil {
				return err
			}
			lifetime := maxLifetime(&e)
			if !ok || lifetime == 0 || s.now().Add(-retentionNotice).Before(time.UnixMilli(e.TS)) {
				continue
			}
			room, _, err := r.Room(ref)
			if err != nil {
				return err
			}
			found = append(found, retention{Room: room, by: e.NID, before: store.Millis(s.now().Add(-lifetime))})
		}
		return nil
	})
	return found, last, err
}

// maxLifetime is how long an m.room.retention keeps messages; 0: for ever.
func maxLifetime(e *store.Event) time.Duration {
	ms, ok := pdu.StoredObject(e.JSON).Object("content").Int("max_lifetime")
	if !ok || ms <= 0 || ms > int64(1<<63-1)/int64(time.Millisecond) {
		return 0
	}
	return max(time.Duration(ms)*time.Millisecond, leastLifetime)
}

// expireRoom walks along a room's timeline, all of it each time: a backfill may have brought what is too old.
func (s *Service) expireRoom(ctx context.Context, t retention) (failed error) {
	for after := store.OrdMin; ; {
		ages, err := store.Get(ctx, s.db, func(r *store.Reader) ([]store.Age, error) { return r.AgesAfter(t.Ref, after, agesPerLook) })
		if err != nil || len(ages) == 0 {
			return errors.Join(failed, err)
		}
		after = ages[len(ages)-1].Ord
		var old []store.NID
		for _, a := range ages {
			if !a.State && a.TS < t.before && a.Status&store.StatusExpired == 0 {
				old = append(old, a.NID)
			}
		}
		failed = errors.Join(failed, s.expireEvents(ctx, t, old))
	}
}

func (s *Service) expireEvents(ctx context.Context, t retention, old []store.NID) (failed error) {
	for len(old) > 0 {
		n := min(len(old), expirePerWrite)
		var left map[store.NID][]byte
		err := s.db.Read(ctx, func(r *store.Reader) error {
			var unreadable error
			left, unreadable = redactedForms(r, t.Version, old[:n])
			failed = errors.Join(failed, unreadable)
			return nil
		})
		if err == nil && len(left) > 0 {
			err = s.db.Write(ctx, func(tx *store.Tx) error { return expireAll(tx, t, left) })
		}
		if err != nil {
			return errors.Join(failed, err)
		}
		old = old[n:]
	}
	return failed
}

func expireAll(tx *store.Tx, t retention, left map[store.NID][]byte) error {
	for nid, redacted := range left {
		if err := tx.Expire(nid, t.by, redacted); err != nil {
			return err
		}
	}
	return tx.NoteExpired(t.Ref)
}

// redactedForms gives what is left of events, of those that can be read.
func redactedForms(r *store.Reader, version string, nids []store.NID) (left map[store.NID][]byte, failed error) {
	rules, _ := pdu.RulesFor(version)
	left = make(map[store.NID][]byte, len(nids))
	for _, nid := range nids {
		row, _, err := r.Event(nid)
		if err == nil {
			var e *pdu.Event
			if e, err = row.PDU(rules); err == nil {
				left[nid] = e.Redact().JSON()
			}
		}
		failed = errors.Join(failed, err)
	}
	return left, failed
}
