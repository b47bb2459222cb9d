package store

import (
	"database/sql"
	"time"
)

// EDU waits for one server. Source: server-server API, "EDUs".
type EDU struct {
	Pos     int64
	Kind    string // edu_type
	Content []byte // JSON
}

// MaxEDUs is how many EDUs wait for one server at most. What comes then is dropped: with keys of messages that nobody fetched for as long, users
// have long asked for them anew.
const MaxEDUs = 100_000

const (
	replaceEDU = `DELETE FROM outgoing_edu WHERE server = ? AND kind = ? AND key = ? AND key <> ''`
	insertEDU  = `INSERT INTO outgoing_edu (pos, server, seq, kind, key, created, content) VALUES (?, ?, ?, ?, ?, ?, ?)`
	eduEnds    = `SELECT (SELECT seq FROM outgoing_edu WHERE server = ?1 ORDER BY pos LIMIT 1), (SELECT seq FROM outgoing_edu WHERE server = ?1 ORDER BY pos DESC LIMIT 1)`
	edusFor    = `SELECT pos, kind, content FROM outgoing_edu WHERE server = ? AND pos > ? AND pos <= ? ORDER BY pos LIMIT ?`
	sentEDUs   = `DELETE FROM outgoing_edu WHERE server = ? AND pos <= ?`
	oldEDUs    = `DELETE FROM outgoing_edu WHERE pos IN (SELECT pos FROM outgoing_edu ORDER BY pos LIMIT ?2) AND created < ?1`
	eduServers = `SELECT DISTINCT server FROM outgoing_edu`
)

// QueueEDU queues an EDU for one server, to be sent in its order. It replaces an unsent one of the same kind and key; the key "" replaces none.
func (tx *Tx) QueueEDU(server, kind, key string, content []byte) error {
	atom, err := tx.Atom(server)
	if err != nil {
		return err
	}
	if key != "" {
		if err := tx.exec(replaceEDU, atom, kind, key); err != nil {
			return err
		}
	}
	first, last, err := tx.eduEnds(atom)
	if err != nil || last-first >= MaxEDUs {
		return err
	}
	pos, err := tx.NextPos()
	if err != nil {
		return err
	}
	tx.outgoing = true
	return tx.exec(insertEDU, pos, atom, last+1, kind, key, Millis(time.Now()), content)
}

func (r *Reader) eduEnds(server Atom) (first, last int64, err error) {
	var a, b sql.NullInt64
	_, err = r.row(eduEnds, in(server), &a, &b)
	return a.Int64, b.Int64, err
}

// EDUsFor lists up to limit EDUs that wait for a server, after a position and up to another, in order.
func (r *Reader) EDUsFor(server Atom, after, upto int64, limit int) ([]EDU, error) {
	return list(r, edusFor, in(server, after, upto, limit), func(rows *sql.Rows) (e EDU, err error) {
		err = rows.Scan(&e.Pos, &e.Kind, &e.Content)
		return e, err
	})
}

// CountEDUs is how many EDUs wait for a server, about.
func (r *Reader) CountEDUs(server Atom) (int, error) {
	first, last, err := r.eduEnds(server)
	if err != nil || last == 0 {
		return 0, err
	}
	return int(last - first + 1), nil
}

// EDUServers are the servers for which EDUs wait.
func (r *Reader) EDUServers() ([]Atom, error) { return list(r, eduServers, nil, scanInt[Atom]) }

// SentEDUs removes the EDUs for a server up to a position.
func (tx *Tx) SentEDUs(server Atom, upto int64) error { return tx.exec(sentEDUs, server, upto) }

// ForgetEDUs removes up to limit EDUs from before a time (milliseconds) and tells how many there were.
func (tx *Tx) ForgetEDUs(before int64, limit int) (int64, error) {
	return tx.execCount(oldEDUs, before, limit)
}
