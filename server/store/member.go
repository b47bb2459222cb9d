package store

import "database/sql"

// Membership is a membership state as the database writes it.
type Membership int64

// The memberships of the specification.
const (
	Join Membership = iota + 1
	Invite
	Knock
	Leave
	Ban
)

var membershipNames = [...]string{"", "join", "invite", "knock", "leave", "ban"}

// String is the specification's word.
func (m Membership) String() string { return membershipNames[m] }

// ParseMembership reads the specification's word; 0 where it is none.
func ParseMembership(s string) Membership {
	for i, name := range membershipNames {
		if name == s && i > 0 {
			return Membership(i)
		}
	}
	return 0
}

// Member is a user's membership in a room.
type Member struct {
	Room       RoomRef
	User       Atom
	Membership Membership
	NID        NID   // the m.room.member event
	Pos        int64 // since when
	Forgotten  bool
	Ord        int64 // for PutMember: the place of the event. What stands up to where the user joined is not unread to them
}

const memberColumns = `room, user, membership, nid, pos, forgotten`

const (
	putMember = `INSERT INTO member (room, user, membership, nid, pos, forgotten, since_ord) VALUES (?, ?, ?, ?, ?, 0, ?)
		ON CONFLICT (room, user) DO UPDATE SET membership = excluded.membership, nid = excluded.nid, pos = excluded.pos, forgotten = 0,
			since_ord = iif(member.membership = 1 AND excluded.membership = 1, member.since_ord, excluded.since_ord)`
	forgetMember  = `UPDATE member SET forgotten = 1 WHERE room = ? AND user = ?`
	getMember     = `SELECT ` + memberColumns + ` FROM member WHERE room = ? AND user = ?`
	roomsOfUser   = `SELECT ` + memberColumns + ` FROM member WHERE user = ?`
	membersOfRoom = `SELECT ` + memberColumns + ` FROM member WHERE room = ?`
	usersWith     = `SELECT user FROM member WHERE room = ? AND membership = ? ORDER BY user LIMIT ?`
	joinedOf      = `SELECT a.text, a.id FROM member m JOIN atom a ON a.id = m.user
		WHERE m.room = ? AND m.membership = 1 AND substr(a.text, -length(?2)) = ?2`
	joinedServers = `SELECT DISTINCT substr(a.text, instr(a.text, ':') + 1) FROM member m JOIN atom a ON a.id = m.user
		WHERE m.room = ? AND m.membership = 1 AND m.user != ?`
	sharing = `SELECT DISTINCT b.user FROM member a JOIN member b ON b.room = a.room AND b.membership = 1
		WHERE a.user = ? AND a.membership = 1`
)

// PutMember sets a user's membership.
func (tx *Tx) PutMember(m Member) error {
	tx.touch(TouchedMembers, int64(m.Room), m.Pos)
	if err := tx.moveServer(m); err != nil {
		return err
	}
	if err := tx.exec(putMember, m.Room, m.User, m.Membership, m.NID, m.Pos, m.Ord); err != nil || m.Membership == Join {
		return err
	}
	return tx.leftRoom(m.Room, m.User)
}

// ForgetRoom hides a room that the user has left.
func (tx *Tx) ForgetRoom(room RoomRef, user Atom) error {
	if err := tx.touchNow(TouchedMembers, int64(room)); err != nil {
		return err
	}
	return tx.exec(forgetMember, room, user)
}

// Member reads a user's membership; ok is false where the user never had one.
func (r *Reader) Member(room RoomRef, user Atom) (m Member, ok bool, err error) {
	ok, err = r.row(getMember, in(room, user), &m.Room, &m.User, &m.Membership, &m.NID, &m.Pos, &m.Forgotten)
	return m, ok, err
}

// MembershipOf is a user's membership in a room, 0 where they never had one.
func (r *Reader) MembershipOf(room RoomRef, user Atom) (Membership, error) {
	m, _, err := r.Member(room, user)
	return m.Membership, err
}

// RoomsOf lists a user's memberships in all rooms.
func (r *Reader) RoomsOf(user Atom) ([]Member, error) {
	return list(r, roomsOfUser, in(user), scanMember)
}

// MembersOf lists the memberships of all users in a room.
func (r *Reader) MembersOf(room RoomRef) ([]Member, error) {
	return list(r, membersOfRoom, in(room), scanMember)
}

// UsersWith lists up to limit users who have a membership in a room.
func (r *Reader) UsersWith(room RoomRef, m Membership, limit int) ([]Atom, error) {
	return list(r, usersWith, in(room, m, limit), scanInt[Atom])
}

// JoinedOf gives the users of a server who are joined to a room, by their ids.
func (r *Reader) JoinedOf(room RoomRef, server string) (map[string]Atom, error) {
	joined := map[string]Atom{}
	err := r.rows(joinedOf, in(room, ":"+server), func(rows *sql.Rows) error {
		var id string
		var user Atom
		err := rows.Scan(&id, &user)
		joined[id] = user
		return err
	})
	return joined, err
}

// JoinedServersBut lists the servers that have users in a room, without looking at one of them.
func (r *Reader) JoinedServersBut(room RoomRef, user Atom) ([]string, error) {
	return list(r, joinedServers, in(room, user), func(rows *sql.Rows) (server string, err error) {
		err = rows.Scan(&server)
		return server, err
	})
}

// UsersSharingRooms lists who is joined to a room that the user is joined to, the user included.
func (r *Reader) UsersSharingRooms(user Atom) ([]Atom, error) {
	return list(r, sharing, in(user), scanInt[Atom])
}

func scanMember(rows *sql.Rows) (m Member, err error) {
	err = rows.Scan(&m.Room, &m.User, &m.Membership, &m.NID, &m.Pos, &m.Forgotten)
	return m, err
}
