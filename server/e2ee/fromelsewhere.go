package e2ee

import (
	"context"
	"encoding/json"

	"beffroi/server/store"
)

// DeliverToDevice queues messages that a user of another server sent, as SendToDevice does; the same message id of the same server again does nothing.
// Nothing is written where none of the devices is here. Who calls it has proven that the sender is of the server.
//
// Source: server-server API, "m.direct_to_device".
func (s *Service) DeliverToDevice(ctx context.Context, server, sender, eventType, messageID string, messages map[string]map[string]json.RawMessage) error {
	out := &outgoing{}
	err := s.db.Read(ctx, func(r *store.Reader) error { return s.address(r, sender, eventType, messages, out) })
	if err != nil || len(out.messages) == 0 {
		return err
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		name, err := tx.Atom(server)
		if err != nil {
			return err
		}
		return s.queue(tx, -int64(name), "toDevice", messageID, out) // no device has such a number
	})
}
