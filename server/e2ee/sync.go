package e2ee

import (
	"context"

	"beffroi/server/store"
)

// What /sync tells a device it reads from the store. Every change of it wakes the device's user.
// Source: client-server API, "End-to-end encryption" and "Send-to-Device messaging", "Extensions to /sync".

// Acknowledge deletes the messages with a position up to pos: the device has shown that it received them.
func (s *Service) Acknowledge(ctx context.Context, device, pos int64) error {
	return s.db.Write(ctx, func(tx *store.Tx) error { return tx.AckToDevice(device, pos) })
}
