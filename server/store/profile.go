package store

import (
	"database/sql"
	"encoding/json"
)

// ProfileField is one field of a user's profile.
type ProfileField struct {
	Name  string
	Value json.RawMessage
}

const (
	selectProfile      = `SELECT field, value FROM profile WHERE user = ? ORDER BY field`
	selectProfileField = `SELECT value FROM profile WHERE user = ? AND field = ?`
	selectProfileSize  = `SELECT coalesce(sum(length(CAST(field AS BLOB)) + length(value)), 0), count(*) FROM profile WHERE user = ? AND field <> ?`
	upsertProfileField = `INSERT INTO profile (user, field, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`
	deleteProfileField = `DELETE FROM profile WHERE user = ? AND field = ?`
	deleteProfile      = `DELETE FROM profile WHERE user = ?`
)

// Profile gives every field of a user's profile, ordered by name.
func (r *Reader) Profile(user Atom) ([]ProfileField, error) {
	return list(r, selectProfile, in(user), func(rows *sql.Rows) (f ProfileField, err error) {
		err = rows.Scan(&f.Name, (*[]byte)(&f.Value))
		return f, err
	})
}

// ProfileField gives the JSON value of one field, nil where there is none.
func (r *Reader) ProfileField(user Atom, name string) (json.RawMessage, error) {
	var value []byte
	_, err := r.row(selectProfileField, in(user, name), &value)
	return value, err
}

// ProfileSize gives the bytes of names and values, and the number, of all fields but one.
func (r *Reader) ProfileSize(user Atom, without string) (bytes, fields int, err error) {
	_, err = r.row(selectProfileSize, in(user, without), &bytes, &fields)
	return bytes, fields, err
}

// PutProfileField sets a field.
func (tx *Tx) PutProfileField(user Atom, name string, value json.RawMessage) error {
	return tx.exec(upsertProfileField, user, name, []byte(value))
}

// DeleteProfileField removes a field, if it is there.
func (tx *Tx) DeleteProfileField(user Atom, name string) error {
	return tx.exec(deleteProfileField, user, name)
}

// DeleteProfile removes every field.
func (tx *Tx) DeleteProfile(user Atom) error { return tx.exec(deleteProfile, user) }
