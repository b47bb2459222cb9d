package rooms

import (
	"context"
	"encoding/json"

	"beffroi/server/store"
)

// SendDelayed sends an event that its sender scheduled, judged by the rules of now. The same delay id gives the same event. A user who leaves
// so may seem to type until that ends by itself.
//
// Source: MSC4140.
func (s *Service) SendDelayed(ctx context.Context, u User, roomID, eventType string, stateKey *string, delayID string, content json.RawMessage) (string, error) {
	txnID := store.DelayedTxn + delayID
	if stateKey == nil {
		return s.Send(ctx, u, roomID, eventType, txnID, content)
	}
	if err := s.settableIn(ctx, roomID, eventType, *stateKey, content); err != nil {
		return "", err
	}
	if eventType == "m.room.member" {
		if err := s.ownMembership(ctx, u, roomID, *stateKey, content); err != nil {
			return "", err
		}
		content = withoutAuthoriser(content)
	}
	return s.once(ctx, roomID, txnKey{u.Device, "state/" + eventType, txnID}, func(*live) (draft, error) {
		return draft{sender: u, kind: eventType, stateKey: stateKey, content: content}, nil
	})
}
