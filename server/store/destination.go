package store

import "database/sql"

// MetaOutbox names the position up to which everything was handed to the destinations.
const MetaOutbox = "outbox" // integer

// Destination is how it stands with another server to which this one sends.
type Destination struct {
	Server      Atom
	Pos         int64 // everything up to here is done
	Behind      bool  // what comes after Pos waits for it; else everything up to MetaOutbox is done or was missed
	Missed      int64 // what came after this position was not kept for it; 0: nothing
	Failed      int   // how often in succession
	Since       int64 // milliseconds: since when it fails; 0: it does not
	Until       int64 // milliseconds: when it is tried again
	LastSuccess int64 // milliseconds; 0: never
	LastError   string
	Dropped     int64 // what it refused and that was left out
}

const (
	destinationColumns = `server, pos, behind, missed, failed, since, until, last_success, last_error, dropped`
	putDestination     = `INSERT INTO destination (` + destinationColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (server) DO UPDATE SET pos = excluded.pos, behind = excluded.behind, missed = excluded.missed, failed = excluded.failed, since = excluded.since,
		until = excluded.until, last_success = excluded.last_success, last_error = excluded.last_error, dropped = excluded.dropped`
	getDestination      = `SELECT ` + destinationColumns + ` FROM destination WHERE server = ?`
	troubleDestinations = `SELECT ` + destinationColumns + ` FROM destination WHERE behind = 1 OR missed > 0 OR failed > 0`
	// All servers that share rooms with this one, or with which there is something beside.
	destinationNames = `SELECT a.id, a.text FROM (SELECT DISTINCT server FROM room_server WHERE until IS NULL UNION SELECT server FROM destination) d
		JOIN atom a ON a.id = d.server WHERE instr(a.text, ?1) > 0 ORDER BY a.text`
	changedRooms = `SELECT room, max(coalesce(until, 9223372036854775807)) FROM room_server WHERE server = ?1 AND room > ?2
		AND (until IS NULL OR until > ?3) GROUP BY room ORDER BY room LIMIT ?4`
	changedLists = `SELECT d.user, d.pos FROM device_list d WHERE d.pos > ?2 AND d.pos > ?3 AND EXISTS (SELECT 1 FROM account a WHERE a.user = d.user) AND EXISTS (
		SELECT 1 FROM member m JOIN room_server s ON s.server = ?1 AND s.room = m.room AND s.until IS NULL WHERE m.user = d.user AND m.membership = 1)
		ORDER BY d.pos LIMIT ?4`
)

// PutDestination writes how it stands with a server.
func (tx *Tx) PutDestination(d Destination) error {
	return tx.exec(putDestination, d.Server, d.Pos, d.Behind, d.Missed, d.Failed, d.Since, d.Until, d.LastSuccess, d.LastError, d.Dropped)
}

// Destination reads how it stands with a server; ok is false where nothing was noted.
func (r *Reader) Destination(server Atom) (d Destination, ok bool, err error) {
	err = r.rows(getDestination, in(server), func(rows *sql.Rows) error {
		ok = true
		d, err = scanDestination(rows)
		return err
	})
	return d, ok, err
}

// TroubledDestinations are those that failed, for which something waits, or that missed something.
func (r *Reader) TroubledDestinations() ([]Destination, error) {
	return list(r, troubleDestinations, nil, scanDestination)
}

func scanDestination(rows *sql.Rows) (d Destination, err error) {
	err = rows.Scan(&d.Server, &d.Pos, &d.Behind, &d.Missed, &d.Failed, &d.Since, &d.Until, &d.LastSuccess, &d.LastError, &d.Dropped)
	return d, err
}

// NamedServer is a server with its name.
type NamedServer struct {
	Server Atom
	Name   string
}

// DestinationNames lists, by name, the servers that share rooms with this one and those with which there was something, whose names hold a text.
func (r *Reader) DestinationNames(holds string) ([]NamedServer, error) {
	return list(r, destinationNames, in(holds), func(rows *sql.Rows) (n NamedServer, err error) {
		err = rows.Scan(&n.Server, &n.Name)
		return n, err
	})
}

// ServerRoom is a room in which a server is or was.
type ServerRoom struct {
	Room  RoomRef
	Until int64 // position of the last event that concerns it; forever where it is still there
}

// RoomsSince lists up to limit rooms in which a server was after a position, in the order of their numbers after one.
func (r *Reader) RoomsSince(server Atom, pos int64, after RoomRef, limit int) ([]ServerRoom, error) {
	return list(r, changedRooms, in(server, after, pos, limit), func(rows *sql.Rows) (s ServerRoom, err error) {
		err = rows.Scan(&s.Room, &s.Until)
		return s, err
	})
}

// ListChange is when the devices of a user changed last.
type ListChange struct {
	User Atom
	Pos  int64
}

// ListsSince lists up to limit local users whose devices changed after a position and who share a room with a server, in the order of the changes, after one.
func (r *Reader) ListsSince(server Atom, pos, after int64, limit int) ([]ListChange, error) {
	return list(r, changedLists, in(server, pos, after, limit), func(rows *sql.Rows) (c ListChange, err error) {
		err = rows.Scan(&c.User, &c.Pos)
		return c, err
	})
}

// Named gives servers with their names.
func (r *Reader) Named(servers []Atom) ([]NamedServer, error) {
	named := make([]NamedServer, len(servers))
	for i, server := range servers {
		name, err := r.Text(server)
		if err != nil {
			return nil, err
		}
		named[i] = NamedServer{server, name}
	}
	return named, nil
}
