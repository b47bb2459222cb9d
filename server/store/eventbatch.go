package store

import "database/sql"

const (
	rawEvents  = `SELECT e.event_id, e.status, ` + eventJSON + ` FROM event e WHERE e.room = ? AND e.event_id IN `
	rawEvent   = rawEvents + `(?)`
	rawEvent64 = rawEvents + ids64
	stateRows  = `SELECT e.event_id, e.nid, e.type, coalesce(e.state_key, 0), e.status FROM event e WHERE e.room = ? AND e.event_id IN `
	stateRow   = stateRows + `(?)`
	stateRow64 = stateRows + ids64
	ids64      = `(` + ids16 + `, ` + ids16 + `, ` + ids16 + `, ` + ids16 + `)`
	ids16      = `?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?`
)

// RawEvent is what judging needs of an event's row.
type RawEvent struct {
	ID     string
	Status int
	JSON   []byte // canonical signed bytes without unsigned
}

// RawEvents reads events of a room by their ids, in any order. Those that are not known, and those of other rooms, are left out.
func (r *Reader) RawEvents(room RoomRef, ids []string) ([]RawEvent, error) {
	events := make([]RawEvent, 0, len(ids))
	err := r.byIDs(rawEvent, rawEvent64, room, ids, func(rows *sql.Rows) error {
		var id, body, frame []byte
		var e RawEvent
		err := rows.Scan(&id, &e.Status, &body, &frame)
		if err != nil {
			return err
		}
		e.ID = eventIDText(id)
		e.JSON, err = unframe(body, frame)
		events = append(events, e)
		return err
	})
	return events, err
}

// StateRow is what a state needs of an event's row.
type StateRow struct {
	StateEntry // StateKey is 0 for what is not state
	ID         string
	Status     int
}

// StateRows reads what a state needs of events of a room by their ids, as RawEvents does.
func (r *Reader) StateRows(room RoomRef, ids []string) ([]StateRow, error) {
	out := make([]StateRow, 0, len(ids))
	err := r.byIDs(stateRow, stateRow64, room, ids, func(rows *sql.Rows) error {
		var id []byte
		var e StateRow
		err := rows.Scan(&id, &e.NID, &e.Type, &e.StateKey, &e.Status)
		e.ID = eventIDText(id)
		out = append(out, e)
		return err
	})
	return out, err
}

// byIDs reads rows of a room's events with two forms of a query, for one id and for 64.
func (r *Reader) byIDs(single, whole string, room RoomRef, ids []string, scan func(*sql.Rows) error) error {
	for len(ids) > 0 {
		query, n := single, 1
		if len(ids) >= 64 {
			query, n = whole, 64
		}
		args := in(room)
		for _, id := range ids[:n] {
			args = append(args, eventIDBytes(id))
		}
		ids = ids[n:]
		if err := r.rows(query, args, scan); err != nil {
			return err
		}
	}
	return nil
}
