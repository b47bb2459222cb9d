package pusher

import (
	"context"
	"encoding/json"

	"beffroi/server/store"
)

// Pusher is a pusher as its user reads it. Spec: GET /pushers; MSC3881 and MSC4174 for the rest.
type Pusher struct {
	about
	AppID     string `json:"app_id"`
	Pushkey   string `json:"pushkey"`
	Kind      string `json:"kind"`
	Enabled   bool   `json:"org.matrix.msc3881.enabled"`
	DeviceID  string `json:"org.matrix.msc3881.device_id,omitempty"`
	Activated *bool  `json:"activated,omitempty"` // of Web Push only
}

// List gives a user's pushers.
func (s *Service) List(ctx context.Context, user store.Atom) ([]Pusher, error) {
	rows, err := store.Get(ctx, s.db, func(r *store.Reader) ([]store.Pusher, error) { return r.PushersOf(user) })
	if err != nil {
		return nil, err
	}
	list := make([]Pusher, len(rows))
	for i, row := range rows {
		list[i] = Pusher{AppID: row.AppID, Pushkey: row.Pushkey, Kind: row.Kind, Enabled: row.Enabled, DeviceID: row.DeviceID}
		if err := json.Unmarshal(row.About, &list[i].about); err != nil {
			return nil, err
		}
		if isWebPush(row.Kind) {
			list[i].Activated = &rows[i].Activated
		}
	}
	return list, nil
}
