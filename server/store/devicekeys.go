package store

import (
	"bytes"
	"database/sql"
)

const (
	deviceKeysOf  = `SELECT json FROM device_keys WHERE user = ? AND device_id = ?`
	putDeviceKeys = `INSERT INTO device_keys (user, device_id, json) VALUES (?, ?, ?)
		ON CONFLICT (user, device_id) DO UPDATE SET json = excluded.json`
	deviceKeysOfUser = `SELECT k.device_id, k.json, coalesce(d.display_name, k.name, '') FROM device_keys k
		LEFT JOIN device d ON d.user = k.user AND d.device_id = k.device_id WHERE k.user = ?`
	deleteDeviceKeys    = `DELETE FROM device_keys WHERE user = ? AND device_id = ?`
	deleteAllDeviceKeys = `DELETE FROM device_keys WHERE user = ?`
)

// DeviceKeys are the identity keys of a device.
type DeviceKeys struct {
	DeviceID    string
	JSON        []byte // canonical, without unsigned
	DisplayName string // empty where it has none
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

// ForgetDevice removes the keys of a device that is gone; its queue is left to PurgeToDevice. It tells whether it had identity keys: then its
// user's device list changed, and those in UsersSharingRooms are to be woken.
func (tx *Tx) ForgetDevice(device int64, user Atom, deviceID string) (changed bool, err error) {
	for _, query := range []string{deleteOneTimeKeys, deleteFallbackKeys, forgetDehydrated} {
		if err := tx.exec(query, device); err != nil {
			return false, err
		}
	}
	n, err := tx.execCount(deleteDeviceKeys, user, deviceID)
	if err != nil || n == 0 {
		return false, err
	}
	if err := tx.ForgetSignaturesOf(user, deviceID); err != nil {
		return false, err
	}
	if err := tx.ForgetSignaturesBy(user, "ed25519:"+deviceID); err != nil {
		return false, err
	}
	return true, tx.DeviceChanged(user, deviceID)
}
