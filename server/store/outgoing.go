package store

import "database/sql"

// OutgoingKind is what a row of the stream to other servers is about.
type OutgoingKind int64

// The kinds.
const (
	OutgoingEvent OutgoingKind = iota
	OutgoingReceipts
	OutgoingDevice
	OutgoingKeys // for cross-signing
)

// Outgoing is a row of the stream to other servers: what it stands for is read when it is sent.
type Outgoing struct {
	Pos     int64
	Room    RoomRef // 0: it goes to all who share a room with the subject
	Kind    OutgoingKind
	Subject int64  // the event's NID, or the user's Atom
	Prev    int64  // of a device: the change of the user's list before this one; 0: none
	Device  string // its id; "": the user joined the room, where not all may know of the devices
}

// Event is the number of the event.
func (o Outgoing) Event() NID { return NID(o.Subject) }

// User is the user whose receipts, device or keys it is about.
func (o Outgoing) User() Atom { return Atom(o.Subject) }

const (
	putOutgoing = `INSERT INTO outgoing (pos, room, kind, subject, prev, device) VALUES (?, ?, ?, ?, ?, ?)`
	// Who shares a room is looked up when it is sent: a server that came later asks for the whole list anyway.
	concerns = `(EXISTS (SELECT 1 FROM room_server s WHERE s.server = ?1 AND s.room = o.room AND s.since <= o.pos AND coalesce(s.until, o.pos) >= o.pos)
		OR o.room = 0 AND EXISTS (SELECT 1 FROM member m JOIN room_server s ON s.server = ?1 AND s.room = m.room AND s.until IS NULL
			WHERE m.user = o.subject AND m.membership = 1))`
	outgoingFor  = `SELECT o.pos, o.room, o.kind, o.subject, o.prev, o.device FROM outgoing o WHERE o.pos > ?2 AND o.pos <= ?3 AND ` + concerns + ` ORDER BY o.pos LIMIT ?4`
	countFor     = `SELECT count(*) FROM (SELECT 1 FROM outgoing o WHERE o.pos > ?2 AND ` + concerns + ` LIMIT ?3)`
	destinations = `SELECT DISTINCT s.server FROM outgoing o JOIN room_server s ON s.room = o.room AND s.since <= o.pos AND coalesce(s.until, o.pos) >= o.pos
			WHERE o.pos > ?1 AND o.pos <= ?2
		UNION SELECT s.server FROM outgoing o JOIN member m ON m.user = o.subject AND m.membership = 1 JOIN room_server s ON s.room = m.room AND s.until IS NULL
			WHERE o.pos > ?1 AND o.pos <= ?2 AND o.room = 0
		UNION SELECT server FROM outgoing_edu WHERE pos > ?1 AND pos <= ?2`
	forgetOutgoing = `DELETE FROM outgoing WHERE pos IN (SELECT pos FROM outgoing WHERE pos <= ? ORDER BY pos LIMIT ?)`
	forgetServers  = `DELETE FROM room_server WHERE until <= ?`
)

// SendEvent queues a placed event, at a position of this write, for the other servers that are in the room before or after it, and for the one whose user it uninvites. In
// rooms without any nothing is written.
func (tx *Tx) SendEvent(room RoomRef, event NID, pos int64) error {
	return tx.toRoom(Outgoing{Pos: pos, Room: room, Kind: OutgoingEvent, Subject: int64(event)})
}

// SendReceipts queues a user's public receipts in a room that moved in this write.
func (tx *Tx) SendReceipts(room RoomRef, user Atom) error {
	pos, err := tx.NextPos()
	if err != nil {
		return err
	}
	return tx.toRoom(Outgoing{Pos: pos, Room: room, Kind: OutgoingReceipts, Subject: int64(user)})
}

func (tx *Tx) toRoom(o Outgoing) error {
	goes, err := tx.federated(o.Room, o.Pos)
	if err != nil || !goes {
		return err
	}
	return tx.send(o)
}

func (tx *Tx) send(o Outgoing) error {
	tx.outgoing = true
	return tx.exec(putOutgoing, o.Pos, o.Room, o.Kind, o.Subject, orNull(o.Prev), sql.NullString{String: o.Device, Valid: o.Device != ""})
}

// Outgoing tells of commits that queued something for other servers. One receiver has it.
func (db *DB) Outgoing() <-chan struct{} { return db.outgoing }

// tellOutgoing is called for each write that is durable and queued something.
func (db *DB) tellOutgoing() {
	select {
	case db.outgoing <- struct{}{}:
	default:
	}
}

// Destinations gives the servers for which something was queued after a position, up to another.
func (r *Reader) Destinations(after, upto int64) ([]Atom, error) {
	return list(r, destinations, in(after, upto), scanInt[Atom])
}

// OutgoingFor lists up to limit rows of the stream that go to a server, after a position and up to another, in order.
func (r *Reader) OutgoingFor(server Atom, after, upto int64, limit int) ([]Outgoing, error) {
	return list(r, outgoingFor, in(server, after, upto, limit), func(rows *sql.Rows) (o Outgoing, err error) {
		var prev sql.NullInt64
		var device sql.NullString
		err = rows.Scan(&o.Pos, &o.Room, &o.Kind, &o.Subject, &prev, &device)
		o.Prev, o.Device = prev.Int64, device.String
		return o, err
	})
}

// CountOutgoing counts the rows of the stream that go to a server after a position, limit at most.
func (r *Reader) CountOutgoing(server Atom, after int64, limit int) (n int, err error) {
	_, err = r.row(countFor, in(server, after, limit), &n)
	return n, err
}

// ForgetOutgoing removes up to limit rows up to a position that every server has got, and tells whether there may be more.
func (tx *Tx) ForgetOutgoing(upto int64, limit int) (more bool, err error) {
	n, err := tx.execCount(forgetOutgoing, upto, limit)
	return n == int64(limit), err
}

// ForgetServers forgets where servers were that had left at a position up to which nothing is sent any more.
func (tx *Tx) ForgetServers(upto int64) error { return tx.exec(forgetServers, upto) }
