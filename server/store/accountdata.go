package store

import (
	"database/sql"
	"encoding/json"
)

// AccountData is one piece of what a user's clients keep on the server.
type AccountData struct {
	Room    RoomRef // 0: global
	Type    Atom
	Content json.RawMessage
	Pos     int64
}

const (
	selectAccountData      = `SELECT content, pos FROM account_data WHERE user = ? AND room = ? AND type = ?`
	selectAccountDataSince = `SELECT room, type, content, pos FROM account_data WHERE user = ? AND pos > ? AND pos <= ? ORDER BY pos`
	selectAccountDataOf    = `SELECT room, type, content, pos FROM account_data WHERE user = ? AND type = ?`
	upsertAccountData      = `INSERT INTO account_data (user, room, type, content, pos, sum) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET content = excluded.content, pos = excluded.pos, sum = excluded.sum`
	usersWithIgnored = `SELECT a.user, t.text FROM account c CROSS JOIN account_data a ON a.user = c.user AND a.room = 0
		AND a.type = (SELECT id FROM atom WHERE text = 'm.ignored_user_list') JOIN atom t ON t.id = a.user`
	sizeAccountData   = `SELECT count(*), coalesce(sum(length(content)), 0) FROM account_data WHERE user = ?`
	deleteAccountData = `DELETE FROM account_data WHERE user = ?`
)

// AccountData gives a user's data of one type; its Pos is 0 where there is none.
func (r *Reader) AccountData(user Atom, room RoomRef, kind Atom) (AccountData, error) {
	d := AccountData{Room: room, Type: kind}
	_, err := r.row(selectAccountData, in(user, room, kind), (*[]byte)(&d.Content), &d.Pos)
	return d, err
}

// AccountDataSince gives what of a user's data was set after one position and up to another, in order.
func (r *Reader) AccountDataSince(user Atom, after, upTo int64) ([]AccountData, error) {
	return list(r, selectAccountDataSince, in(user, after, upTo), func(rows *sql.Rows) (d AccountData, err error) {
		err = rows.Scan(&d.Room, &d.Type, (*[]byte)(&d.Content), &d.Pos)
		return d, err
	})
}

// AccountDataOfType gives a user's data of one type in all rooms.
func (r *Reader) AccountDataOfType(user, kind Atom) ([]AccountData, error) {
	return list(r, selectAccountDataOf, in(user, kind), func(rows *sql.Rows) (d AccountData, err error) {
		err = rows.Scan(&d.Room, &d.Type, (*[]byte)(&d.Content), &d.Pos)
		return d, err
	})
}

// UsersWithIgnored lists the users who have a list of ignored users, with their ids.
func (r *Reader) UsersWithIgnored() (map[Atom]string, error) { return r.usersNamed(usersWithIgnored) }

// AccountDataSize tells how many pieces of data a user has, in all rooms together, and their bytes.
func (r *Reader) AccountDataSize(user Atom) (n, bytes int, err error) {
	_, err = r.row(sizeAccountData, in(user), &n, &bytes)
	return n, bytes, err
}

// PutAccountData sets data at the position d.Pos.
func (tx *Tx) PutAccountData(user Atom, d AccountData) error {
	tx.touch(TouchedData, int64(user), d.Pos)
	return tx.exec(upsertAccountData, user, d.Room, d.Type, []byte(d.Content), d.Pos, Sum(d.Content))
}

// DeleteAccountData removes all data of a user.
func (tx *Tx) DeleteAccountData(user Atom) error { return tx.exec(deleteAccountData, user) }
