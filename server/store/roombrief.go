package store

import "database/sql"

// RoomBrief is what a list of rooms needs of each.
type RoomBrief struct {
	Room
	Joined, Local int // how many are joined, and of this server
}

const roomBriefs = `SELECT r.id, r.room_id, r.version, (SELECT count(*) FROM member m WHERE m.room = r.id AND m.membership = 1),
	(SELECT count(*) FROM member m JOIN account a ON a.user = m.user WHERE m.room = r.id AND m.membership = 1)
	FROM room r WHERE r.complete = 1 AND EXISTS (SELECT 1 FROM timeline t WHERE t.room = r.id) AND r.id NOT IN (SELECT room FROM purge) ORDER BY r.id`

const roomDevices = `SELECT count(*) FROM device d JOIN member m ON m.user = d.user WHERE m.room = ? AND m.membership = 1`

const roomKept = `SELECT 1 FROM member m JOIN account a ON a.user = m.user WHERE m.room = ? AND m.forgotten = 0 LIMIT 1`

// RoomBriefs lists all rooms but those that are known by hearsay only.
func (r *Reader) RoomBriefs() ([]RoomBrief, error) {
	return list(r, roomBriefs, nil, func(rows *sql.Rows) (b RoomBrief, err error) {
		var id []byte
		err = rows.Scan(&b.Ref, &id, &b.Version, &b.Joined, &b.Local)
		b.ID = roomIDText(id)
		return b, err
	})
}

// LocalDevices counts the devices of this server's users who are joined to a room.
func (r *Reader) LocalDevices(room RoomRef) (n int, err error) {
	_, err = r.row(roomDevices, in(room), &n)
	return n, err
}

// RoomForgotten tells whether everybody of this server has forgotten a room.
func (r *Reader) RoomForgotten(room RoomRef) (bool, error) {
	kept, err := r.row(roomKept, in(room), new(int))
	return err == nil && !kept, err
}

// StateSize counts the events of a room's current state.
func (r *Reader) StateSize(room RoomRef) (n int, err error) {
	_, err = r.row(currentCount, in(room), &n)
	return n, err
}
