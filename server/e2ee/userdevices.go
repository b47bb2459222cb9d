package e2ee

import (
	"context"
	"encoding/json"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// UserDevices is what another server keeps of a user: their devices with keys, as they stood at a place of the stream of the user's changes.
type UserDevices struct {
	UserID      string          `json:"user_id"`
	StreamID    int64           `json:"stream_id"`
	Devices     []UserDevice    `json:"devices"`
	Master      json.RawMessage `json:"master_key,omitempty"`
	SelfSigning json.RawMessage `json:"self_signing_key,omitempty"`
}

// UserDevice is one of them; the name that its owner gave it is there where names are told.
type UserDevice struct {
	ID   string          `json:"device_id"`
	Keys json.RawMessage `json:"keys"`
	Name string          `json:"device_display_name,omitempty"`
}

// UserDevices gives those of a local user, with no more than everybody may have: 404 M_NOT_FOUND where there is no such user.
//
// Source: server-server API, "GET /_matrix/federation/v1/user/devices/{userId}".
func (s *Service) UserDevices(ctx context.Context, userID string) (*UserDevices, error) {
	answer := &UserDevices{UserID: userID, Devices: []UserDevice{}}
	err := s.db.Read(ctx, func(r *store.Reader) error {
		user, err := localUser(r, userID)
		if err == nil && user == 0 {
			err = merr.NotFound("There is no such user")
		}
		if err != nil {
			return err
		}
		return answer.read(r, user, s.namesTold)
	})
	return answer, err
}

func (u *UserDevices) read(r *store.Reader, user store.Atom, names bool) (err error) {
	if u.StreamID, err = r.DeviceListPos(user); err != nil {
		return err
	}
	keys, err := r.DeviceKeysOfUser(user)
	if err != nil {
		return err
	}
	signatures, err := newSignatures(r, user, 0)
	if err != nil {
		return err
	}
	for _, d := range keys {
		key, err := signatures.addTo(d.JSON, d.DeviceID)
		if err != nil {
			return err
		}
		raw, err := json.Marshal(key)
		if err != nil {
			return err
		}
		device := UserDevice{ID: d.DeviceID, Keys: raw}
		if names {
			device.Name = d.DisplayName
		}
		u.Devices = append(u.Devices, device)
	}
	cross := newKeysQuery()
	keysOf := userKeys{userID: u.UserID, signatures: signatures}
	if keysOf.cross, err = r.CrossSigningKeys(user); err != nil {
		return err
	}
	err = cross.addCrossSigning(keysOf, false)
	u.Master, u.SelfSigning = cross.MasterKeys[u.UserID], cross.SelfSigningKeys[u.UserID]
	return err
}
