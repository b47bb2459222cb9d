package store

import "database/sql"

const (
	roomsToTell = `SELECT m.room, x.room_id, m.since_ord, h.ord, coalesce(h.pos, 0) FROM member m JOIN room x ON x.id = m.room
		JOIN timeline h ON h.room = m.room AND h.ord = (SELECT max(t.ord) FROM timeline t WHERE t.room = m.room) WHERE m.user = ? AND m.membership = 1`

	// What was decided for a user when an event came: what notifies everybody (n), what highlights everybody, the user's mode, and by how much the
	// event counts otherwise for them.
	decided = `SELECT t.room, t.ord, t.nid, t.pos, t.sender, t.thread,
			t.notify > coalesce((SELECT b.notify FROM timeline b WHERE b.room = t.room AND b.ord < t.ord ORDER BY b.ord DESC LIMIT 1), 0),
			EXISTS (SELECT 1 FROM unread_everybody y WHERE y.room = t.room AND y.thread = t.thread AND y.ord = t.ord),
			coalesce((SELECT q.mode FROM unread_mode q WHERE q.room = t.room AND q.user = ?2 AND q.ord <= t.ord ORDER BY q.ord DESC LIMIT 1), 0),
			coalesce(k.notify, 0) - iif(k.ord IS NULL, 0, coalesce((SELECT l.notify FROM unread_mark l
				WHERE l.room = t.room AND l.user = ?2 AND l.thread = t.thread AND l.ord < t.ord ORDER BY l.ord DESC LIMIT 1), 0)),
			coalesce(k.highlight, 0) - iif(k.ord IS NULL, 0, coalesce((SELECT l.highlight FROM unread_mark l
				WHERE l.room = t.room AND l.user = ?2 AND l.thread = t.thread AND l.ord < t.ord ORDER BY l.ord DESC LIMIT 1), 0))`
	decidedMark = ` LEFT JOIN unread_mark k ON k.room = t.room AND k.user = ?2 AND k.thread = t.thread AND k.ord = t.ord`
	decidedDown = decided + ` FROM timeline t` + decidedMark + ` WHERE t.room = ?1 AND t.ord > ?3 AND t.ord <= ?4 ORDER BY t.ord DESC LIMIT ?5`
	// The places at which somebody is highlighted are few, and stand in tables of their own.
	highlightedDown = decided + ` FROM (SELECT ord FROM unread_mark WHERE room = ?1 AND user = ?2 AND ord > ?3 AND ord <= ?4
			UNION SELECT ord FROM unread_everybody WHERE room = ?1 AND ord > ?3 AND ord <= ?4 ORDER BY ord DESC LIMIT ?5) c
		CROSS JOIN timeline t ON t.room = ?1 AND t.ord = c.ord` + decidedMark + ` ORDER BY t.ord DESC`
)

// RoomToTell is a room that a user is joined to.
type RoomToTell struct {
	Room     RoomRef
	RoomID   string
	SinceOrd int64 // the place at which the user joined
	Head     int64 // the last place
	HeadPos  int64
}

// RoomsToTell lists the rooms that a user is joined to and that have a timeline.
func (r *Reader) RoomsToTell(user Atom) ([]RoomToTell, error) {
	return list(r, roomsToTell, in(user), func(rows *sql.Rows) (t RoomToTell, err error) {
		var id []byte
		err = rows.Scan(&t.Room, &id, &t.SinceOrd, &t.Head, &t.HeadPos)
		t.RoomID = roomIDText(id)
		return t, err
	})
}

// Decided is what was decided for a user of an event when it came.
type Decided struct {
	Place                // without the counts
	Counts    bool       // it notifies by the default rules
	Everybody bool       // it highlights everybody by the default rules
	Mode      Mode       // the user's
	Mark      UnreadMark // by how much it counts otherwise for the user
}

// DecidedDown reads what was decided for a user of up to limit events with after < ord ≤ from, the latest first. highlighted: only of those that
// may highlight the user.
func (r *Reader) DecidedDown(room RoomRef, user Atom, after, from int64, highlighted bool, limit int) ([]Decided, error) {
	query := decidedDown
	if highlighted {
		query = highlightedDown
	}
	return list(r, query, in(room, user, after, from, limit), func(rows *sql.Rows) (d Decided, err error) {
		var pos sql.NullInt64
		err = rows.Scan(&d.Room, &d.Ord, &d.NID, &pos, &d.Sender, &d.Thread, &d.Counts, &d.Everybody, &d.Mode, &d.Mark.Notify, &d.Mark.Highlight)
		d.Pos, d.Mark.User = pos.Int64, user
		return d, err
	})
}

// OrdBelowPos gives the last place with after < ord ≤ from that came before a position, or after where there is none.
func (r *Reader) OrdBelowPos(room RoomRef, pos, after, from int64) (int64, error) {
	low, high := after, from
	for low < high {
		mid := low + (high-low+1)/2
		ord, at, found, err := r.PosFrom(room, mid, high+1)
		switch {
		case err != nil:
			return 0, err
		case !found || at >= pos:
			high = mid - 1
		default:
			low = ord
		}
	}
	return low, nil
}
