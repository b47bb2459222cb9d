package store

import (
	"database/sql"
	"fmt"
)

// TokenKey names a device in its tokens.
type TokenKey [8]byte

// Device is a log-in of a local user. What its tokens prove stands in ARCHITECTURE.md, "Tokens".
type Device struct {
	ID          int64 // never given twice
	User        Atom
	DeviceID    string
	TokenKey    TokenKey
	Generation  uint64 // of the tokens that are valid
	Confirmed   bool   // a token of this generation was used: those of the one before are dead
	DisplayName string // empty: none
	Created     int64  // milliseconds
	LastSeenTS  int64  // milliseconds, some minutes late; 0: never seen
	LastSeenIP  string
}

// Bearer is a device with what its tokens need to know of its account.
type Bearer struct {
	Device
	UserID string
	Admin  bool
	State  AccountState
}

const (
	deviceColumns = `d.id, d.user, d.device_id, d.token_key, d.generation, d.confirmed, coalesce(d.display_name, ''), d.created,
		coalesce(d.last_seen_ts, 0), coalesce(d.last_seen_ip, '')`
	selectBearer = `SELECT ` + deviceColumns + `, t.text, a.admin, a.state FROM device d
		JOIN account a ON a.user = d.user JOIN atom t ON t.id = d.user WHERE d.token_key = ?`
	selectDevice  = `SELECT ` + deviceColumns + ` FROM device d WHERE d.user = ? AND d.device_id = ?`
	hasDevice     = `SELECT 1 FROM device WHERE id = ?`
	selectDevices = `SELECT ` + deviceColumns + ` FROM device d WHERE d.user = ? ORDER BY d.id`
	insertDevice  = `INSERT INTO device (user, device_id, token_key, generation, confirmed, display_name, created)
		VALUES (?, ?, ?, ?, ?, nullif(?, ''), ?)`
	updateGeneration = `UPDATE device SET generation = ?, confirmed = ? WHERE id = ?`
	confirmDevice    = `UPDATE device SET confirmed = 1 WHERE id = ? AND generation = ?`
	renameDevice     = `UPDATE device SET display_name = nullif(?, '') WHERE id = ?`
	updateLastSeen   = `UPDATE device SET last_seen_ts = ?, last_seen_ip = ? WHERE id = ?`
	deleteDevice     = `DELETE FROM device WHERE id = ?`
)

// fields are the destinations of deviceColumns. The key comes as bytes, see setKey.
func (d *Device) fields(key *[]byte) []any {
	return []any{&d.ID, &d.User, &d.DeviceID, key, &d.Generation, &d.Confirmed, &d.DisplayName, &d.Created, &d.LastSeenTS, &d.LastSeenIP}
}

func (d *Device) setKey(key []byte) error {
	if n := copy(d.TokenKey[:], key); n != len(d.TokenKey) || n != len(key) {
		return fmt.Errorf("device %d: a token key of %d bytes", d.ID, len(key))
	}
	return nil
}

// Bearer gives the device that tokens with this key belong to. It tells whether there is one.
func (r *Reader) Bearer(key TokenKey) (b Bearer, found bool, err error) {
	var k []byte
	found, err = r.row(selectBearer, in(key[:]), append(b.fields(&k), &b.UserID, &b.Admin, &b.State)...)
	if !found || err != nil {
		return b, false, err
	}
	return b, true, b.setKey(k)
}

// Device gives one device of a user. It tells whether there is one.
func (r *Reader) Device(user Atom, deviceID string) (d Device, found bool, err error) {
	var k []byte
	found, err = r.row(selectDevice, in(user, deviceID), d.fields(&k)...)
	if !found || err != nil {
		return d, false, err
	}
	return d, true, d.setKey(k)
}

// Devices gives a user's devices, the oldest first.
func (r *Reader) Devices(user Atom) ([]Device, error) {
	return list(r, selectDevices, in(user), func(rows *sql.Rows) (d Device, err error) {
		var k []byte
		if err = rows.Scan(d.fields(&k)...); err == nil {
			err = d.setKey(k)
		}
		return d, err
	})
}

// HasDevice tells whether a device is still there.
func (r *Reader) HasDevice(device int64) (bool, error) {
	var one int
	return r.row(hasDevice, in(device), &one)
}

// PutDevice makes a device and gives its number.
func (tx *Tx) PutDevice(d Device) (int64, error) {
	return tx.insert(insertDevice, d.User, d.DeviceID, d.TokenKey[:], d.Generation, d.Confirmed, d.DisplayName, d.Created)
}

// SetGeneration says which tokens of a device are valid from now on; without confirmed, those of the generation before are too.
func (tx *Tx) SetGeneration(device int64, generation uint64, confirmed bool) error {
	return tx.exec(updateGeneration, generation, confirmed, device)
}

// ConfirmGeneration ends the generation before, unless the device is already beyond this one.
func (tx *Tx) ConfirmGeneration(device int64, generation uint64) error {
	return tx.exec(confirmDevice, device, generation)
}

// RenameDevice sets a display name; the empty string removes it.
func (tx *Tx) RenameDevice(device int64, name string) error {
	return tx.exec(renameDevice, name, device)
}

// SetLastSeen notes when and from which address a device was seen last.
func (tx *Tx) SetLastSeen(device, ts int64, ip string) error {
	return tx.exec(updateLastSeen, ts, ip, device)
}

// DeleteDevice deletes a device's row; what other tables keep for it is theirs to delete.
func (tx *Tx) DeleteDevice(device int64) error { return tx.exec(deleteDevice, device) }
