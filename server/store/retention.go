package store

import (
	"database/sql"
	"errors"
)

const (
	// Light rows of a timeline: what tells whether an event is too old.
	agesAfter = `SELECT t.ord, e.nid, e.ts, e.state_key IS NOT NULL, e.status FROM timeline t JOIN event e ON e.nid = t.nid
		WHERE t.room = ? AND t.ord > ? ORDER BY t.ord LIMIT ?`
	expireEvent = `UPDATE event SET json = ?, frame = NULL, sum = ?, redacted_by = coalesce(redacted_by, ?), status = status | ? WHERE nid = ?`
)

// Age tells when an event of a timeline was sent.
type Age struct {
	Ord    int64
	NID    NID
	TS     int64 // origin_server_ts
	State  bool  // a state event
	Status int
}

// AgesAfter lists up to limit events of a room's timeline after a place, the earliest first.
func (r *Reader) AgesAfter(room RoomRef, after int64, limit int) ([]Age, error) {
	return list(r, agesAfter, in(room, after, limit), func(rows *sql.Rows) (a Age, err error) {
		err = rows.Scan(&a.Ord, &a.NID, &a.TS, &a.State, &a.Status)
		return a, err
	})
}

// Expire replaces an event's bytes by their redacted form, as Redact does, and marks it: nobody is shown it any more. because is the m.room.retention
// that says so; an event that somebody redacted before stays redacted by that.
func (tx *Tx) Expire(target, because NID, redacted []byte) error {
	if err := errors.Join(tx.endRelation(target), tx.uncount(target), tx.indexAgain(target)); err != nil {
		return err
	}
	tx.redacted = append(tx.redacted, target)
	return tx.exec(expireEvent, redacted, Sum(redacted), because, StatusExpired, target)
}

// NoteExpired tells whoever remembers what is unread in a room that less may be.
func (tx *Tx) NoteExpired(room RoomRef) error { return tx.touchNow(TouchedTimeline, int64(room)) }
