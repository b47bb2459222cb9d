package store

import (
	"database/sql"
	"maps"
	"slices"
)

const (
	putDeviceList = `INSERT INTO device_list (user, pos) VALUES (?, ?) ON CONFLICT (user) DO UPDATE SET pos = excluded.pos`
	deviceListPos = `SELECT pos FROM device_list WHERE user = ?`
	sharesRoom    = `SELECT 1 FROM member a JOIN member b ON b.room = a.room AND b.user = ?2 AND b.membership = 1
		WHERE a.user = ?1 AND a.membership = 1 LIMIT 1`
	joinedAnywhere     = `SELECT 1 FROM member WHERE user = ? AND membership = 1 LIMIT 1`
	changedDeviceLists = `SELECT user FROM device_list WHERE pos > ?2 AND (user = ?1 OR EXISTS (` + sharesRoomWithList + `))`
	sharesRoomWithList = `SELECT 1 FROM member a JOIN member b ON b.room = a.room AND b.user = device_list.user AND b.membership = 1
		WHERE a.user = ?1 AND a.membership = 1`
	signedSince = `SELECT DISTINCT user FROM key_signature WHERE signer = ? AND signer <> user AND pos > ?`
	// Joins and leaves in the rooms of a user, in order; changes of a profile are left out.
	joinsAndLeaves = `SELECT room, state_key, joined FROM (
		SELECT c.room, c.pos, c.state_key,
			coalesce(json_extract(CAST(o.json AS TEXT), '$.content.membership'), '') = 'join' AS was,
			coalesce(json_extract(CAST(n.json AS TEXT), '$.content.membership'), '') = 'join' AS joined
		FROM state_change c INDEXED BY state_change_member
		JOIN member m ON m.room = c.room AND m.user = ?
		LEFT JOIN event o ON o.nid = c.old LEFT JOIN event n ON n.nid = c.new
		WHERE c.type = 3 AND c.pos > ? AND c.pos <= ?)
		WHERE was <> joined ORDER BY room, pos`
	usersInRoom = `SELECT user FROM member WHERE room = ? AND membership = 1`
	userInRoom  = `SELECT 1 FROM member WHERE room = ? AND user = ? AND membership = 1`
)

// DeviceLists are user ids as /sync and /keys/changes name them, sorted.
// Source: client-server API, "End-to-end encryption", "Extensions to /sync".
type DeviceLists struct {
	Changed []string `json:"changed"`
	Left    []string `json:"left"`
}

// DeviceListChanged moves a user's device list to a new position: keys of theirs changed, or a device with keys is gone.
func (tx *Tx) DeviceListChanged(user Atom) error {
	pos, err := tx.NextPos()
	if err != nil {
		return err
	}
	tx.touch(TouchedDeviceLists, int64(user), pos)
	return tx.exec(putDeviceList, user, pos)
}

// DeviceListPos gives the position at which a user's device list changed last; 0: never.
func (r *Reader) DeviceListPos(user Atom) (pos int64, err error) {
	_, err = r.row(deviceListPos, in(user), &pos)
	return pos, err
}

// DeviceListChanges tells whose devices a user must ask for anew, and who no longer shares a room with the user, after the position
// from and up to the position to. A key that changes again after to counts already.
func (r *Reader) DeviceListChanges(user Atom, from, to int64) (DeviceLists, error) {
	d := listChanges{r: r, user: user, changed: map[Atom]bool{}, affected: map[Atom]bool{}}
	if err := d.keys(from); err != nil {
		return DeviceLists{}, err
	}
	moves, err := list(r, joinsAndLeaves, in(user, from, to), scanMove)
	if err != nil {
		return DeviceLists{}, err
	}
	for _, inRoom := range byRoom(moves) {
		if err := d.room(inRoom); err != nil {
			return DeviceLists{}, err
		}
	}
	return d.result()
}

// AllDeviceLists names everybody with whom a user shares a room, for whom no earlier position is known.
func (r *Reader) AllDeviceLists(user Atom) (DeviceLists, error) {
	users, err := r.UsersSharingRooms(user)
	if err != nil {
		return DeviceLists{}, err
	}
	changed, err := r.texts(users)
	return DeviceLists{Changed: changed, Left: []string{}}, err
}

// SharesRoom tells whether two users are joined to one room.
func (r *Reader) SharesRoom(a, b Atom) (bool, error) {
	var one int
	return r.row(sharesRoom, in(a, b), &one)
}

// IsJoinedAnywhere tells whether a user is joined to any room.
func (r *Reader) IsJoinedAnywhere(user Atom) (bool, error) {
	var one int
	return r.row(joinedAnywhere, in(user), &one)
}

// texts gives the sorted texts of atoms, never nil.
func (r *Reader) texts(atoms []Atom) ([]string, error) {
	texts := make([]string, len(atoms))
	for i, a := range atoms {
		var err error
		if texts[i], err = r.Text(a); err != nil {
			return nil, err
		}
	}
	slices.Sort(texts)
	return texts, nil
}

// move is a user's joining or leaving of a room.
type move struct {
	room   int64
	user   Atom
	joined bool
}

func scanMove(rows *sql.Rows) (m move, err error) {
	err = rows.Scan(&m.room, &m.user, &m.joined)
	return m, err
}

func byRoom(moves []move) map[int64][]move {
	rooms := map[int64][]move{}
	for _, m := range moves {
		rooms[m.room] = append(rooms[m.room], m)
	}
	return rooms
}

// listChanges collects the changes that concern one user.
type listChanges struct {
	r        *Reader
	user     Atom
	changed  map[Atom]bool
	affected map[Atom]bool // who joined (true) or left (false) a room of the user: what that means is looked up at the end
}

// keys collects those whose keys changed, and those whose keys the user signed on another device.
func (d *listChanges) keys(from int64) error {
	changed, err := list(d.r, changedDeviceLists, in(d.user, from), scanInt[Atom])
	if err != nil {
		return err
	}
	signed, err := list(d.r, signedSince, in(d.user, from), scanInt[Atom])
	for _, u := range append(changed, signed...) {
		d.changed[u] = true
	}
	return err
}

// room follows the moves in one room. Who joins and leaves while the user is away is none of the user's business.
func (d *listChanges) room(moves []move) error {
	present, err := d.presentBefore(moves)
	if err != nil {
		return err
	}
	wasThere, returned := present, false
	strangers := map[Atom]bool{} // who joined while the user was away
	for _, m := range moves {
		switch {
		case m.user == d.user && m.joined:
			present, wasThere, returned = true, true, true
			clear(strangers)
			d.changed[d.user] = true // the user's other devices are among those of the room now
		case m.user == d.user:
			present = false
		case present:
			d.affect(m.user, m.joined)
		case m.joined:
			strangers[m.user] = true
		case wasThere && !strangers[m.user]:
			d.affect(m.user, false)
		}
	}
	if present && !returned || !wasThere {
		return nil
	}
	return d.everybodyIn(moves[0].room, present, strangers)
}

func (d *listChanges) affect(user Atom, joined bool) { d.affected[user] = d.affected[user] || joined }

// presentBefore tells whether the user was in the room before the first of the moves.
func (d *listChanges) presentBefore(moves []move) (bool, error) {
	for _, m := range moves {
		if m.user == d.user {
			return !m.joined, nil
		}
	}
	var one int
	return d.r.row(userInRoom, in(moves[0].room, d.user), &one)
}

// everybodyIn affects all members of a room that the user joined or left, but for strangers.
func (d *listChanges) everybodyIn(room int64, joined bool, strangers map[Atom]bool) error {
	members, err := list(d.r, usersInRoom, in(room), scanInt[Atom])
	for _, u := range members {
		if !strangers[u] {
			d.affect(u, joined)
		}
	}
	return err
}

func (d *listChanges) result() (DeviceLists, error) {
	delete(d.affected, d.user)
	var left []Atom
	for u, joined := range d.affected {
		shares, err := d.r.SharesRoom(d.user, u)
		if err != nil {
			return DeviceLists{}, err
		}
		if !shares {
			left = append(left, u)
		} else if joined {
			d.changed[u] = true
		}
	}
	changed, err := d.r.texts(slices.Collect(maps.Keys(d.changed)))
	if err != nil {
		return DeviceLists{}, err
	}
	gone, err := d.r.texts(left)
	return DeviceLists{Changed: changed, Left: gone}, err
}
