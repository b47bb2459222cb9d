package store

import "database/sql"

// RegistrationToken is a token that lets somebody register. The token itself is sealed.
type RegistrationToken struct {
	Hash        []byte
	Sealed      []byte
	UsesAllowed *int64 // nil: any number
	Completed   int64  // how often somebody registered with it
	Expires     *int64 // milliseconds; nil: never
	Created     int64  // milliseconds
}

const (
	registrationTokenColumns = `hash, sealed, uses_allowed, completed, expires, created`
	registrationTokens       = `SELECT ` + registrationTokenColumns + ` FROM registration_token ORDER BY created, hash`
	registrationToken        = `SELECT ` + registrationTokenColumns + ` FROM registration_token WHERE hash = ?`
	countRegistrationTokens  = `SELECT count(*) FROM registration_token`
	insertRegistrationToken  = `INSERT INTO registration_token (` + registrationTokenColumns + `) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	limitRegistrationToken   = `UPDATE registration_token SET uses_allowed = ?, expires = ? WHERE hash = ?`
	useRegistrationToken     = `UPDATE registration_token SET completed = completed + 1
		WHERE hash = ?1 AND (uses_allowed IS NULL OR completed < uses_allowed) AND (expires IS NULL OR expires > ?2)`
	deleteRegistrationToken = `DELETE FROM registration_token WHERE hash = ?`
)

func (t *RegistrationToken) fields() []any {
	return []any{&t.Hash, &t.Sealed, &t.UsesAllowed, &t.Completed, &t.Expires, &t.Created}
}

// RegistrationTokens lists all, the oldest first.
func (r *Reader) RegistrationTokens() ([]RegistrationToken, error) {
	return list(r, registrationTokens, nil, func(rows *sql.Rows) (t RegistrationToken, err error) {
		err = rows.Scan(t.fields()...)
		return t, err
	})
}

// RegistrationToken finds one. It tells whether there is one.
func (r *Reader) RegistrationToken(hash []byte) (t RegistrationToken, found bool, err error) {
	found, err = r.row(registrationToken, in(hash), t.fields()...)
	return t, found, err
}

// CountRegistrationTokens tells how many there are.
func (r *Reader) CountRegistrationTokens() (n int, err error) {
	_, err = r.row(countRegistrationTokens, nil, &n)
	return n, err
}

// PutRegistrationToken adds one. It tells whether it is new.
func (tx *Tx) PutRegistrationToken(t RegistrationToken) (bool, error) {
	n, err := tx.execCount(insertRegistrationToken, t.Hash, t.Sealed, t.UsesAllowed, t.Completed, t.Expires, t.Created)
	return n == 1, err
}

// LimitRegistrationToken sets how often and until when one can be used.
func (tx *Tx) LimitRegistrationToken(t RegistrationToken) error {
	return tx.exec(limitRegistrationToken, t.UsesAllowed, t.Expires, t.Hash)
}

// UseRegistrationToken counts one use. It tells whether the token could still be used.
func (tx *Tx) UseRegistrationToken(hash []byte, now int64) (bool, error) {
	n, err := tx.execCount(useRegistrationToken, hash, now)
	return n == 1, err
}

// DeleteRegistrationToken removes one. It tells whether there was one.
func (tx *Tx) DeleteRegistrationToken(hash []byte) (bool, error) {
	n, err := tx.execCount(deleteRegistrationToken, hash)
	return n == 1, err
}
