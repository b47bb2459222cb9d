package e2ee

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Remote asks other servers for what they know of their users. Answers are JSON, not yet parsed, of bounded size; errors are those that clients may read.
type Remote interface {
	// UserDevices is GET /_matrix/federation/v1/user/devices/{userId}. M_NOT_FOUND: there is no such user.
	UserDevices(ctx context.Context, server, userID string) ([]byte, error)
	// QueryKeys is POST /_matrix/federation/v1/user/keys/query.
	QueryKeys(ctx context.Context, server string, body []byte) ([]byte, error)
	// ClaimKeys is POST /_matrix/federation/v1/user/keys/claim.
	ClaimKeys(ctx context.Context, server string, body []byte) ([]byte, error)
}

// The limits of what other servers may say.
const (
	maxRemoteDevices = 1000    // of a user
	maxRemoteKeys    = 1 << 20 // of a user's devices and cross-signing keys, in bytes
	serversAtATime   = 20      // that one request of a client asks
	usersAtATime     = 3       // of one server, whose lists one request of a client fetches
	maxFetched       = 10      // lists of one server that are fetched for one request; more are asked for together, and fetched later
	usualTimeout     = 10 * time.Second
	mostTimeout      = time.Minute
)

// remoteKeys is what another server says of one of its users, checked.
type remoteKeys struct {
	devices []store.RemoteDevice
	cross   map[string]signingKey // by usage: master and self_signing
}

// remoteDevice is a device as servers tell of it.
type remoteDevice struct {
	ID   string          `json:"device_id"`
	Keys json.RawMessage `json:"keys"`
	Name string          `json:"device_display_name"`
}

var errTooMuch = errors.New("more devices, or more bytes of keys, than a user can have")

// checkRemote takes what is right of a user's keys: devices whose keys name their user and device, a master key, and a self-signing key that it signed. One
// that is not so is left out, as if it were not there. It is an error where a user has too much.
func checkRemote(userID string, devices []remoteDevice, master, selfSigning json.RawMessage) (remoteKeys, error) {
	k := remoteKeys{cross: map[string]signingKey{}}
	if len(devices) > maxRemoteDevices {
		return k, errTooMuch
	}
	size, known := len(master)+len(selfSigning), map[string]bool{}
	for _, d := range devices {
		keys, err := parseDeviceKeys(userID, d.ID, d.Keys)
		if err != nil || known[d.ID] || d.ID == "" || len(d.ID) > maxIDLength {
			continue
		}
		known[d.ID] = true
		size += len(keys)
		k.devices = append(k.devices, store.RemoteDevice{ID: d.ID, Name: shortName(d.Name), JSON: keys})
	}
	if size > maxRemoteKeys {
		return k, errTooMuch
	}
	k.cross = checkRemoteCross(userID, master, selfSigning, known)
	return k, nil
}

// checkRemoteCross takes the cross-signing keys that are right, and are no ids of devices.
func checkRemoteCross(userID string, master, selfSigning json.RawMessage, devices map[string]bool) map[string]signingKey {
	keys := map[string]signingKey{}
	m, err := parseCrossSigningKey(userID, store.UsageMaster, master)
	if err != nil || devices[m.publicKey] {
		return keys
	}
	keys[store.UsageMaster] = m
	s, err := parseCrossSigningKey(userID, store.UsageSelfSigning, selfSigning)
	if err != nil || devices[s.publicKey] || s.publicKey == m.publicKey {
		return keys
	}
	both := CrossSigning{keys: map[string]signingKey{store.UsageSelfSigning: s}}
	if both.signedBy(userID, m) == nil {
		keys[store.UsageSelfSigning] = s
	}
	return keys
}

// shortName cuts what another server calls a device.
func shortName(name string) string {
	if len(name) <= maxIDLength {
		return name
	}
	return ""
}

// parseUserDevices reads the answer of user/devices.
func parseUserDevices(userID string, answer []byte) (remoteKeys, int64, error) {
	var list struct {
		UserID      string          `json:"user_id"`
		StreamID    *int64          `json:"stream_id"`
		Devices     []remoteDevice  `json:"devices"`
		Master      json.RawMessage `json:"master_key"`
		SelfSigning json.RawMessage `json:"self_signing_key"`
	}
	if err := json.Unmarshal(answer, &list); err != nil {
		return remoteKeys{}, 0, err
	}
	if list.UserID != userID || list.StreamID == nil {
		return remoteKeys{}, 0, errors.New("these are not the devices that were asked for")
	}
	keys, err := checkRemote(userID, list.Devices, list.Master, list.SelfSigning)
	return keys, *list.StreamID, err
}

// queryAnswer is the answer of user/keys/query.
type queryAnswer struct {
	Devices     map[string]map[string]json.RawMessage `json:"device_keys"`
	Master      map[string]json.RawMessage            `json:"master_keys"`
	SelfSigning map[string]json.RawMessage            `json:"self_signing_keys"`
}

// of gives what is right of the keys of one user.
func (a *queryAnswer) of(userID string) (remoteKeys, error) {
	devices := make([]remoteDevice, 0, min(len(a.Devices[userID]), maxRemoteDevices+1))
	for id, keys := range a.Devices[userID] {
		var named struct {
			Unsigned displayName `json:"unsigned"`
		}
		_ = json.Unmarshal(keys, &named) // keys that are no object are left out below
		devices = append(devices, remoteDevice{id, keys, named.Unsigned.Name})
	}
	return checkRemote(userID, devices, a.Master[userID], a.SelfSigning[userID])
}

// checkOwner makes sure that a server speaks of a user of its own.
func (s *Service) checkOwner(origin, userID string) error {
	if !pdu.ValidUserID(userID) || pdu.ServerOf(userID) != origin || origin == s.serverName {
		return errors.New("a server can tell of its own users only")
	}
	return nil
}
