package store

import (
	"database/sql"

	"beffroi/server/pdu"
)

const (
	meetServer = `UPDATE room_server SET users = users + 1 WHERE server = ? AND room = ? AND until IS NULL`
	addServer  = `INSERT INTO room_server (server, room, since, until, users) VALUES (?1, ?2, ?3, NULL, 1)
		ON CONFLICT DO UPDATE SET until = NULL, users = 1`
	loseServer = `UPDATE room_server SET users = users - 1, until = iif(users > 1, NULL, ?3) WHERE server = ?1 AND room = ?2 AND until IS NULL`
	tellServer = `INSERT INTO room_server (server, room, since, until, users) SELECT ?1, ?2, ?3, ?3, 0
		WHERE NOT EXISTS (SELECT 1 FROM room_server WHERE server = ?1 AND room = ?2 AND coalesce(until, ?3) >= ?3)`
	lastServer = `SELECT max(coalesce(until, 9223372036854775807)) FROM room_server WHERE room = ?`
	serversIn  = `SELECT DISTINCT a.text FROM room_server s JOIN atom a ON a.id = s.server WHERE s.room = ? AND s.until IS NULL ORDER BY a.text`
	roomsWith  = `SELECT room FROM room_server WHERE server = ? AND until IS NULL AND room > ? ORDER BY room LIMIT ?`
	serversOf  = `SELECT DISTINCT a.text FROM member m JOIN room_server s ON s.room = m.room AND s.until IS NULL JOIN atom a ON a.id = s.server
		WHERE m.user = ? AND m.membership = 1 ORDER BY a.text`
	meetsElsewhere = `SELECT 1 FROM member m JOIN room_server s ON s.server = ?2 AND s.room = m.room AND s.until IS NULL
		WHERE m.user = ?1 AND m.membership = 1 AND m.room <> ?3 LIMIT 1`
	sharesServer = `SELECT 1 FROM member m JOIN room_server s ON s.room = m.room AND s.until IS NULL WHERE m.user = ? AND m.membership = 1 LIMIT 1`
)

// roomServers is what the writer remembers of the servers in rooms.
type roomServers struct {
	own   string            // this server's name, "" until it has one
	until map[RoomRef]int64 // up to which position there is one in a room
}

// maxRoomServers is of how many rooms the writer remembers it.
const maxRoomServers = 4096

func newRoomServers() *roomServers { return &roomServers{until: map[RoomRef]int64{}} }

// foreign gives the server of a user of another server, "" for one of this server. While this one has no name nobody is from elsewhere.
func (tx *Tx) foreign(user Atom) (string, error) {
	if tx.servers.own == "" {
		var err error
		if tx.servers.own, err = tx.MetaText(MetaServerName); err != nil || tx.servers.own == "" {
			return "", err
		}
	}
	id, err := tx.Text(user)
	if server := pdu.ServerOf(id); err == nil && server != tx.servers.own {
		return server, nil
	}
	return "", err
}

// moveServer keeps in which rooms other servers are, before the membership of one of their users changes.
func (tx *Tx) moveServer(m Member) error {
	name, err := tx.foreign(m.User)
	if err == nil && name == "" {
		return tx.sendDevices(m)
	}
	if err != nil {
		return err
	}
	was, err := tx.MembershipOf(m.Room, m.User)
	if err != nil || was == m.Membership || was != Join && m.Membership != Join && was != Invite && was != Knock {
		return err
	}
	server, err := tx.Atom(name)
	if err != nil {
		return err
	}
	tx.forgetServers(m.Room)
	switch {
	case m.Membership == Join:
		n, err := tx.execCount(meetServer, server, m.Room)
		if err != nil || n > 0 {
			return err
		}
		return tx.exec(addServer, server, m.Room, m.Pos)
	case was == Join:
		return tx.exec(loseServer, server, m.Room, m.Pos)
	case m.Membership == Invite:
		return nil
	default: // who was invited or knocked is told of the end
		return tx.exec(tellServer, server, m.Room, m.Pos)
	}
}

// sendDevices queues what the other servers in a room must know of the devices of a user of this one who joins it, before the membership changes.
//
// Source: server-server API, "Device Management".
func (tx *Tx) sendDevices(m Member) error {
	if m.Membership != Join {
		return nil
	}
	goes, err := tx.federated(m.Room, m.Pos)
	if err != nil || !goes {
		return err
	}
	was, err := tx.MembershipOf(m.Room, m.User)
	if err != nil || was == Join {
		return err
	}
	pos, err := tx.NextPos()
	if err != nil {
		return err
	}
	return tx.send(Outgoing{Pos: pos, Room: m.Room, Kind: OutgoingDevice, Subject: int64(m.User)})
}

func (tx *Tx) forgetServers(room RoomRef) {
	delete(tx.servers.until, room)
	tx.OnRollback(func(error) { delete(tx.servers.until, room) })
}

// federated tells whether an event at a position concerns other servers.
func (tx *Tx) federated(room RoomRef, pos int64) (bool, error) {
	until, known := tx.servers.until[room]
	if !known {
		var last sql.NullInt64
		if _, err := tx.row(lastServer, in(room), &last); err != nil {
			return false, err
		}
		if len(tx.servers.until) >= maxRoomServers {
			clear(tx.servers.until)
		}
		until = last.Int64
		tx.servers.until[room] = until
	}
	return until >= pos, nil
}

// ServersIn gives the names of the other servers that are in a room now, sorted.
func (r *Reader) ServersIn(room RoomRef) ([]string, error) {
	return list(r, serversIn, in(room), scanText)
}

// ServersOf gives the names of the other servers that share a room with a user, sorted.
func (r *Reader) ServersOf(user Atom) ([]string, error) {
	return list(r, serversOf, in(user), scanText)
}

// MeetsElsewhere tells whether a server shares a room with a user but for one.
func (r *Reader) MeetsElsewhere(user, server Atom, but RoomRef) (bool, error) {
	return r.row(meetsElsewhere, in(user, server, but), new(int))
}

// RoomsWith lists up to limit rooms in which another server is now, in the order of their numbers after one.
func (r *Reader) RoomsWith(server Atom, after RoomRef, limit int) ([]RoomRef, error) {
	return list(r, roomsWith, in(server, after, limit), scanInt[RoomRef])
}
