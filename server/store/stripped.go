package store

// Stripped is what a user sees of a room that nobody of this server is in.
type Stripped struct {
	Via  string // the server by whose word it is known
	JSON []byte // array of stripped state events
}

const (
	putStripped   = `INSERT INTO stripped_state (room, user, via, json) VALUES (?, ?, ?, ?) ON CONFLICT (room, user) DO UPDATE SET via = excluded.via, json = excluded.json`
	getStripped   = `SELECT via, json FROM stripped_state WHERE room = ? AND user = ?`
	dropStripped  = `DELETE FROM stripped_state WHERE room = ? AND user = ?`
	countStripped = `SELECT (SELECT count(*) FROM stripped_state WHERE user = ?), (SELECT count(*) FROM stripped_state WHERE via = ?)`
)

// PutStripped keeps what a user sees of a room.
func (tx *Tx) PutStripped(room RoomRef, user Atom, s Stripped) error {
	return tx.exec(putStripped, room, user, s.Via, s.JSON)
}

// DropStripped forgets it.
func (tx *Tx) DropStripped(room RoomRef, user Atom) error { return tx.exec(dropStripped, room, user) }

// Stripped reads what a user sees of a room; ok is false where they see more, or nothing.
func (r *Reader) Stripped(room RoomRef, user Atom) (s Stripped, ok bool, err error) {
	ok, err = r.row(getStripped, in(room, user), &s.Via, &s.JSON)
	return s, ok, err
}

// CountStripped counts the rooms that a user knows so, and what is known so by a server's word.
func (r *Reader) CountStripped(user Atom, via string) (ofUser, ofServer int, err error) {
	_, err = r.row(countStripped, in(user, via), &ofUser, &ofServer)
	return ofUser, ofServer, err
}
