package store

import "database/sql"

// unreadThreads bounds in how many threads of a room unread events are looked for: those begun last.
const unreadThreads = 200

const (
	lastOwnMain = `SELECT t.ord FROM timeline t JOIN event e ON e.nid = t.nid
		WHERE t.room = ? AND t.ord > ? AND t.sender = ? AND t.thread = 0 AND e.state_key IS NULL ORDER BY t.ord DESC LIMIT 1`
	lastOwnInThread = `SELECT t.ord FROM timeline t
		WHERE t.room = ? AND t.thread = ? AND t.thread <> 0 AND t.ord > ? AND t.sender = ? ORDER BY t.ord DESC LIMIT 1`
	threadPlace = `SELECT ` + placeColumns + ` FROM timeline t
		WHERE t.room = ? AND t.thread = ? AND t.thread <> 0 AND t.ord <= ? ORDER BY t.ord DESC LIMIT 1`

	// From root to root through the index, not through every event of every thread.
	threadRoots = `WITH RECURSIVE root (nid) AS (
			SELECT max(thread) FROM timeline WHERE room = ?1 AND thread <> 0
			UNION ALL
			SELECT (SELECT max(thread) FROM timeline WHERE room = ?1 AND thread <> 0 AND thread < root.nid) FROM root WHERE root.nid IS NOT NULL)
		SELECT nid FROM root WHERE nid IS NOT NULL LIMIT ?2`

	othersSince = `SELECT ` + eventColumns + `, t.thread,
			t.notify > coalesce((SELECT b.notify FROM timeline b WHERE b.room = t.room AND b.ord < t.ord ORDER BY b.ord DESC LIMIT 1), 0)
		FROM (SELECT room, ord, nid, thread, notify FROM timeline
			WHERE room = ? AND ord > ? AND sender <> ? ORDER BY ord DESC LIMIT ?) t JOIN event e ON e.nid = t.nid`
	latestFirst = ` ORDER BY t.ord DESC`
	// Many clients put an empty m.mentions into every message. Stored JSON is canonical: it is spelled in one way.
	special = ` WHERE e.type = 15 OR e.redacted_by IS NOT NULL OR instr(e.json, CAST('"m.mentions":{"' AS BLOB))`
)

// LastOwn gives the place of the last event of a user after a place, in a thread or (0) outside of threads, where only messages count: a change
// of one's profile reads nothing. 0 and false where there is none.
func (r *Reader) LastOwn(room RoomRef, user Atom, thread NID, after int64) (ord int64, ok bool, err error) {
	if thread == 0 {
		ok, err = r.row(lastOwnMain, in(room, after, user), &ord)
	} else {
		ok, err = r.row(lastOwnInThread, in(room, thread, after, user), &ord)
	}
	return ord, ok, err
}

// PlaceInThread gives the last event of a thread up to a place.
func (r *Reader) PlaceInThread(room RoomRef, root NID, upto int64) (Place, bool, error) {
	return r.place(threadPlace, room, root, upto)
}

// ThreadRoots lists the roots of a room's threads, the latest first, 200 at most.
func (r *Reader) ThreadRoots(room RoomRef) ([]NID, error) {
	return list(r, threadRoots, in(room, unreadThreads), scanInt[NID])
}

// CountedEvent is an event with the root of its thread, 0 for none, and whether the timeline counts it among those that notify.
type CountedEvent struct {
	Event
	Thread  NID
	Counted bool
}

// OthersSince reads the last events after a place that others sent, the latest first.
func (r *Reader) OthersSince(room RoomRef, user Atom, after int64, limit int) ([]CountedEvent, error) {
	return r.counted(othersSince+latestFirst, room, user, after, limit)
}

// SpecialSince is OthersSince without those that mean the same to everybody who has the default rules: what is left are tombstones, redacted
// events and mentions.
func (r *Reader) SpecialSince(room RoomRef, user Atom, after int64, limit int) ([]CountedEvent, error) {
	return r.counted(othersSince+special+latestFirst, room, user, after, limit)
}

func (r *Reader) counted(query string, room RoomRef, user Atom, after int64, limit int) ([]CountedEvent, error) {
	return list(r, query, in(room, after, user, limit), func(rows *sql.Rows) (e CountedEvent, err error) {
		e.Event, err = scanEventAnd(rows, &e.Thread, &e.Counted)
		return e, err
	})
}
