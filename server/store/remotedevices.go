package store

import (
	"bytes"
	"database/sql"
)

const (
	remoteList    = `SELECT pos, stream_id IS NOT NULL, coalesce(stream_id, 0), coalesce(told, 0), stale FROM device_list WHERE user = ?`
	putRemoteList = `INSERT INTO device_list (user, pos, stream_id, stale) VALUES (?1, 0, ?2, ?3)
		ON CONFLICT (user) DO UPDATE SET stream_id = ?2, stale = ?3`
	staleList = `INSERT INTO device_list (user, pos, told, stale) VALUES (?, 0, 1, 1)
		ON CONFLICT (user) DO UPDATE SET stale = 1, told = coalesce(told, 0) + 1`
	forgetList = `DELETE FROM device_list WHERE user = ?`
	// In no order, so that one server with many can't stand before all others.
	staleLists = `SELECT d.user, a.text FROM device_list d JOIN atom a ON a.id = d.user WHERE d.stale = 1 ORDER BY random() LIMIT ?`

	putRemoteDevice = `INSERT INTO device_keys (user, device_id, json, name) VALUES (?, ?, ?, ?)
		ON CONFLICT (user, device_id) DO UPDATE SET json = excluded.json, name = excluded.name`
	deviceCount = `SELECT count(*) FROM device_keys WHERE user = ?`

	isAccount  = `SELECT 1 FROM account WHERE user = ?`
	isFollowed = `SELECT 1 FROM member a JOIN member b ON b.room = a.room AND b.membership = 1 JOIN account c ON c.user = b.user
		WHERE a.user = ? AND a.membership = 1 LIMIT 1`
	localsInRoom = `SELECT 1 FROM member m JOIN account a ON a.user = m.user WHERE m.room = ? AND m.membership = 1 LIMIT 1`
	staleOf      = `UPDATE device_list SET stale = 1 WHERE user = ? AND stream_id IS NOT NULL`
	staleInRoom  = `UPDATE device_list SET stale = 1 WHERE stream_id IS NOT NULL AND user IN (SELECT user FROM member WHERE room = ? AND membership = 1)`
)

// RemoteList is how far this server knows the device list of another server's user.
type RemoteList struct {
	Row      bool  // something is noted of it
	Known    bool  // the devices are here
	Stale    bool  // they, or what is here of them, is to be asked for
	StreamID int64 // where it is known: of the last update
	Told     int64 // counts the updates that could not be applied
	Pos      int64 // of the last change
}

// RemoteDevice is a device of another server's user.
type RemoteDevice struct {
	ID, Name string
	JSON     []byte // its keys, canonical, with the user's own signatures only
}

// RemoteList gives what is known of a user's list.
func (r *Reader) RemoteList(user Atom) (l RemoteList, err error) {
	l.Row, err = r.row(remoteList, in(user), &l.Pos, &l.Known, &l.StreamID, &l.Told, &l.Stale)
	return l, err
}

// Followed tells whether a user shares a room with somebody of this server: then their server tells of changes.
func (r *Reader) Followed(user Atom) (bool, error) {
	var one int
	return r.row(isFollowed, in(user), &one)
}

// StaleList is a user whose devices are to be asked for.
type StaleList struct {
	User   Atom
	UserID string
}

// StaleLists gives up to limit of them, in no order.
func (r *Reader) StaleLists(limit int) ([]StaleList, error) {
	return list(r, staleLists, in(limit), func(rows *sql.Rows) (s StaleList, err error) {
		err = rows.Scan(&s.User, &s.UserID)
		return s, err
	})
}

// DeviceCount counts a user's devices that have keys.
func (r *Reader) DeviceCount(user Atom) (n int, err error) {
	_, err = r.row(deviceCount, in(user), &n)
	return n, err
}

// PutRemoteList notes of which update the devices are that are here, and whether they are to be asked for again nevertheless.
func (tx *Tx) PutRemoteList(user Atom, streamID int64, stale bool) error {
	return tx.exec(putRemoteList, user, streamID, stale)
}

// DeviceListStale notes that a user's devices are to be asked for.
func (tx *Tx) DeviceListStale(user Atom) error { return tx.exec(staleList, user) }

// PutRemoteDevice sets a device and tells whether that changed anything.
func (tx *Tx) PutRemoteDevice(user Atom, d RemoteDevice) (changed bool, err error) {
	all, err := tx.DeviceKeysOfUser(user)
	if err != nil {
		return false, err
	}
	for _, old := range all {
		if old.DeviceID == d.ID && old.DisplayName == d.Name && bytes.Equal(old.JSON, d.JSON) {
			return false, nil
		}
	}
	return true, tx.exec(putRemoteDevice, user, d.ID, d.JSON, d.Name)
}

// RemoveRemoteDevice removes a device and tells whether it was there.
func (tx *Tx) RemoveRemoteDevice(user Atom, deviceID string) (bool, error) {
	n, err := tx.execCount(deleteDeviceKeys, user, deviceID)
	return n > 0, err
}

// ReplaceRemoteDevices sets all devices of a user and tells whether that changed anything.
func (tx *Tx) ReplaceRemoteDevices(user Atom, devices []RemoteDevice) (changed bool, err error) {
	old, err := tx.DeviceKeysOfUser(user)
	if err != nil {
		return false, err
	}
	gone := map[string]DeviceKeys{}
	for _, d := range old {
		gone[d.DeviceID] = d
	}
	for _, d := range devices {
		before, known := gone[d.ID]
		delete(gone, d.ID)
		if known && before.DisplayName == d.Name && bytes.Equal(before.JSON, d.JSON) {
			continue
		}
		changed = true
		if err := tx.exec(putRemoteDevice, user, d.ID, d.JSON, d.Name); err != nil {
			return false, err
		}
	}
	for id := range gone {
		if err := tx.exec(deleteDeviceKeys, user, id); err != nil {
			return false, err
		}
	}
	return changed || len(gone) > 0, nil
}

// ForgetRemoteList removes all that is known of a user's devices, but not what users of this server signed.
func (tx *Tx) ForgetRemoteList(user Atom) error {
	for _, query := range []string{deleteAllDeviceKeys, deleteCrossSigningKeys, forgetList} {
		if err := tx.exec(query, user); err != nil {
			return err
		}
	}
	return nil
}

// leftRoom marks the lists of which this server hears nothing any more: of a user of another server who shares no room with anybody here,
// or of all in a room that the last user of this server has left.
func (tx *Tx) leftRoom(room RoomRef, user Atom) error {
	var one int
	local, err := tx.row(isAccount, in(user), &one)
	if err != nil {
		return err
	}
	if !local {
		if followed, err := tx.Followed(user); err != nil || followed {
			return err
		}
		return tx.exec(staleOf, user)
	}
	if others, err := tx.row(localsInRoom, in(room), &one); err != nil || others {
		return err
	}
	return tx.exec(staleInRoom, room)
}
