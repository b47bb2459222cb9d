package store

import (
	"database/sql"
	"math"
)

// Place is a row of a room's timeline.
type Place struct {
	Room   RoomRef
	Ord    int64
	NID    NID
	Pos    int64 // 0: not part of a stream
	Sender Atom
	// How many events up to here notify by the default push rules: in the room, outside threads, in this event's thread.
	Notify, NotifyMain, NotifyThread int64
	Thread                           NID // its root; 0: not in a thread
}

const placeColumns = `t.room, t.ord, t.nid, t.pos, t.sender, t.notify, t.notify_main, t.thread, t.notify_thread`

const (
	insertPlace = `INSERT INTO timeline (room, ord, nid, pos, sender, notify, notify_main, thread, notify_thread) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	lastPlace   = `SELECT ` + placeColumns + ` FROM timeline t WHERE t.room = ? ORDER BY t.ord DESC LIMIT 1`
	placeBelow  = `SELECT ` + placeColumns + ` FROM timeline t WHERE t.room = ? AND t.ord < ? ORDER BY t.ord DESC LIMIT 1`
	threadBelow = `SELECT ` + placeColumns + ` FROM timeline t WHERE t.room = ? AND t.thread = ? AND t.thread <> 0 AND t.ord < ?
		ORDER BY t.ord DESC LIMIT 1`
	placeAt      = `SELECT ` + placeColumns + ` FROM timeline t WHERE t.room = ? AND t.ord = ?`
	lastThread   = `SELECT ` + placeColumns + ` FROM timeline t WHERE t.room = ? AND t.thread = ? AND t.thread <> 0 ORDER BY t.ord DESC LIMIT 1`
	ordAtPos     = `SELECT t.ord FROM timeline t WHERE t.room = ? AND t.pos <= ? ORDER BY t.ord DESC LIMIT 1`
	posFrom      = `SELECT t.ord, t.pos FROM timeline t WHERE t.room = ? AND t.ord >= ? AND t.ord < ? AND t.pos IS NOT NULL ORDER BY t.ord LIMIT 1`
	timelineEnds = `SELECT coalesce((SELECT ord FROM timeline WHERE room = ?1 ORDER BY ord LIMIT 1), 0),
		coalesce((SELECT ord FROM timeline WHERE room = ?1 ORDER BY ord DESC LIMIT 1), 0)`
	timeFrom = `SELECT t.ord, e.ts FROM timeline t JOIN event e ON e.nid = t.nid WHERE t.room = ? AND t.ord >= ? ORDER BY t.ord LIMIT 1`

	eventsBackward = `SELECT ` + eventColumns + ` FROM timeline t JOIN event e ON e.nid = t.nid
		WHERE t.room = ? AND t.ord <= ? AND t.ord > ? ORDER BY t.ord DESC LIMIT ?`
	eventsForward = `SELECT ` + eventColumns + ` FROM timeline t JOIN event e ON e.nid = t.nid
		WHERE t.room = ? AND t.ord > ? AND t.ord <= ? ORDER BY t.ord LIMIT ?`
)

// The ends of every timeline, as bounds of a range.
const (
	OrdMin int64 = math.MinInt64
	OrdMax int64 = math.MaxInt64
)

// AddPlace appends to a timeline.
func (tx *Tx) AddPlace(p Place) error {
	if p.Pos != 0 {
		tx.touchTimeline(&p)
	}
	return tx.exec(insertPlace, p.Room, p.Ord, p.NID, orNull(p.Pos), p.Sender, p.Notify, p.NotifyMain, p.Thread, p.NotifyThread)
}

// LastPlace gives the end of a room's timeline.
func (r *Reader) LastPlace(room RoomRef) (Place, bool, error) { return r.place(lastPlace, room) }

// LastInThread gives the last event of a thread.
func (r *Reader) LastInThread(room RoomRef, root NID) (Place, bool, error) {
	return r.place(lastThread, room, root)
}

// PlaceBelow gives the last row of a timeline below a place.
func (r *Reader) PlaceBelow(room RoomRef, ord int64) (Place, bool, error) {
	return r.place(placeBelow, room, ord)
}

// ThreadPlaceBelow gives the last row of a thread below a place.
func (r *Reader) ThreadPlaceBelow(room RoomRef, root NID, ord int64) (Place, bool, error) {
	return r.place(threadBelow, room, root, ord)
}

// PlaceAt reads one row of a timeline.
func (r *Reader) PlaceAt(room RoomRef, ord int64) (Place, bool, error) {
	return r.place(placeAt, room, ord)
}

func (r *Reader) place(query string, args ...any) (p Place, ok bool, err error) {
	var pos sql.NullInt64
	ok, err = r.row(query, args, &p.Room, &p.Ord, &p.NID, &pos, &p.Sender, &p.Notify, &p.NotifyMain, &p.Thread, &p.NotifyThread)
	p.Pos = pos.Int64
	return p, ok, err
}

// OrdAtPos gives the place of the last event of the room that came up to a position; ok is false where there is none.
func (r *Reader) OrdAtPos(room RoomRef, pos int64) (ord int64, ok bool, err error) {
	ok, err = r.row(ordAtPos, in(room, pos), &ord)
	return ord, ok, err
}

// PosFrom gives the first event with from ≤ ord < to that is part of the stream; ok is false where there is none.
func (r *Reader) PosFrom(room RoomRef, from, to int64) (ord, pos int64, ok bool, err error) {
	ok, err = r.row(posFrom, in(room, from, to), &ord, &pos)
	return ord, pos, ok, err
}

// EventsBackward reads up to limit events with after < ord ≤ from, the latest first.
func (r *Reader) EventsBackward(room RoomRef, from, after int64, limit int) ([]Event, error) {
	return list(r, eventsBackward, in(room, from, after, limit), scanEvent)
}

// EventsForward reads up to limit events with after < ord ≤ to, the earliest first.
func (r *Reader) EventsForward(room RoomRef, after, to int64, limit int) ([]Event, error) {
	return list(r, eventsForward, in(room, after, to, limit), scanEvent)
}

// OrdAtTime finds the boundary in a room's timeline before the first event whose origin_server_ts is not before a time (milliseconds),
// as if the times rose along the timeline.
func (r *Reader) OrdAtTime(room RoomRef, ts int64) (int64, error) {
	var low, high int64
	if _, err := r.row(timelineEnds, in(room), &low, &high); err != nil {
		return 0, err
	}
	for high++; low < high; {
		mid := low + (high-low)/2
		var ord, at int64
		ok, err := r.row(timeFrom, in(room, mid), &ord, &at)
		switch {
		case err != nil:
			return 0, err
		case !ok || at >= ts:
			high = mid
		default:
			low = ord + 1
		}
	}
	return low - 1, nil
}
