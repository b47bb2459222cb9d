package store

import (
	"database/sql"
	"encoding/json"
	"slices"
)

// ServiceCursor is how far an application service is in the stream of events.
type ServiceCursor struct {
	ID   string // of its registration
	Pos  int64  // events up to here are done
	Txn  int64  // the number of the transaction that is on its way; 0: none
	Upto int64  // events up to here are done when that has arrived
	NIDs []NID  // the events of the transaction, in order
}

const (
	serviceCursor = `SELECT pos, txn, upto, nids FROM appservice WHERE id = ?`
	putService    = `INSERT INTO appservice (id, pos, txn, upto, nids) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET pos = excluded.pos, txn = excluded.txn, upto = excluded.upto, nids = excluded.nids`
	serviceIDs     = `SELECT id FROM appservice ORDER BY id`
	deleteService  = `DELETE FROM appservice WHERE id = ?`
	unlistService  = `DELETE FROM network_room WHERE service = ?`
	listRoom       = `INSERT INTO network_room (service, network, room) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	unlistRoom     = `DELETE FROM network_room WHERE service = ? AND network = ? AND room = ?`
	networkRooms   = `SELECT room FROM network_room WHERE service = ? AND network = ? AND room NOT IN (SELECT room FROM purge) ORDER BY room`
	networksRooms  = `SELECT DISTINCT room FROM network_room WHERE room NOT IN (SELECT room FROM purge) ORDER BY room`
	followedColumn = `e.nid, t.pos, e.room, e.sender, e.type, coalesce(e.state_key, 0)`
	followed       = `SELECT ` + followedColumn + ` FROM event e CROSS JOIN timeline t ON t.room = e.room AND t.ord = e.ord
		WHERE e.nid > ?1 AND e.nid <= ?2 AND t.pos = e.nid ORDER BY e.nid LIMIT ?3`
	followedLate = `SELECT ` + followedColumn + ` FROM late l CROSS JOIN event e ON e.nid = l.nid CROSS JOIN timeline t ON t.room = e.room AND t.ord = e.ord
		WHERE l.pos > ? AND l.pos <= ? AND t.pos = l.pos ORDER BY l.pos LIMIT ?`
	localMembers = `SELECT m.user, m.membership, m.pos, a.text FROM member m JOIN atom a ON a.id = m.user
		WHERE m.room = ? AND substr(a.text, -length(?2)) = ?2`
	membershipAt = `SELECT e.nid FROM state_change c JOIN event e ON e.nid = c.new
		WHERE c.room = ? AND c.type = 3 AND c.state_key = ? AND c.pos <= ? ORDER BY c.pos DESC LIMIT 1`
)

// ServiceCursor reads how far an application service is; ok is false for one that is new.
func (r *Reader) ServiceCursor(id string) (c ServiceCursor, ok bool, err error) {
	var nids []byte
	c.ID = id
	if ok, err = r.row(serviceCursor, in(id), &c.Pos, &c.Txn, &c.Upto, &nids); err != nil || !ok {
		return c, ok, err
	}
	return c, true, json.Unmarshal(nids, &c.NIDs)
}

// PutServiceCursor sets how far an application service is.
func (tx *Tx) PutServiceCursor(c ServiceCursor) error {
	return tx.exec(putService, c.ID, c.Pos, c.Txn, c.Upto, jsonArray(c.NIDs))
}

// KeepServices forgets all application services but some.
func (tx *Tx) KeepServices(ids []string) error {
	known, err := list(&tx.Reader, serviceIDs, nil, scanText)
	if err != nil {
		return err
	}
	for _, id := range known {
		if slices.Contains(ids, id) {
			continue
		}
		if err := tx.exec(deleteService, id); err != nil {
			return err
		}
		if err := tx.exec(unlistService, id); err != nil {
			return err
		}
	}
	return nil
}

// Followed is what decides whether somebody who follows the stream wants an event.
type Followed struct {
	NID      NID
	Pos      int64
	Room     RoomRef
	Sender   Atom
	Type     Atom
	StateKey Atom // 0: not a state event
}

// Follow lists up to limit events that entered a timeline after a position, up to another, in the order of their positions.
func (r *Reader) Follow(after, upto int64, limit int) ([]Followed, error) {
	events, err := list(r, followed, in(after, upto, limit), scanFollowed)
	if err != nil {
		return nil, err
	}
	late, err := list(r, followedLate, in(after, upto, limit), scanFollowed)
	if err != nil || len(late) == 0 {
		return events, err
	}
	events = append(events, late...)
	slices.SortFunc(events, func(a, b Followed) int { return int(a.Pos - b.Pos) })
	return events[:min(len(events), limit)], nil
}

func scanFollowed(rows *sql.Rows) (f Followed, err error) {
	err = rows.Scan(&f.NID, &f.Pos, &f.Room, &f.Sender, &f.Type, &f.StateKey)
	return f, err
}

// LocalMembers lists the memberships in a room, of any kind, of those users of a server whom keep wants: Room, User, Membership and Pos.
func (r *Reader) LocalMembers(room RoomRef, server string, keep func(userID string) bool) (members []Member, err error) {
	err = r.rows(localMembers, in(room, ":"+server), func(rows *sql.Rows) error {
		var userID string
		m := Member{Room: room}
		err := rows.Scan(&m.User, &m.Membership, &m.Pos, &userID)
		if err == nil && keep(userID) {
			members = append(members, m)
		}
		return err
	})
	return members, err
}

// MemberEventAt gives the m.room.member event that stood for a user in a room at a position, 0 for none.
func (r *Reader) MemberEventAt(room RoomRef, user Atom, pos int64) (nid NID, err error) {
	_, err = r.row(membershipAt, in(room, user, pos), &nid)
	return nid, err
}

// ListInNetwork shows a room in the directory that an application service keeps for a network, or hides it.
func (tx *Tx) ListInNetwork(service, network string, room RoomRef, public bool) error {
	if public {
		return tx.exec(listRoom, service, network, room)
	}
	return tx.exec(unlistRoom, service, network, room)
}

// NetworkRooms lists the rooms of a network of an application service.
func (r *Reader) NetworkRooms(service, network string) ([]RoomRef, error) {
	return list(r, networkRooms, in(service, network), scanInt[RoomRef])
}

// NetworksRooms lists the rooms of all networks.
func (r *Reader) NetworksRooms() ([]RoomRef, error) {
	return list(r, networksRooms, nil, scanInt[RoomRef])
}
