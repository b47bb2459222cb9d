package accounts

import (
	"cmp"
	"context"
	"slices"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// Devices gives a user's devices, the oldest first.
func (s *Service) Devices(ctx context.Context, user store.Atom) ([]store.Device, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) ([]store.Device, error) { return r.Devices(user) })
}

// Device gives one device of a user, or 404 M_NOT_FOUND.
func (s *Service) Device(ctx context.Context, user store.Atom, deviceID string) (store.Device, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) (store.Device, error) { return findDevice(r, user, deviceID) })
}

// RenameDevice sets a device's display name, or gives 404 M_NOT_FOUND.
func (s *Service) RenameDevice(ctx context.Context, user store.Atom, deviceID, name string) error {
	if len(name) > maxDeviceNameBytes {
		return merr.InvalidParam("A device's name has %d bytes at most", maxDeviceNameBytes)
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		d, err := findDevice(&tx.Reader, user, deviceID)
		if err != nil {
			return err
		}
		if err = tx.RenameDevice(d.ID, name); err != nil || s.cfg.Renamed == nil {
			return err
		}
		return s.cfg.Renamed(tx, user, deviceID)
	})
}

func findDevice(r *store.Reader, user store.Atom, deviceID string) (store.Device, error) {
	d, found, err := r.Device(user, deviceID)
	if err == nil && !found {
		err = merr.NotFound("There is no such device")
	}
	return d, err
}

// DeleteDevices logs devices out and deletes them with all that was kept for them. Those that are not there are passed over.
func (s *Service) DeleteDevices(ctx context.Context, user store.Atom, deviceIDs []string) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		return s.deleteDevices(tx, user, func(d store.Device) bool { return slices.Contains(deviceIDs, d.DeviceID) })
	})
}

// Logout deletes the session's device. Source: client-server API, POST /logout.
func (s *Service) Logout(ctx context.Context, session *Session) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		return s.deleteDevices(tx, session.User, func(d store.Device) bool { return d.ID == session.Device })
	})
}

// LogoutAll deletes all devices of a user. Source: client-server API, POST /logout/all.
func (s *Service) LogoutAll(ctx context.Context, user store.Atom) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		return s.deleteDevices(tx, user, func(store.Device) bool { return true })
	})
}

func (s *Service) deleteDevices(tx *store.Tx, user store.Atom, chosen func(store.Device) bool) error {
	devices, err := tx.Devices(user)
	if err != nil {
		return err
	}
	devices = slices.DeleteFunc(devices, func(d store.Device) bool { return !chosen(d) })
	tx.OnCommit(func() { s.endSessions(user) })
	for _, d := range devices {
		if err := tx.DeleteDevice(d.ID); err != nil {
			return err
		}
	}
	for _, f := range s.followers {
		if err := f.DevicesDeleted(tx, user, devices); err != nil {
			return err
		}
	}
	return nil
}

// endSessions forgets what is known of a user's sessions, and wakes those that wait: they look whether they still are.
func (s *Service) endSessions(user store.Atom) {
	s.sessions.forgetUser(user)
	s.hub.Wake(int64(user))
}

// makeRoom logs out the device that was seen longest ago, where a user has as many as there can be.
func (s *Service) makeRoom(tx *store.Tx, user store.Atom) error {
	devices, err := tx.Devices(user)
	if err != nil || len(devices) < maxDevices {
		return err
	}
	oldest := slices.MinFunc(devices, func(a, b store.Device) int {
		return cmp.Compare(max(a.LastSeenTS, a.Created), max(b.LastSeenTS, b.Created))
	})
	return s.deleteDevices(tx, user, func(d store.Device) bool { return d.ID == oldest.ID })
}
