package store

import "database/sql"

const (
	extremities      = `SELECT ` + eventColumns + ` FROM extremity x JOIN event e ON e.nid = x.nid WHERE x.room = ?`
	forkedState      = `SELECT forked_state FROM room WHERE id = ?`
	clearExtremities = `DELETE FROM extremity WHERE room = ?`
	addExtremity     = `INSERT INTO extremity (room, nid) VALUES (?, ?)`
	setForkedState   = `UPDATE room SET forked_state = ? WHERE id = ?`

	addLate = `INSERT INTO late (room, pos, nid) VALUES (?, ?, ?)`
	lateNID = `SELECT nid FROM late WHERE room = ? AND pos = ?`

	gapBelow  = `SELECT from_ord FROM timeline_gap WHERE room = ? AND to_ord = ?`
	narrowGap = `UPDATE timeline_gap SET to_ord = ? WHERE room = ? AND from_ord = ?`
	closeGap  = `DELETE FROM timeline_gap WHERE room = ? AND from_ord = ?`

	addMissing     = `INSERT INTO missing_event (room, event_id, nid) VALUES (?, ?, ?)`
	followers      = `SELECT nid FROM missing_event WHERE room = ? AND event_id = ?`
	deleteMissing  = `DELETE FROM missing_event WHERE room = ? AND event_id = ?`
	missingBelow   = `SELECT DISTINCT m.event_id FROM missing_event m JOIN event e ON e.nid = m.nid WHERE m.room = ? AND e.ord >= ? AND e.ord <= ?`
	addEarly       = `INSERT INTO early_redaction (room, event_id, nid, anyones) VALUES (?, ?, ?, ?)`
	earlyRedaction = `SELECT nid, anyones FROM early_redaction WHERE room = ? AND event_id = ?`
	deleteEarly    = `DELETE FROM early_redaction WHERE room = ? AND event_id = ?`

	knowsEvent = `SELECT nid FROM event WHERE event_id = ?`
	eventIDs   = `SELECT nid, event_id FROM event WHERE nid IN (SELECT value FROM json_each(?))`
	placeEvent = `UPDATE event SET ord = ?, status = ?, state = ?, replaces = ? WHERE nid = ?`
)

// Extremities reads the forward extremities of a forked room. It gives none where the last event of the timeline is the only one.
func (r *Reader) Extremities(room RoomRef) ([]Event, error) {
	return list(r, extremities, in(room), scanEvent)
}

// ForkedState gives the state group of all extremities of a forked room together; 0 for any other room.
func (r *Reader) ForkedState(room RoomRef) (group int64, err error) {
	_, err = r.row(forkedState, in(room), &group)
	return group, err
}

// SetExtremities sets the forward extremities of a forked room, and the state group of all together.
func (tx *Tx) SetExtremities(room RoomRef, events []NID, state int64) error {
	if err := tx.exec(clearExtremities, room); err != nil {
		return err
	}
	for _, nid := range events {
		if err := tx.exec(addExtremity, room, nid); err != nil {
			return err
		}
	}
	return tx.exec(setForkedState, state, room)
}

// Unfork says that the last event of the timeline is the only forward extremity.
func (tx *Tx) Unfork(room RoomRef) error { return tx.SetExtremities(room, nil, 0) }

// AddLate notes which event has a position that is not its number.
func (tx *Tx) AddLate(room RoomRef, pos int64, event NID) error {
	if err := tx.indexAgain(event); err != nil {
		return err
	}
	return tx.exec(addLate, room, pos, event)
}

// EventAt reads the event of a room's timeline that has a position; ok is false where the position is of something else.
func (r *Reader) EventAt(room RoomRef, pos int64) (e Event, ok bool, err error) {
	var nid NID
	if ok, err = r.row(lateNID, in(room, pos), &nid); err != nil || ok {
		e, ok, err = r.Event(nid)
		return e, ok, err
	}
	if e, ok, err = r.Event(NID(pos)); err != nil || !ok || !e.Placed || e.Room != room {
		return Event{}, false, err
	}
	place, _, err := r.PlaceAt(e.Room, e.Ord)
	return e, place.Pos == pos, err
}

// KnowsEvent tells whether there is an event.
func (r *Reader) KnowsEvent(eventID string) (bool, error) {
	return r.row(knowsEvent, in(eventIDBytes(eventID)), new(int64))
}

// EventIDs gives the ids of events by their numbers.
func (r *Reader) EventIDs(nids []NID) (map[NID]string, error) {
	ids := make(map[NID]string, len(nids))
	err := r.rows(eventIDs, in(jsonArray(nids)), func(rows *sql.Rows) error {
		var nid NID
		var id []byte
		err := rows.Scan(&nid, &id)
		ids[nid] = eventIDText(id)
		return err
	})
	return ids, err
}

// PlaceEvent sets of an outlier's row what it gets with its place: Ord, Status, State and Replaces.
func (tx *Tx) PlaceEvent(e *Event) error {
	return tx.exec(placeEvent, sql.NullInt64{Int64: e.Ord, Valid: e.Placed}, e.Status, e.State, orNull(e.Replaces), e.NID)
}

// AddMissing notes that an event follows one that is not in its room's timeline.
func (tx *Tx) AddMissing(room RoomRef, eventID string, follower NID) error {
	return tx.exec(addMissing, room, eventIDBytes(eventID), follower)
}

// Followers lists the events that follow one which is missing.
func (r *Reader) Followers(room RoomRef, eventID string) ([]NID, error) {
	return list(r, followers, in(room, eventIDBytes(eventID)), scanInt[NID])
}

// FillMissing forgets that an event is missing: it came.
func (tx *Tx) FillMissing(room RoomRef, eventID string) error {
	return tx.exec(deleteMissing, room, eventIDBytes(eventID))
}

// MissingBelow lists the ids of events that are missing below those with from ≤ ord ≤ to.
func (r *Reader) MissingBelow(room RoomRef, from, to int64) ([]string, error) {
	return list(r, missingBelow, in(room, from, to), func(rows *sql.Rows) (string, error) {
		var id []byte
		err := rows.Scan(&id)
		return eventIDText(id), err
	})
}

// GapBelow gives the last place before the gap that ends at a place; ok is false where none does.
func (r *Reader) GapBelow(room RoomRef, to int64) (from int64, ok bool, err error) {
	ok, err = r.row(gapBelow, in(room, to), &from)
	return from, ok, err
}

// NarrowGap moves the end of the gap that begins at a place; to a place of its own beginning: closes it.
func (tx *Tx) NarrowGap(room RoomRef, from, to int64) error {
	if to <= from+1 {
		return tx.exec(closeGap, room, from)
	}
	return tx.exec(narrowGap, to, room, from)
}

// EarlyRedaction is a redaction that came before what it redacts.
type EarlyRedaction struct {
	NID     NID
	Anyones bool // its sender may redact everybody's events, else those of their own server
}

// AddEarlyRedaction keeps a redaction until what it redacts comes.
func (tx *Tx) AddEarlyRedaction(room RoomRef, eventID string, e EarlyRedaction) error {
	return tx.exec(addEarly, room, eventIDBytes(eventID), e.NID, e.Anyones)
}

// EarlyRedactions lists the redactions that wait for an event.
func (r *Reader) EarlyRedactions(room RoomRef, eventID string) ([]EarlyRedaction, error) {
	return list(r, earlyRedaction, in(room, eventIDBytes(eventID)), func(rows *sql.Rows) (e EarlyRedaction, err error) {
		err = rows.Scan(&e.NID, &e.Anyones)
		return e, err
	})
}

// ForgetEarlyRedactions forgets the redactions that waited for an event: it came.
func (tx *Tx) ForgetEarlyRedactions(room RoomRef, eventID string) error {
	return tx.exec(deleteEarly, room, eventIDBytes(eventID))
}
