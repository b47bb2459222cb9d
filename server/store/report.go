package store

import "database/sql"

// Report is what somebody reported to the administration: a room, an event in it, or a user.
type Report struct {
	ID       int64
	Reporter Atom
	TS       int64  // milliseconds
	RoomID   string // "": a user was reported
	EventID  string // "": the room or the user as a whole
	UserID   string // whom it concerns; "" for a room
	Reason   string
}

const (
	addReport   = `INSERT INTO report (reporter, ts, room_id, event_id, user_id, reason) VALUES (?, ?, nullif(?, ''), nullif(?, ''), nullif(?, ''), ?)`
	reportsFrom = `SELECT count(*), coalesce(min(ts), 0) FROM report WHERE reporter = ? AND ts > ?`
	reports     = `SELECT id, reporter, ts, coalesce(room_id, ''), coalesce(event_id, ''), coalesce(user_id, ''), reason
		FROM report WHERE id < ? ORDER BY id DESC LIMIT ?`
)

// AddReport stores a report.
func (tx *Tx) AddReport(p Report) error {
	return tx.exec(addReport, p.Reporter, p.TS, p.RoomID, p.EventID, p.UserID, p.Reason)
}

// ReportsFrom counts the reports of a user after a time (milliseconds), and tells when the first of them came.
func (r *Reader) ReportsFrom(user Atom, after int64) (n int, first int64, err error) {
	_, err = r.row(reportsFrom, in(user, after), &n, &first)
	return n, first, err
}

// Reports lists up to limit reports with an id below, the latest first.
func (r *Reader) Reports(below int64, limit int) ([]Report, error) {
	return list(r, reports, in(below, limit), func(rows *sql.Rows) (p Report, err error) {
		err = rows.Scan(&p.ID, &p.Reporter, &p.TS, &p.RoomID, &p.EventID, &p.UserID, &p.Reason)
		return p, err
	})
}
