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
	return `SELECT event_id, status, json FROM event WHERE event_id IN (?` + strings.Repeat(", ?", n-1) + `) AND room = ?`
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
			var id []byte
			var e RawEvent
			err := rows.Scan(&id, &e.Status, &e.JSON)
			e.ID = eventIDText(id)
			events = append(events, e)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return events, nil
}
