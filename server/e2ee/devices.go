package e2ee

import (
	"beffroi/server/merr"
	"beffroi/server/store"
)

// AdmitDevice refuses a device id that is one of the user's cross-signing keys.
// Source: client-server API, "Cross-signing": both name signing keys in one space.
func (s *Service) AdmitDevice(tx *store.Tx, user store.Atom, deviceID string) error {
	keys, err := tx.CrossSigningKeys(user)
	if err != nil {
		return err
	}
	for _, key := range keys {
		publicKey, err := storedPublicKey(key)
		if err != nil {
			return err
		}
		if publicKey == deviceID {
			return merr.Forbidden("The device id is that of a cross-signing key")
		}
	}
	return nil
}

// DevicesDeleted removes keys and messages of devices that are gone, and wakes who must hear of it.
func (s *Service) DevicesDeleted(tx *store.Tx, user store.Atom, devices []store.Device) error {
	changed := false
	for _, d := range devices {
		had, err := tx.ForgetDevice(d.ID, user, d.DeviceID)
		if err != nil {
			return err
		}
		changed = changed || had
	}
	if !changed {
		return nil
	}
	users, err := tx.UsersSharingRooms(user)
	if err != nil {
		return err
	}
	tx.OnCommit(func() { s.wake(append(users, user)) })
	return nil
}
