package store

import (
	"database/sql"
	"errors"

	"beffroi/server/pdu"
)

// NID is the number of an event in the database.
type NID int64

// The bits of an event's status. Without any it was accepted.
const (
	StatusSoftFailed        = 1
	StatusRejected          = 2
	StatusOutlier           = 4
	StatusRedactedOnArrival = 8
	StatusAside             = 16 // the state before it was not the room's current one when it came
	StatusExpired           = 32 // its room keeps messages for some time only, and that is over: redacted, and shown to nobody
)

// Event is an event's row.
type Event struct {
	NID        NID
	Room       RoomRef
	Ord        int64 // its place in the room; meaningless where Placed is false
	Placed     bool
	ID         string
	Type       Atom
	StateKey   Atom // 0: not a state event
	Sender     Atom
	TS         int64 // origin_server_ts
	Status     int
	State      int64 // the state group after it
	Replaces   NID   // the state event that it replaced, 0: none
	RedactedBy NID   // 0: not redacted
	TxnDevice  int64 // the device that sent it with TxnID, 0: none
	TxnID      string
	JSON       []byte // canonical signed bytes without unsigned
}

// PDU is the event in a room of a version.
func (e *Event) PDU(r pdu.Rules) (*pdu.Event, error) {
	return pdu.FromStore(r, e.ID, e.JSON, e.Status&StatusRedactedOnArrival != 0)
}

const eventColumns = `e.nid, e.room, e.ord, e.event_id, e.type, e.state_key, e.sender, e.ts, e.status, e.state, e.replaces, e.redacted_by,
	e.txn_device, e.txn_id, ` + eventJSON

const (
	insertEvent = `INSERT INTO event (nid, room, ord, event_id, type, state_key, sender, ts, status, state, replaces, txn_device, txn_id, json, sum, frame)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	eventByID   = `SELECT ` + eventColumns + ` FROM event e WHERE e.event_id = ?`
	eventByNID  = `SELECT ` + eventColumns + ` FROM event e WHERE e.nid = ?`
	redactEvent = `UPDATE event SET json = ?, frame = NULL, sum = ?, redacted_by = ? WHERE nid = ?`

	getTxn = `SELECT e.event_id FROM txn t JOIN event e ON e.nid = t.nid WHERE t.device = ? AND t.scope = ? AND t.txn_id = ?`
	putTxn = `INSERT INTO txn (device, scope, txn_id, nid, ts) VALUES (?, ?, ?, ?, ?)`

	// There is no index by age: it would cost each message a page. The walk over the table is a reader's, now and then.
	txnsBefore = `SELECT device, scope, txn_id FROM txn WHERE (device, scope, txn_id) > (?, ?, ?) AND ts < ? ORDER BY device, scope, txn_id LIMIT ?`
	deleteTxn  = `DELETE FROM txn WHERE device = ? AND scope = ? AND txn_id = ?`
)

// AddEvent stores an event's row.
func (tx *Tx) AddEvent(e *Event) error {
	tx.events++
	body, frame, err := tx.framed(e)
	if err != nil {
		return err
	}
	tx.added = e
	return tx.exec(insertEvent, e.NID, e.Room, sql.NullInt64{Int64: e.Ord, Valid: e.Placed}, eventIDBytes(e.ID), e.Type, orNull(e.StateKey), e.Sender,
		e.TS, e.Status, e.State, orNull(e.Replaces), orNull(e.TxnDevice), sql.NullString{String: e.TxnID, Valid: e.TxnDevice != 0}, body, Sum(e.JSON), orNull(frame))
}

// EventByID reads an event; ok is false where it is not known.
func (r *Reader) EventByID(id string) (e Event, ok bool, err error) {
	return r.event(eventByID, eventIDBytes(id))
}

// Event reads an event by its number.
func (r *Reader) Event(nid NID) (e Event, ok bool, err error) { return r.event(eventByNID, nid) }

func (r *Reader) event(query string, arg any) (e Event, ok bool, err error) {
	err = r.rows(query, in(arg), func(rows *sql.Rows) error {
		e, err = scanEvent(rows)
		ok = true
		return err
	})
	return e, ok, err
}

func scanEvent(rows *sql.Rows) (Event, error) { return scanEventAnd(rows) }

// scanEventAnd reads an event and the columns after it.
func scanEventAnd(rows *sql.Rows, more ...any) (e Event, err error) {
	var ord, stateKey, replaces, redactedBy, device sql.NullInt64
	var id, body, frame []byte
	var txn sql.NullString
	err = rows.Scan(append(in(&e.NID, &e.Room, &ord, &id, &e.Type, &stateKey, &e.Sender, &e.TS, &e.Status, &e.State, &replaces, &redactedBy,
		&device, &txn, &body, &frame), more...)...)
	if err != nil {
		return e, err
	}
	e.JSON, err = unframe(body, frame)
	e.Ord, e.Placed = ord.Int64, ord.Valid
	e.ID, e.StateKey = eventIDText(id), Atom(stateKey.Int64)
	e.Replaces, e.RedactedBy = NID(replaces.Int64), NID(redactedBy.Int64)
	e.TxnDevice, e.TxnID = device.Int64, txn.String
	return e, err
}

// Redact replaces an event's bytes by their redacted form and notes which event redacted it. The event relates to no other any more, and counts as
// unread no more.
func (tx *Tx) Redact(target, by NID, redacted []byte) error {
	if err := tx.endRelation(target); err != nil {
		return err
	}
	if err := errors.Join(tx.uncount(target), tx.indexAgain(target)); err != nil {
		return err
	}
	tx.redacted = append(tx.redacted, target)
	return tx.exec(redactEvent, redacted, Sum(redacted), by, target)
}

// TxnEvent gives the id of the event that a device sent with a transaction id in a scope, "" where there is none.
func (r *Reader) TxnEvent(device int64, scope, txnID string) (string, error) {
	var id []byte
	_, err := r.row(getTxn, in(device, scope, txnID), &id)
	return eventIDText(id), err
}

// AddTxn remembers the result of a transaction id. nid is 0 where success is the whole result.
func (tx *Tx) AddTxn(device int64, scope, txnID string, nid NID, ts int64) error {
	return tx.exec(putTxn, device, scope, txnID, nid, ts)
}

// Txn names a transaction id of a device.
type Txn struct {
	Device       int64
	Scope, TxnID string
}

// TxnsBefore lists transaction ids from before a time (milliseconds), limit at most, in the order of their names after one; the zero value begins.
func (r *Reader) TxnsBefore(ts int64, after Txn, limit int) ([]Txn, error) {
	return list(r, txnsBefore, in(after.Device, after.Scope, after.TxnID, ts, limit), func(rows *sql.Rows) (t Txn, err error) {
		err = rows.Scan(&t.Device, &t.Scope, &t.TxnID)
		return t, err
	})
}

// ForgetTxns forgets transaction ids: the same again is another request.
func (tx *Tx) ForgetTxns(txns []Txn) error {
	for _, t := range txns {
		if err := tx.exec(deleteTxn, t.Device, t.Scope, t.TxnID); err != nil {
			return err
		}
	}
	return nil
}

// orNull turns the zero value into NULL.
func orNull[T ~int64](v T) any {
	if v == 0 {
		return nil
	}
	return int64(v)
}
