package e2ee

import (
	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// The service keeps keys and queues for devices, so it follows what accounts does with them.
var _ accounts.DeviceFollower = (*Service)(nil)

// AdmitDevice refuses a device id that is one of the user's cross-signing keys, with 403 M_FORBIDDEN: the two share a name space.
// Source: client-server API, "Cross-signing" and POST /login.
func (s *Service) AdmitDevice(tx *store.Tx, user store.Atom, deviceID string) error {
	keys, err := tx.CrossSigningKeys(user)
	if err != nil {
		return err
	}
	for _, key := range keys {
		public, err := storedPublicKey(key)
		if err != nil {
			return err
		}
		if public == deviceID {
			return merr.Forbidden("This device id is the id of a cross-signing key")
		}
	}
	return nil
}

// DevicesDeleted deletes the keys and queues of devices that are gone, and wakes those who must hear of it.
// Source: client-server API, POST /logout.
func (s *Service) DevicesDeleted(tx *store.Tx, user store.Atom, devices []store.Device) error {
	changed := false
	for _, d := range devices {
		keys, err := tx.DeviceKeys(user, d.DeviceID)
		if err != nil {
			return err
		}
		changed = changed || keys != nil
		if err := tx.ForgetDevice(d.ID, user, d.DeviceID); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	sharers, err := tx.UsersSharingRooms(user)
	if err != nil {
		return err
	}
	tx.OnCommit(func() {
		for _, u := range append(sharers, user) {
			s.hub.Wake(int64(u))
		}
	})
	return nil
}
