package e2ee

import (
	"context"

	"beffroi/server/store"
)

// What /sync tells a device. Every change of it wakes the device's user.
// Source: client-server API, "End-to-end encryption" and "Send-to-Device messaging", "Extensions to /sync".

// ToDevice gives the messages for a device with after < position ≤ upTo in the order of arrival, limit at most.
func (s *Service) ToDevice(r *store.Reader, device, after, upTo int64, limit int) ([]store.ToDevice, error) {
	return r.ToDeviceMessages(device, after, upTo, limit)
}

// Delivered tells whether messages with a position up to pos are still kept.
func (s *Service) Delivered(r *store.Reader, device, pos int64) (bool, error) {
	return r.HasToDeviceUpTo(device, pos)
}

// Acknowledge deletes the messages with a position up to pos: the device has shown that it received them.
func (s *Service) Acknowledge(ctx context.Context, device, pos int64) error {
	return s.db.Write(ctx, func(tx *store.Tx) error { return tx.AckToDevice(device, pos) })
}

// DeviceLists tells whose devices changed and who no longer shares a room with a user, since < position ≤ upTo.
func (s *Service) DeviceLists(r *store.Reader, user store.Atom, since, upTo int64) (changed, left []string, err error) {
	lists, err := r.DeviceListChanges(user, since, upTo)
	return lists.Changed, lists.Left, err
}

// KeyCounts gives the number of one-time keys by algorithm, and the algorithms with a fallback key that nobody claimed.
func (s *Service) KeyCounts(r *store.Reader, device int64) (oneTime map[string]int, unusedFallbacks []string, err error) {
	if oneTime, err = r.OneTimeKeyCounts(device); err != nil {
		return nil, nil, err
	}
	unusedFallbacks, err = r.UnusedFallbackTypes(device)
	return oneTime, unusedFallbacks, err
}
