package rooms

import (
	"context"
	"encoding/json"
)

// BeginSend queues a message as Send does and gives a function that waits for this one write.
func (s *Service) BeginSend(ctx context.Context, u User, roomID, eventType, txnID string, content json.RawMessage) (func() error, error) {
	w, _, err := s.beginOnce(ctx, roomID, txnKey{u.Device, "send/" + eventType, txnID}, func(*live) (draft, error) {
		return draft{sender: u, kind: eventType, content: content}, nil
	})
	if err != nil {
		return nil, err
	}
	return func() error {
		_, err := w.settled()
		return err
	}, nil
}

// IsStale tells whether a write failed because the one before it did.
var IsStale = isStale

// ForgetTxns forgets old transaction ids, as Run does.
func (s *Service) ForgetTxns(ctx context.Context) error { return s.forgetTxns(ctx) }
