package store

import (
	"bytes"
	"database/sql"
)

const (
	deviceKeysOf  = `SELECT json FROM device_keys WHERE user = ? AND device_id = ?`
	putDeviceKeys = `INSERT INTO device_keys (user, device_id, json) VALUES (?, ?, ?)
		ON CONFLICT (user, device_id) DO UPDATE SET json = excluded.json`
	deviceKeysOfUser = `SELECT k.device_id, k.json, coalesce(d.display_name, '') FROM device_keys k
		LEFT JOIN device d ON d.user = k.user AND d.device_id = k.device_id WHERE k.user = ?`
	deleteDeviceKeys = `DELETE FROM device_keys WHERE user = ? AND device_id = ?`
	localUser        = `SELECT 1 FROM account WHERE user = ?`
	deviceRow        = `SELECT id FROM device WHERE user = ? AND device_id = ?`
)

// DeviceKeys are the identity keys of a device.
type DeviceKeys struct {
	DeviceID    string
	JSON        []byte // canonical, without unsigned
	DisplayName string // empty where it has none, or the device is remote
}

// IsLocalUser tells whether the user has an account here.
func (r *Reader) IsLocalUser(user Atom) (bool, error) {
	var one int
	return r.row(localUser, in(user), &one)
}

// FindDevice gives a local device's row, 0 where there is none.
func (r *Reader) FindDevice(user Atom, deviceID string) (device int64, err error) {
	_, err = r.row(deviceRow, in(user, deviceID), &device)
	return device, err
}

// DeviceKeysOfUser gives the keys of all devices that have some.
func (r *Reader) DeviceKeysOfUser(user Atom) ([]DeviceKeys, error) {
	return list(r, deviceKeysOfUser, in(user), func(rows *sql.Rows) (k DeviceKeys, err error) {
		err = rows.Scan(&k.DeviceID, &k.JSON, &k.DisplayName)
		return k, err
	})
}

// DeviceKeys gives the canonical JSON of one device's keys, nil where it has none.
func (r *Reader) DeviceKeys(user Atom, deviceID string) (json []byte, err error) {
	_, err = r.row(deviceKeysOf, in(user, deviceID), &json)
	return json, err
}

// PutDeviceKeys replaces a device's keys and tells whether they differ from those before. Signatures of other keys are forgotten.
func (tx *Tx) PutDeviceKeys(user Atom, deviceID string, json []byte) (changed bool, err error) {
	old, err := tx.DeviceKeys(user, deviceID)
	if err != nil || bytes.Equal(old, json) {
		return false, err
	}
	if err := tx.exec(putDeviceKeys, user, deviceID, json); err != nil {
		return false, err
	}
	return true, tx.ForgetSignaturesOf(user, deviceID)
}

// ForgetDevice removes the keys and the queue of a device that logs out. Where it had keys, its user's device list changes; after the
// commit those in UsersSharingRooms are to be woken.
func (tx *Tx) ForgetDevice(device int64, user Atom, deviceID string) error {
	for _, query := range []string{deleteToDevice, deleteOneTimeKeys, deleteFallbackKeys} {
		if err := tx.exec(query, device); err != nil {
			return err
		}
	}
	n, err := tx.execCount(deleteDeviceKeys, user, deviceID)
	if err != nil || n == 0 {
		return err
	}
	if err := tx.ForgetSignaturesOf(user, deviceID); err != nil {
		return err
	}
	if err := tx.ForgetSignaturesBy(user, "ed25519:"+deviceID); err != nil {
		return err
	}
	return tx.DeviceListChanged(user)
}
