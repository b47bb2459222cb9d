package store

import (
	"database/sql"
	"encoding/json"
	"errors"
)

const (
	joinedUsers = `SELECT user FROM member WHERE room = ? AND membership = 1`

	placeOfEvent = `SELECT ` + placeColumns + ` FROM event e JOIN timeline t ON t.room = e.room AND t.ord = e.ord
		WHERE e.event_id = ? AND e.room = ?`

	receiptOf  = `SELECT event_id, ord, ts, pos FROM receipt WHERE room = ? AND user = ? AND type = ? AND thread = ?`
	receiptsIn = `SELECT user, type, thread, event_id, ord, ts, pos FROM receipt WHERE room = ? AND pos > ? AND pos <= ? ORDER BY pos`
	putReceipt = `INSERT INTO receipt (room, user, type, thread, event_id, ord, ts, pos) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET event_id = excluded.event_id, ord = excluded.ord, ts = excluded.ts, pos = excluded.pos`
)

// MainThread is the thread of a receipt for what is in no thread. Spec: client-server API, "Threaded read receipts".
const MainThread = "main"

// Receipt is how far a user has read a room, or one thread of it.
type Receipt struct {
	User    Atom
	Type    Atom   // AtomReceiptRead or AtomReceiptReadPrivate
	Thread  string // "" unthreaded, MainThread, or the event id of a thread's root
	EventID string
	Ord     int64 // of the event
	TS      int64 // milliseconds
	Pos     int64
}

// JoinedUsers are those who are in the room.
func (r *Reader) JoinedUsers(room RoomRef) ([]Atom, error) {
	return list(r, joinedUsers, in(room), scanInt[Atom])
}

// PlaceOf finds an event in the timeline of a room. It tells whether the event is there.
func (r *Reader) PlaceOf(room RoomRef, eventID string) (Place, bool, error) {
	return r.place(placeOfEvent, eventIDBytes(eventID), room)
}

// ReceiptsIn are the receipts of a room that came after the position since, up to upto, in that order.
func (r *Reader) ReceiptsIn(room RoomRef, since, upto int64) ([]Receipt, error) {
	return list(r, receiptsIn, in(room, since, upto), scanReceipt)
}

func scanReceipt(rows *sql.Rows) (c Receipt, err error) {
	err = rows.Scan(&c.User, &c.Type, &c.Thread, &c.EventID, &c.Ord, &c.TS, &c.Pos)
	return c, err
}

// receiptOf finds the receipt with the key (room, user, type, thread) of c.
func (r *Reader) receiptOf(room RoomRef, c Receipt, thread string) (old Receipt, found bool, err error) {
	found, err = r.row(receiptOf, in(room, c.User, c.Type, thread), &old.EventID, &old.Ord, &old.TS, &old.Pos)
	return old, found, err
}

// MoveReceipt stores a receipt unless one of the same user, type and thread stands at its event or later, and tells whether it did.
// A threaded receipt at the event of the unthreaded one says nothing more and is not stored: in m.receipt both have
// one place, where the unthreaded one must win (MSC4102).
func (tx *Tx) MoveReceipt(room RoomRef, c Receipt) (moved bool, err error) {
	old, found, err := tx.receiptOf(room, c, c.Thread)
	if err != nil || found && old.Ord >= c.Ord {
		return false, err
	}
	if c.Thread != "" {
		whole, found, err := tx.receiptOf(room, c, "")
		if err != nil || found && whole.EventID == c.EventID {
			return false, err
		}
	}
	pos, err := tx.NextPos()
	if err != nil {
		return false, err
	}
	tx.touchReceipt(room, c.User, pos)
	return true, tx.exec(putReceipt, room, c.User, c.Type, c.Thread, c.EventID, c.Ord, c.TS, pos)
}

// fullyRead is the content of m.fully_read. Spec: client-server API, "Fully read markers".
type fullyRead struct {
	EventID string `json:"event_id"`
}

// MoveFullyRead moves the user's m.fully_read in a room forward to an event with the given ord, and tells whether it moved.
func (tx *Tx) MoveFullyRead(user Atom, room RoomRef, eventID string, ord int64) (moved bool, err error) {
	old, err := tx.fullyReadOrd(user, room)
	if err != nil || old != nil && *old >= ord {
		return false, err
	}
	content, err := json.Marshal(fullyRead{EventID: eventID})
	if err != nil {
		return false, err
	}
	pos, err := tx.NextPos()
	if err != nil {
		return false, err
	}
	return true, tx.PutAccountData(user, AccountData{Room: room, Type: AtomFullyRead, Content: content, Pos: pos})
}

// fullyReadOrd is where the marker stands; nil where there is none, or where its event is unknown.
func (r *Reader) fullyReadOrd(user Atom, room RoomRef) (*int64, error) {
	data, err := r.AccountData(user, room, AtomFullyRead)
	if err != nil || data.Pos == 0 {
		return nil, err
	}
	var marker fullyRead
	if err := json.Unmarshal(data.Content, &marker); err != nil {
		return nil, errors.Join(errors.New("stored m.fully_read"), err)
	}
	place, found, err := r.PlaceOf(room, marker.EventID)
	if err != nil || !found {
		return nil, err
	}
	return &place.Ord, nil
}
