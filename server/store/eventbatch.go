package store

import "database/sql"

const (
	rawEvents  = `SELECT e.event_id, e.status, ` + eventJSON + ` FROM event e WHERE e.room = ? AND e.event_id IN `
	rawEvent   = rawEvents + `(?)`
	rawEvent64 = rawEvents + `(` + ids16 + `, ` + ids16 + `, ` + ids16 + `, ` + ids16 + `)`
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
	for len(ids) > 0 {
		query, n := rawEvent, 1
		if len(ids) >= 64 {
			query, n = rawEvent64, 64
		}
		args := in(room)
		for _, id := range ids[:n] {
			args = append(args, eventIDBytes(id))
		}
		ids = ids[n:]
		err := r.rows(query, args, func(rows *sql.Rows) error {
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
		if err != nil {
			return nil, err
		}
	}
	return events, nil
}
