package store

import "database/sql"

// Alias is a room alias of this server.
type Alias struct {
	Alias   string // whole: #name:server
	Room    RoomRef
	Creator Atom
	Created int64 // milliseconds
}

const (
	putAlias       = `INSERT INTO alias (alias, room, creator, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
	getAlias       = `SELECT room, creator, created FROM alias WHERE alias = ?`
	deleteAlias    = `DELETE FROM alias WHERE alias = ?`
	moveAliases    = `UPDATE alias SET room = ? WHERE room = ?`
	aliasesOf      = `SELECT alias FROM alias WHERE room = ? ORDER BY alias`
	aliasesBy      = `SELECT count(*) FROM alias WHERE creator = ?`
	publish        = `INSERT INTO published (room) VALUES (?) ON CONFLICT DO NOTHING`
	unpublish      = `DELETE FROM published WHERE room = ?`
	isPublished    = `SELECT 1 FROM published WHERE room = ?`
	publishedRooms = `SELECT room FROM published ORDER BY room`
	stateStands    = `SELECT coalesce(max(pos), 0) FROM state_change WHERE room = ?`
	commonRooms    = `SELECT a.room FROM member a JOIN member b ON b.room = a.room AND b.membership = 1 AND b.user = ?
		WHERE a.user = ? AND a.membership = 1 ORDER BY a.room`
)

// PutAlias makes an alias. It tells whether the name was free.
func (tx *Tx) PutAlias(a Alias) (made bool, err error) {
	n, err := tx.execCount(putAlias, a.Alias, a.Room, a.Creator, a.Created)
	return n == 1, err
}

// FindAlias finds an alias of this server; ok is false where there is none.
func (r *Reader) FindAlias(alias string) (a Alias, ok bool, err error) {
	a.Alias = alias
	ok, err = r.row(getAlias, in(alias), &a.Room, &a.Creator, &a.Created)
	return a, ok, err
}

// DeleteAlias takes an alias away. It tells whether it was there.
func (tx *Tx) DeleteAlias(alias string) (was bool, err error) {
	n, err := tx.execCount(deleteAlias, alias)
	return n == 1, err
}

// MoveAliases lets all aliases of a room point to another one.
func (tx *Tx) MoveAliases(from, to RoomRef) error { return tx.exec(moveAliases, to, from) }

// AliasesOf lists the aliases of a room.
func (r *Reader) AliasesOf(room RoomRef) ([]string, error) {
	return list(r, aliasesOf, in(room), scanText)
}

// AliasesBy counts the aliases that a user made.
func (r *Reader) AliasesBy(user Atom) (n int, err error) {
	_, err = r.row(aliasesBy, in(user), &n)
	return n, err
}

// Publish shows a room in the directory, or hides it.
func (tx *Tx) Publish(room RoomRef, public bool) error {
	if public {
		return tx.exec(publish, room)
	}
	return tx.exec(unpublish, room)
}

// Published tells whether the directory shows a room.
func (r *Reader) Published(room RoomRef) (bool, error) { return r.row(isPublished, in(room), new(int)) }

// PublishedRooms lists the rooms that the directory shows.
func (r *Reader) PublishedRooms() ([]RoomRef, error) {
	return list(r, publishedRooms, nil, scanInt[RoomRef])
}

// StateStands is the position of the last change of a room's state.
func (r *Reader) StateStands(room RoomRef) (pos int64, err error) {
	_, err = r.row(stateStands, in(room), &pos)
	return pos, err
}

// CommonRooms lists the rooms that two users are joined to.
func (r *Reader) CommonRooms(a, b Atom) ([]RoomRef, error) {
	return list(r, commonRooms, in(b, a), scanInt[RoomRef])
}

func scanText(rows *sql.Rows) (s string, err error) {
	err = rows.Scan(&s)
	return s, err
}
