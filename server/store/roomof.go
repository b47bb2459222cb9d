package store

const serverConcerned = `SELECT 1 FROM member m JOIN atom a ON a.id = m.user
	WHERE m.room = ? AND m.membership IN (1, 2) AND substr(a.text, -length(?2)) = ?2 LIMIT 1`

// LocalIn tells whether somebody of this server is joined to a room.
func (r *Reader) LocalIn(room RoomRef) (bool, error) {
	var one int
	return r.row(localsInRoom, in(room), &one)
}

// ServerConcerned tells whether some user of another server is joined or invited to a room.
func (r *Reader) ServerConcerned(room RoomRef, server string) (bool, error) {
	var one int
	return r.row(serverConcerned, in(room, ":"+server), &one)
}
