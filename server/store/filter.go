package store

import "encoding/json"

const (
	selectFilter  = `SELECT json FROM filter WHERE user = ? AND filter_id = ?`
	countFilters  = `SELECT count(*) FROM filter WHERE user = ?`
	insertFilter  = `INSERT INTO filter (user, filter_id, json) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	deleteFilters = `DELETE FROM filter WHERE user = ?`
)

// Filter gives a filter as its client wrote it, nil where there is none.
func (r *Reader) Filter(user Atom, filterID string) (json.RawMessage, error) {
	var raw []byte
	_, err := r.row(selectFilter, in(user, filterID), &raw)
	return raw, err
}

// FilterCount tells how many filters a user has.
func (r *Reader) FilterCount(user Atom) (n int, err error) {
	_, err = r.row(countFilters, in(user), &n)
	return n, err
}

// PutFilter keeps a filter.
func (tx *Tx) PutFilter(user Atom, filterID string, raw json.RawMessage) error {
	return tx.exec(insertFilter, user, filterID, []byte(raw))
}

// DeleteFilters removes all filters of a user.
func (tx *Tx) DeleteFilters(user Atom) error { return tx.exec(deleteFilters, user) }
