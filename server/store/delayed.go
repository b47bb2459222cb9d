package store

import "database/sql"

// DelayedTxn begins the transaction ids of events that were scheduled; the delay id follows. Clients can't use it.
const DelayedTxn = "org.matrix.msc4140:"

// DelayedEvent is an event that is sent later, or what became of it.
// Source: MSC4140.
type DelayedEvent struct {
	Nr        int64 // in the order of scheduling; AddDelayed gives it
	ID        string
	User      Atom
	Device    int64  // that scheduled it
	Txn       string // the scheduling request's; "": it has none
	RoomID    string
	Type      string
	StateKey  *string // nil: not a state event
	Content   []byte  // JSON
	Delay     int64   // milliseconds
	Since     int64   // when it was scheduled or last restarted, in milliseconds
	Finalised int64   // when it was sent, cancelled or failed; 0: it is scheduled
	EventID   string  // of the event that was sent; "": none was
	Error     []byte  // JSON; nil: none
}

// Due is when it is to be sent, in milliseconds.
func (e *DelayedEvent) Due() int64 { return e.Since + e.Delay }

const (
	delayedColumns = `rowid, delay_id, user, device, coalesce(txn, ''), room_id, type, state_key, content, delay, since, coalesce(finalised, 0), coalesce(event_id, ''), error`
	delayedByID    = `SELECT ` + delayedColumns + ` FROM delayed_event WHERE delay_id = ?`
	delayedByTxn   = `SELECT ` + delayedColumns + ` FROM delayed_event WHERE device = ? AND txn = ?`
	delayedOf      = `SELECT ` + delayedColumns + ` FROM delayed_event WHERE user = ? AND finalised IS NULL ORDER BY since + delay, rowid`
	delayedDue     = `SELECT ` + delayedColumns + ` FROM delayed_event WHERE finalised IS NULL AND since + delay <= ?
		AND (since + delay, rowid) > (?, ?) ORDER BY since + delay, rowid LIMIT ?`
	nextDelayed   = `SELECT since + delay FROM delayed_event WHERE finalised IS NULL AND since + delay > ? ORDER BY since + delay LIMIT 1`
	insertDelayed = `INSERT INTO delayed_event (delay_id, user, device, txn, room_id, type, state_key, content, delay, since)
		VALUES (?, ?, ?, nullif(?, ''), ?, ?, ?, ?, ?, ?)`
	restartDelayed  = `UPDATE delayed_event SET since = ? WHERE delay_id = ? AND finalised IS NULL`
	finaliseDelayed = `UPDATE delayed_event SET finalised = ?, event_id = nullif(?, ''), error = ? WHERE delay_id = ? AND finalised IS NULL`
	keepFinalised   = `DELETE FROM delayed_event WHERE delay_id IN (SELECT delay_id FROM delayed_event
		WHERE user = ? AND finalised IS NOT NULL ORDER BY finalised DESC LIMIT -1 OFFSET ?)`
	forgetFinalised = `DELETE FROM delayed_event WHERE delay_id IN (SELECT delay_id FROM delayed_event WHERE finalised < ? LIMIT ?)`
)

func scanDelayed(rows *sql.Rows) (e DelayedEvent, err error) {
	err = rows.Scan(e.fields()...)
	return e, err
}

func (e *DelayedEvent) fields() []any {
	return []any{&e.Nr, &e.ID, &e.User, &e.Device, &e.Txn, &e.RoomID, &e.Type, &e.StateKey, &e.Content, &e.Delay, &e.Since, &e.Finalised, &e.EventID, &e.Error}
}

// DelayedEvent gives a delayed event. It tells whether there is one.
func (r *Reader) DelayedEvent(id string) (e DelayedEvent, found bool, err error) {
	found, err = r.row(delayedByID, in(id), e.fields()...)
	return e, found, err
}

// DelayedByTxn gives the delayed event that a request of a device scheduled. It tells whether there is one.
func (r *Reader) DelayedByTxn(device int64, txn string) (e DelayedEvent, found bool, err error) {
	found, err = r.row(delayedByTxn, in(device, txn), e.fields()...)
	return e, found, err
}

// DelayedOf gives the scheduled events of a user in the order in which they will be sent.
func (r *Reader) DelayedOf(user Atom) ([]DelayedEvent, error) {
	return list(r, delayedOf, in(user), scanDelayed)
}

// DelayedDue gives scheduled events whose time has come, limit at most, in that order: those after one that was given before.
func (r *Reader) DelayedDue(now int64, after DelayedEvent, limit int) ([]DelayedEvent, error) {
	return list(r, delayedDue, in(now, after.Due(), after.Nr, limit), scanDelayed)
}

// NextDelayed gives when the first event after a time is due. It tells whether there is one.
func (r *Reader) NextDelayed(after int64) (due int64, found bool, err error) {
	found, err = r.row(nextDelayed, in(after), &due)
	return due, found, err
}

// AddDelayed schedules an event.
func (tx *Tx) AddDelayed(e *DelayedEvent) error {
	return tx.exec(insertDelayed, e.ID, e.User, e.Device, e.Txn, e.RoomID, e.Type, e.StateKey, e.Content, e.Delay, e.Since)
}

// RestartDelayed lets the delay of a scheduled event begin anew.
func (tx *Tx) RestartDelayed(id string, since int64) error {
	return tx.exec(restartDelayed, since, id)
}

// FinaliseDelayed keeps what became of a scheduled event, and of the user's finalised ones the latest.
func (tx *Tx) FinaliseDelayed(e *DelayedEvent, keep int) error {
	if err := tx.exec(finaliseDelayed, e.Finalised, e.EventID, e.Error, e.ID); err != nil {
		return err
	}
	return tx.exec(keepFinalised, e.User, keep)
}

// ForgetFinalised deletes events that were finalised before a time, limit at most, and tells whether there may be more.
func (tx *Tx) ForgetFinalised(before int64, limit int) (more bool, err error) {
	n, err := tx.execCount(forgetFinalised, before, limit)
	return n == int64(limit), err
}
