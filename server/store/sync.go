package store

import (
	"database/sql"
	"encoding/json"
	"errors"
)

const (
	eventsByNID = `SELECT ` + eventColumns + ` FROM event e WHERE e.nid IN (SELECT value FROM json_each(?))`

	joinedHeads = `SELECT m.room, x.room_id, m.nid, m.pos,
			coalesce((SELECT t.pos FROM timeline t WHERE t.room = m.room ORDER BY t.ord DESC LIMIT 1), 0),
			coalesce((SELECT max(c.pos) FROM state_change c WHERE c.room = m.room), 0),
			coalesce((SELECT max(r.pos) FROM receipt r WHERE r.room = m.room), 0)
		FROM member m JOIN room x ON x.id = m.room WHERE m.user = ? AND m.membership = 1`
	joinedHead = joinedHeads + ` AND m.room = ?`

	membershipColumns = `m.room, m.user, m.membership, m.nid, m.pos, m.forgotten, x.room_id`
	otherMemberships  = `SELECT ` + membershipColumns + ` FROM member m JOIN room x ON x.id = m.room
		WHERE m.user = ? AND m.membership > 1 AND m.pos > ?`
	membershipIn = `SELECT ` + membershipColumns + ` FROM member m JOIN room x ON x.id = m.room WHERE m.room = ? AND m.user = ?`

	currentInRoomsOf = `SELECT ` + eventColumns + ` FROM member m CROSS JOIN current_state s ON s.room = m.room AND s.type = ?2 AND s.state_key = ?3
		CROSS JOIN event e ON e.nid = s.nid WHERE m.user = ?1`

	timelineDown = `SELECT ` + eventColumns + `, t.pos FROM timeline t JOIN event e ON e.nid = t.nid
		WHERE t.room = ? AND t.ord < ? ORDER BY t.ord DESC` // no LIMIT: who reads stops

	placesDown = `SELECT t.nid, t.ord, t.pos, t.thread, e.type FROM timeline t JOIN event e ON e.nid = t.nid
		WHERE t.room = ? ORDER BY t.ord DESC LIMIT ?`

	threadDown = `SELECT nid, ord, coalesce(pos, 0), thread FROM timeline WHERE room = ? AND thread = ? AND thread <> 0 AND ord > ? AND ord <= ?
		ORDER BY ord DESC LIMIT ?`

	stateChanges = `SELECT pos, type, state_key, old, new FROM state_change WHERE room = ? AND pos > ? ORDER BY pos`

	currentButMembers = `SELECT ` + eventColumns + ` FROM current_state s JOIN event e ON e.nid = s.nid WHERE s.room = ?1 AND s.type < 3
		UNION ALL SELECT ` + eventColumns + ` FROM current_state s JOIN event e ON e.nid = s.nid WHERE s.room = ?1 AND s.type > 3`
	currentMembers = `SELECT type, state_key, nid FROM current_state WHERE room = ? AND type = 3 AND state_key IN (SELECT value FROM json_each(?))`

	memberCounts = `SELECT coalesce(sum(membership = 1), 0), coalesce(sum(membership = 2), 0) FROM member WHERE room = ?`
	heroes       = `SELECT user FROM member WHERE room = ? AND user != ? AND (membership IN (1, 2)) = ? ORDER BY pos LIMIT 5`
)

// EventsByNID reads events by their numbers, in no particular order.
func (r *Reader) EventsByNID(nids []NID) ([]Event, error) {
	if len(nids) == 0 {
		return nil, nil
	}
	return list(r, eventsByNID, in(jsonArray(nids)), scanEvent)
}

// RoomHead says where the streams of a room stand that a user is joined to. Each position is 0 where there is nothing.
type RoomHead struct {
	Room      RoomRef
	RoomID    string
	MemberNID NID   // the user's m.room.member event
	MemberPos int64 // since when
	Timeline  int64 // position of the last event
	State     int64 // position of the last change of the current state
	Receipt   int64 // position of the last receipt
}

// Last is the latest position of the room.
func (h *RoomHead) Last() int64 { return max(h.MemberPos, h.Timeline, h.State, h.Receipt) }

// JoinedHeads lists the heads of all rooms that the user is joined to.
func (r *Reader) JoinedHeads(user Atom) ([]RoomHead, error) {
	return list(r, joinedHeads, in(user), scanHead)
}

// JoinedHead reads the head of a room; there is none where the user is not joined to it.
func (r *Reader) JoinedHead(user Atom, room RoomRef) ([]RoomHead, error) {
	return list(r, joinedHead, in(user, room), scanHead)
}

func scanHead(rows *sql.Rows) (h RoomHead, err error) {
	var id []byte
	err = rows.Scan(&h.Room, &id, &h.MemberNID, &h.MemberPos, &h.Timeline, &h.State, &h.Receipt)
	h.RoomID = roomIDText(id)
	return h, err
}

// RoomMember is a user's membership in a room with the room's id.
type RoomMember struct {
	Member
	RoomID string
}

// OtherMemberships lists a user's memberships other than joined that changed after a position.
func (r *Reader) OtherMemberships(user Atom, since int64) ([]RoomMember, error) {
	return list(r, otherMemberships, in(user, since), scanRoomMember)
}

// CurrentInRoomsOf reads one event of the current state of each room in which the user has a membership, where it is there.
func (r *Reader) CurrentInRoomsOf(user, eventType, stateKey Atom) ([]Event, error) {
	return list(r, currentInRoomsOf, in(user, eventType, stateKey), scanEvent)
}

// MembershipsIn lists a user's memberships in some rooms.
func (r *Reader) MembershipsIn(user Atom, rooms []RoomRef) (all []RoomMember, err error) {
	for _, room := range rooms { // one by one: a table made of JSON costs more than some rows
		err = r.rows(membershipIn, in(room, user), func(rows *sql.Rows) error {
			m, err := scanRoomMember(rows)
			all = append(all, m)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func scanRoomMember(rows *sql.Rows) (m RoomMember, err error) {
	var id []byte
	err = rows.Scan(&m.Room, &m.User, &m.Membership, &m.NID, &m.Pos, &m.Forgotten, &id)
	m.RoomID = roomIDText(id)
	return m, err
}

// StreamEvent is an event of a timeline with its position.
type StreamEvent struct {
	Event
	Pos int64
}

var errEnough = errors.New("enough rows")

// TimelineDown reads up to limit events with ord < below and since < pos ≤ upto, the latest first. It ends at the first event
// that came up to since, or by backfill: end tells that there are no more.
func (r *Reader) TimelineDown(room RoomRef, below, since, upto int64, limit int) (events []StreamEvent, end bool, err error) {
	end = true
	err = r.rows(timelineDown, in(room, below), func(rows *sql.Rows) error {
		var e StreamEvent
		var pos sql.NullInt64
		var err error
		e.Event, err = scanEventAnd(rows, &pos)
		e.Pos = pos.Int64
		switch {
		case err != nil:
			return err
		case !pos.Valid || e.Pos <= since:
			return errEnough
		case e.Pos > upto:
			return nil
		case len(events) == limit:
			end = false
			return errEnough
		}
		events = append(events, e)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return events, end, err
}

// TypedPlace is what an event is and where it stands.
type TypedPlace struct {
	NID      NID
	Ord, Pos int64
	Thread   NID // its root; 0: in no thread
	Type     Atom
}

// PlacesDown lists the events with since < pos ≤ upto among the last ones of a timeline, the latest first. whole: there are no others.
func (r *Reader) PlacesDown(room RoomRef, since, upto int64, last int) (places []TypedPlace, whole bool, err error) {
	rowsRead := 0
	err = r.rows(placesDown, in(room, last), func(rows *sql.Rows) error {
		var p TypedPlace
		var pos sql.NullInt64
		if err := rows.Scan(&p.NID, &p.Ord, &pos, &p.Thread, &p.Type); err != nil {
			return err
		}
		rowsRead++
		p.Pos = pos.Int64
		switch {
		case p.Pos <= since:
			return errEnough
		case p.Pos <= upto:
			places = append(places, p)
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return places, true, nil
	}
	return places, rowsRead < last, err
}

// ThreadDown lists up to limit events of a thread with after < ord ≤ upto, the latest first: their places, and their positions (0: backfilled).
func (r *Reader) ThreadDown(room RoomRef, root NID, after, upto int64, limit int) ([]TypedPlace, error) {
	return list(r, threadDown, in(room, root, after, upto, limit), func(rows *sql.Rows) (p TypedPlace, err error) {
		err = rows.Scan(&p.NID, &p.Ord, &p.Pos, &p.Thread)
		return p, err
	})
}

// Change is one change of a room's current state.
type Change struct {
	Pos            int64
	Type, StateKey Atom
	Old, New       NID // 0: none
}

// ChangesSince lists the changes of a room's current state after a position, the earliest first.
func (r *Reader) ChangesSince(room RoomRef, since int64) ([]Change, error) {
	return list(r, stateChanges, in(room, since), func(rows *sql.Rows) (c Change, err error) {
		err = rows.Scan(&c.Pos, &c.Type, &c.StateKey, &c.Old, &c.New)
		return c, err
	})
}

// CurrentEventsWithoutMembers reads the events of a room's current state but for memberships.
func (r *Reader) CurrentEventsWithoutMembers(room RoomRef) ([]Event, error) {
	return list(r, currentButMembers, in(room), scanEvent)
}

// CurrentMembers lists the membership entries of some users in a room's current state.
func (r *Reader) CurrentMembers(room RoomRef, users []Atom) ([]StateEntry, error) {
	if len(users) == 0 {
		return nil, nil
	}
	return list(r, currentMembers, in(room, jsonArray(users)), scanEntry)
}

// MemberCounts counts who is joined to a room and who is invited.
func (r *Reader) MemberCounts(room RoomRef) (joined, invited int, err error) {
	_, err = r.row(memberCounts, in(room), &joined, &invited)
	return joined, invited, err
}

// Heroes lists the first five users, other than the given one, who are joined to a room or invited; where active is false,
// those who are neither.
func (r *Reader) Heroes(room RoomRef, except Atom, active bool) ([]Atom, error) {
	return list(r, heroes, in(room, except, active), scanInt[Atom])
}

func jsonArray[T ~int64](numbers []T) string {
	b, err := json.Marshal(numbers)
	if err != nil {
		return "[]" // can't be: numbers are JSON
	}
	return string(b)
}
