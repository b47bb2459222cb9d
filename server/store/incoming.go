package store

import "database/sql"

// Incoming is an event that another server sent, as it came: nothing of it is proven.
type Incoming struct {
	ID     int64
	Server string // that sent it
	RoomID string
	JSON   []byte
}

const (
	addIncoming   = `INSERT INTO incoming_event (server, room_id, json) VALUES (?, ?, ?)`
	incomingAfter = `SELECT id, server, room_id, json FROM incoming_event WHERE id > ? ORDER BY id LIMIT ?`
	tryIncoming   = `UPDATE incoming_event SET tries = tries + 1`
	staleIncoming = `DELETE FROM incoming_event WHERE tries > ?`
	endIncoming   = `DELETE FROM incoming_event WHERE id = ?`
)

// AddIncoming keeps an event until it is judged, and gives its number.
func (tx *Tx) AddIncoming(e Incoming) (id int64, err error) {
	return tx.insert(addIncoming, e.Server, e.RoomID, e.JSON)
}

// TryIncoming notes that what waits is taken up once more, and drops what was taken up more often than that: it never came to an end.
func (tx *Tx) TryIncoming(most int) error {
	if err := tx.exec(tryIncoming); err != nil {
		return err
	}
	return tx.exec(staleIncoming, most)
}

// IncomingAfter lists up to limit events that wait to be judged, in the order in which they came.
func (r *Reader) IncomingAfter(id int64, limit int) ([]Incoming, error) {
	return list(r, incomingAfter, in(id, limit), func(rows *sql.Rows) (e Incoming, err error) {
		err = rows.Scan(&e.ID, &e.Server, &e.RoomID, &e.JSON)
		return e, err
	})
}

// EndIncoming forgets events that were judged.
func (tx *Tx) EndIncoming(ids ...int64) error {
	for _, id := range ids {
		if err := tx.exec(endIncoming, id); err != nil {
			return err
		}
	}
	return nil
}
