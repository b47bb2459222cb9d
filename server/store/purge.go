package store

import (
	"context"
	"database/sql"
	"errors"
)

// How many rows one write of a purge deletes, and how many one read of it looks at.
const (
	purgeRows = 500
	purgeLook = 5000
)

const (
	beginPurge = `INSERT INTO purge (room) VALUES (?) ON CONFLICT DO NOTHING`
	purging    = `SELECT room FROM purge ORDER BY room`
	endRoom    = `DELETE FROM room WHERE id = ?`
	endPurge   = `DELETE FROM purge WHERE room = ?`
	roomsAfter = `SELECT id FROM room WHERE id > ? AND complete = 1 AND id NOT IN (SELECT room FROM purge) ORDER BY id LIMIT ?`

	// staysIn finds somebody for whom a room ?1 is kept. The custodian ?2 alone keeps none, but with it those of other servers do: it is there for the
	// town hall. ?3: also who has left without forgetting the room, and so may read what they saw.
	staysIn = `SELECT 1 FROM member m LEFT JOIN account a ON a.user = m.user WHERE m.room = ?1 AND m.user <> ?2 AND
		CASE WHEN a.user IS NOT NULL THEN m.membership IN (1, 2, 3) OR ?3 AND m.forgotten = 0 AND a.state & 4 = 0
		ELSE m.membership = 1 AND EXISTS (SELECT 1 FROM member c WHERE c.room = ?1 AND c.user = ?2 AND c.membership = 1) END LIMIT 1`

	inPurge = `room IN (SELECT room FROM purge)`
)

// BeginPurge marks a room to be removed: from then on nobody finds it.
func (tx *Tx) BeginPurge(room RoomRef) error { return tx.exec(beginPurge, room) }

// Abandoned tells whether a room is kept for nobody: no user of this server is in it, is invited or knocks, but for the custodian. forgotten: those
// who were in it must have forgotten it, too, or have no account any more.
func (r *Reader) Abandoned(room RoomRef, custodian Atom, forgotten bool) (bool, error) {
	stays, err := r.row(staysIn, in(room, custodian, forgotten), new(int))
	return err == nil && !stays, err
}

// RoomsAfter lists up to limit rooms in the order of their numbers.
func (r *Reader) RoomsAfter(after RoomRef, limit int) ([]RoomRef, error) {
	return list(r, roomsAfter, in(after, limit), scanInt[RoomRef])
}

// purgedByRoom are the tables whose rows are found by the room, with the rest of their keys.
func purgedByRoom() [][2]string {
	return [][2]string{
		{"alias", "alias"}, {"room_server", "server, since"}, {"published", "room"}, {"network_room", "service, network"}, {"member", "user"}, {"stripped_state", "user"}, {"receipt", "user, type, thread"}, {"timeline", "ord"},
		{"timeline_gap", "from_ord"}, {"extremity", "nid"}, {"current_state", "type, state_key"}, {"state_change", "pos, type, state_key"},
		{"thread", "root"}, {"late", "pos"}, {"missing_event", "event_id, nid"}, {"early_redaction", "event_id, nid"},
		{"unread_mode", "user, ord"}, {"unread_mark", "user, thread, ord"}, {"unread_everybody", "thread, ord"}, {"unread_redacted", "thread, ord"},
	}
}

// walked is a table without an index by the room: all of it is walked through. What hangs on one of its rows goes before that.
type walked struct {
	table, key string
	hanging    []string // delete up to ?2 rows that hang on the row ?1
}

func purgedByWalking() []walked {
	return []walked{
		{"event", "nid", []string{`DELETE FROM relation WHERE target = ?1 AND ord IN (SELECT ord FROM relation WHERE target = ?1 LIMIT ?2)`,
			`DELETE FROM search_edit WHERE nid = ?1 AND ?2 > 0`}},
		{"state_group", "id", []string{`DELETE FROM state_delta WHERE state_group = ?1 AND (type, state_key) IN
			(SELECT type, state_key FROM state_delta WHERE state_group = ?1 LIMIT ?2)`}},
		{"account_data", "rowid", nil},
		{"outgoing", "pos", nil},
	}
}

// Sweep removes all rows of the rooms that are marked, in small writes between which others have their turn. Cut off, it goes on when it is called
// again. It must not run twice at a time.
func (db *DB) Sweep(ctx context.Context) error {
	rooms, err := Get(ctx, db, func(r *Reader) ([]RoomRef, error) { return list(r, purging, nil, scanInt[RoomRef]) })
	if err != nil || len(rooms) == 0 {
		return err
	}
	if err := db.sweepIndex(ctx, rooms); err != nil {
		return err
	}
	for _, t := range purgedByRoom() {
		if err := db.sweepRows(ctx, t[0], t[1]); err != nil {
			return err
		}
	}
	for _, t := range purgedByWalking() {
		if err := db.sweepWalked(ctx, t); err != nil {
			return err
		}
	}
	if err := errors.Join(db.sweepRows(ctx, "event_frame", "sum"), db.sweepWaiting(ctx)); err != nil { // no event needs its frame any more
		return err
	}
	for _, room := range rooms {
		if err := db.Write(ctx, func(tx *Tx) error { return tx.endPurge(room) }); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) endPurge(room RoomRef) error {
	if err := tx.touchNow(TouchedMembers, int64(room)); err != nil {
		return err
	}
	if err := tx.exec(endRoom, room); err != nil {
		return err
	}
	return tx.exec(endPurge, room)
}

// sweepRows empties a table that is found by the room.
func (db *DB) sweepRows(ctx context.Context, table, key string) error {
	key = "room, " + key
	query := `DELETE FROM ` + table + ` WHERE (` + key + `) IN (SELECT ` + key + ` FROM ` + table + ` WHERE ` + inPurge + ` LIMIT ?)`
	for n := int64(1); n > 0; {
		err := db.Write(ctx, func(tx *Tx) (err error) {
			n, err = tx.execCount(query, purgeRows)
			clear(tx.frames) // the writer's memory of frames
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepWalked walks through a table and deletes the rows of the rooms.
func (db *DB) sweepWalked(ctx context.Context, t walked) error {
	query := `SELECT ` + t.key + `, ` + inPurge + ` FROM ` + t.table + ` WHERE ` + t.key + ` > ? ORDER BY ` + t.key + ` LIMIT ?`
	for after, more := int64(-1<<63), true; more; {
		var keys []int64
		err := db.Read(ctx, func(r *Reader) error {
			looked := 0
			err := r.rows(query, in(after, purgeLook), func(rows *sql.Rows) error {
				var goes bool
				looked++
				err := rows.Scan(&after, &goes)
				if goes {
					keys = append(keys, after)
				}
				return err
			})
			more = looked == purgeLook
			return err
		})
		if err != nil {
			return err
		}
		if err := db.sweepKeys(ctx, t, keys); err != nil {
			return err
		}
	}
	return nil
}

// sweepKeys deletes rows of a table with what hangs on them.
func (db *DB) sweepKeys(ctx context.Context, t walked, keys []int64) error {
	for len(keys) > 0 {
		gone := 0
		err := db.Write(ctx, func(tx *Tx) (err error) {
			gone, err = tx.sweepSome(t, keys)
			return err
		})
		if err != nil {
			return err
		}
		keys = keys[gone:]
	}
	return nil
}

// sweepSome deletes about as many rows as one write may, and tells how many keys are done.
func (tx *Tx) sweepSome(t walked, keys []int64) (done int, err error) {
	if t.table == "event" {
		defer func() { err = errors.Join(err, tx.NotePurge(int64(done))) }()
	}
	for left := int64(purgeRows); done < len(keys); done++ {
		for _, query := range t.hanging {
			n, err := tx.execCount(query, keys[done], left)
			if err != nil {
				return done, err
			}
			if left -= n; left <= 0 {
				return done, nil
			}
		}
		if err := tx.exec(`DELETE FROM `+t.table+` WHERE `+t.key+` = ?`, keys[done]); err != nil {
			return done, err
		}
		if left--; left <= 0 {
			return done + 1, nil
		}
	}
	return done, nil
}

const (
	waitingGone = `SELECT w.target, w.nid, NOT EXISTS (SELECT 1 FROM event e WHERE e.nid = w.nid) FROM relation_waiting w
		WHERE (w.target, w.nid) > (?, ?) ORDER BY w.target, w.nid LIMIT ?`
	dropWaiting = `DELETE FROM relation_waiting WHERE target = ? AND nid = ?`
)

// waiting is a row of relation_waiting, which names no room.
type waiting struct {
	target []byte
	nid    NID
}

// sweepWaiting deletes what waits for an event although it is gone itself.
func (db *DB) sweepWaiting(ctx context.Context) error {
	for last, more := (waiting{target: []byte{}}), true; more; {
		var gone []waiting
		err := db.Read(ctx, func(r *Reader) (err error) {
			gone, more, err = r.waitingGone(&last)
			return err
		})
		if err != nil {
			return err
		}
		if len(gone) == 0 {
			continue
		}
		if err := db.Write(ctx, func(tx *Tx) error { return tx.dropWaiting(gone) }); err != nil {
			return err
		}
	}
	return nil
}

// waitingGone looks at the rows after last, and moves that to the last one that it looked at.
func (r *Reader) waitingGone(last *waiting) (gone []waiting, more bool, err error) {
	looked := 0
	err = r.rows(waitingGone, in(last.target, last.nid, purgeRows), func(rows *sql.Rows) error {
		var goes bool
		looked++
		*last = waiting{}
		err := rows.Scan(&last.target, &last.nid, &goes)
		if goes {
			gone = append(gone, *last)
		}
		return err
	})
	return gone, looked == purgeRows, err
}

func (tx *Tx) dropWaiting(gone []waiting) error {
	for _, w := range gone {
		if err := tx.exec(dropWaiting, w.target, w.nid); err != nil {
			return err
		}
	}
	return nil
}
