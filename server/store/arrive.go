package store

import "database/sql"

// A room that arrives from another server is written in many small writes. Until all of it is there, nobody finds it.
const (
	insertArriving = `INSERT INTO room (room_id, version, complete, epoch) VALUES (?, ?, 0, ` + metaEpoch + `)`
	arrivingByID   = `SELECT id FROM room WHERE room_id = ? AND complete = 0 AND id NOT IN (SELECT room FROM purge)`
	roomArrived    = `UPDATE room SET complete = 1, version = ? WHERE id = ?`
	arrivingRooms  = `SELECT id, room_id FROM room WHERE complete = 0 AND id NOT IN (SELECT room FROM purge)`
	roomPurging    = `SELECT 1 FROM room WHERE room_id = ? AND id IN (SELECT room FROM purge)`

	largestServers = `SELECT substr(a.text, instr(a.text, ':') + 1) AS server FROM member m JOIN atom a ON a.id = m.user
		WHERE m.room = ? AND m.membership = 1 GROUP BY server ORDER BY count(*) DESC, server LIMIT ?`

	highestGap = `SELECT to_ord FROM timeline_gap WHERE room = ? AND to_ord > ? AND to_ord <= ? ORDER BY to_ord DESC LIMIT 1`
	// Up to the next gap above.
	missingAround = `SELECT DISTINCT m.event_id FROM missing_event m JOIN event e ON e.nid = m.nid WHERE m.room = ?1 AND e.ord >= ?2
		AND e.ord <= coalesce((SELECT from_ord FROM timeline_gap WHERE room = ?1 AND from_ord >= ?2 ORDER BY from_ord LIMIT 1), 9223372036854775807)
		ORDER BY e.ord LIMIT ?3`
)

// FindArriving finds a room that arrives, or whose arrival was cut off.
func (r *Reader) FindArriving(roomID string) (ref RoomRef, ok bool, err error) {
	ok, err = r.row(arrivingByID, in(roomIDBytes(roomID)), &ref)
	return ref, ok, err
}

// BeginArrival makes the row of a room that arrives, or finds the one that an arrival left which was cut off. What stands in it is not to be believed, but for its events.
func (tx *Tx) BeginArrival(roomID, version string) (RoomRef, error) {
	ref, ok, err := tx.FindArriving(roomID)
	if err != nil || ok {
		return ref, err
	}
	id, err := tx.insert(insertArriving, roomIDBytes(roomID), version)
	return RoomRef(id), err
}

// EndArrival lets everybody find the room.
func (tx *Tx) EndArrival(room RoomRef, version string) error {
	return tx.exec(roomArrived, version, room)
}

// ArrivingRooms lists the rooms whose arrival has not ended: it goes on, or was cut off.
func (r *Reader) ArrivingRooms() ([]Room, error) {
	return list(r, arrivingRooms, nil, func(rows *sql.Rows) (room Room, err error) {
		var id []byte
		err = rows.Scan(&room.Ref, &id)
		room.ID = roomIDText(id)
		return room, err
	})
}

// PurgesRoom tells whether a room is being removed.
func (r *Reader) PurgesRoom(roomID string) (bool, error) {
	return r.row(roomPurging, in(roomIDBytes(roomID)), new(int))
}

// GrowStateGroup adds entries to a group that nothing refers to yet, and that starts from nothing.
func (tx *Tx) GrowStateGroup(group int64, entries []StateEntry) error {
	for _, e := range entries {
		if err := tx.exec(insertDelta, group, e.Type, e.StateKey, e.NID); err != nil {
			return err
		}
	}
	return nil
}

// LargestServers lists the servers of who is joined to a room, those with the most members first.
func (r *Reader) LargestServers(room RoomRef, limit int) ([]string, error) {
	return list(r, largestServers, in(room, limit), func(rows *sql.Rows) (server string, err error) {
		err = rows.Scan(&server)
		return server, err
	})
}

// GapWithin gives the place where the highest gap ends with above < place ≤ upto; ok is false where there is none.
func (r *Reader) GapWithin(room RoomRef, above, upto int64) (to int64, ok bool, err error) {
	ok, err = r.row(highestGap, in(room, above, upto), &to)
	return to, ok, err
}

// MissingAround lists up to limit events that are missing below the stretch of a timeline that begins at a place and ends at the next gap.
func (r *Reader) MissingAround(room RoomRef, place int64, limit int) ([]string, error) {
	return list(r, missingAround, in(room, place, limit), func(rows *sql.Rows) (string, error) {
		var id []byte
		err := rows.Scan(&id)
		return eventIDText(id), err
	})
}
