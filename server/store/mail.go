package store

import "database/sql"

// QueuedMail is a mail that waits to be sent. Times are milliseconds.
type QueuedMail struct {
	ID       int64
	Message  []byte // JSON
	Created  int64
	Expires  int64 // not sent by then it is dropped
	Due      int64 // of the next attempt
	Attempts int   // that failed
}

const (
	mailDue    = `SELECT id, message, created, expires, due, attempts FROM mail WHERE due <= ? ORDER BY due, id LIMIT ?`
	nextMail   = `SELECT due FROM mail ORDER BY due, id LIMIT 1`
	mailCount  = `SELECT count(*), coalesce(min(created), 0) FROM mail`
	insertMail = `INSERT INTO mail (message, created, expires, due) VALUES (?, ?, ?, ?)`
	updateMail = `UPDATE mail SET due = ?, attempts = ? WHERE id = ?`
	deleteMail = `DELETE FROM mail WHERE id = ?`

	askedSince  = `SELECT at FROM mail_asked WHERE who = ? AND at > ? ORDER BY at`
	insertAsked = `INSERT INTO mail_asked (who, at) VALUES (?, ?)`
	forgetAsked = `DELETE FROM mail_asked WHERE at <= ?`
)

// MailDue gives mails whose time has come, limit at most, in that order.
func (r *Reader) MailDue(now int64, limit int) ([]QueuedMail, error) {
	return list(r, mailDue, in(now, limit), func(rows *sql.Rows) (m QueuedMail, err error) {
		err = rows.Scan(&m.ID, &m.Message, &m.Created, &m.Expires, &m.Due, &m.Attempts)
		return m, err
	})
}

// NextMail gives when the first mail is due. It tells whether there is one.
func (r *Reader) NextMail() (due int64, found bool, err error) {
	found, err = r.row(nextMail, nil, &due)
	return due, found, err
}

// MailWaiting counts the mails that wait, and gives when the oldest was written, 0 where there is none.
func (r *Reader) MailWaiting() (n int, oldest int64, err error) {
	_, err = r.row(mailCount, nil, &n, &oldest)
	return n, oldest, err
}

// QueueMail puts a mail into the queue.
func (tx *Tx) QueueMail(m QueuedMail) error {
	return tx.exec(insertMail, m.Message, m.Created, m.Expires, m.Due)
}

// PostponeMail lets a mail wait, with its attempts.
func (tx *Tx) PostponeMail(m QueuedMail) error { return tx.exec(updateMail, m.Due, m.Attempts, m.ID) }

// DeleteMail takes a mail out of the queue.
func (tx *Tx) DeleteMail(id int64) error { return tx.exec(deleteMail, id) }

// MailAsked gives when somebody asked for mails after a time, the earliest first.
func (r *Reader) MailAsked(who string, since int64) ([]int64, error) {
	return list(r, askedSince, in(who, since), scanInt[int64])
}

// NoteMailAsked keeps that somebody asked for a mail.
func (tx *Tx) NoteMailAsked(who string, at int64) error { return tx.exec(insertAsked, who, at) }

// ForgetMailAsked deletes what was asked up to a time.
func (tx *Tx) ForgetMailAsked(until int64) error { return tx.exec(forgetAsked, until) }
