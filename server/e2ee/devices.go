package e2ee

import (
	"context"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// AdmitDevice refuses a device id that is one of the user's cross-signing keys, or that of the dehydrated device.
// Source: client-server API, "Cross-signing": both name signing keys in one space; MSC3814: nobody logs in on a dehydrated device.
func (s *Service) AdmitDevice(tx *store.Tx, user store.Atom, deviceID string) error {
	if d, found, err := tx.Dehydrated(user); err != nil || found && d.DeviceID == deviceID {
		if err == nil {
			err = merr.Forbidden("The device id is that of the dehydrated device")
		}
		return err
	}
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

// DevicesDeleted removes the keys of devices that are gone, and wakes who must hear of it. Their messages are removed later, see Run.
func (s *Service) DevicesDeleted(tx *store.Tx, user store.Atom, devices []store.Device) error {
	changed := false
	for _, d := range devices {
		had, err := tx.ForgetDevice(d.ID, user, d.DeviceID)
		if err != nil {
			return err
		}
		changed = changed || had
	}
	tx.OnCommit(s.sweepSoon)
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

// DeviceRenamed tells the other servers where names are told, inside the write that gives a device its name.
func (s *Service) DeviceRenamed(tx *store.Tx, user store.Atom, deviceID string) error {
	if !s.namesTold {
		return nil
	}
	keys, err := tx.DeviceKeys(user, deviceID)
	if err != nil || keys == nil {
		return err
	}
	if err := tx.DeviceChanged(user, deviceID); err != nil {
		return err
	}
	users, err := tx.UsersSharingRooms(user)
	tx.OnCommit(func() { s.wake(append(users, user)) })
	return err
}

func (s *Service) sweepSoon() {
	select {
	case s.gone <- struct{}{}:
	default: // it is told already
	}
}

// Run removes the messages that waited for devices which are gone, at once and whenever devices were deleted, until ctx ends: there may
// be a hundred thousand for each, so they go in small writes. Where it fails it tells so and tries again the next time.
func (s *Service) Run(ctx context.Context) error {
	for {
		if err := s.sweepQueues(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn().Err(err).Msg("messages for deleted devices are still there")
		}
		select {
		case <-s.gone:
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Service) sweepQueues(ctx context.Context) error {
	var last int64
	for {
		device, err := store.Get(ctx, s.db, func(r *store.Reader) (int64, error) {
			device, _, err := r.OrphanQueue(last)
			return device, err
		})
		if err != nil || device == 0 {
			return err
		}
		if err := s.sweepQueue(ctx, device); err != nil {
			return err
		}
		last = device
	}
}

func (s *Service) sweepQueue(ctx context.Context, device int64) error {
	for more := true; more; {
		err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
			more, err = tx.PurgeToDevice(device, queuePerWrite)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
