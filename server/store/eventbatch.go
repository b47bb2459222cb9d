package store

import (
	"database/sql"
	"strings"
)

// eventBatch is how many events one statement reads by their ids.
const eventBatch = 64

// RawEvent is what judging needs of an event's row.
type RawEvent struct {
	ID     string
	Status int
	JSON   []byte // canonical signed bytes without unsigned
}

func rawEvents(n int) string {
	return `SELECT e.event_id, e.status, ` + eventJSON + ` FROM event e WHERE e.event_id IN (?` + strings.Repeat(", ?", n-1) + `) AND e.room = ?`
}

// RawEvents reads events of a room by their ids, in any order. Those that are not known, and those of other rooms, are left out.
func (r *Reader) RawEvents(room RoomRef, ids []string) ([]RawEvent, error) {
	events := make([]RawEvent, 0, len(ids))
	whole, single := rawEvents(eventBatch), rawEvents(1)
	for len(ids) > 0 {
		query, n := single, 1
		if len(ids) >= eventBatch {
			query, n = whole, eventBatch
		}
		args := make([]any, 0, n+1)
		for _, id := range ids[:n] {
			args = append(args, eventIDBytes(id))
		}
		ids = ids[n:]
		err := r.rows(query, append(args, room), func(rows *sql.Rows) error {
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
