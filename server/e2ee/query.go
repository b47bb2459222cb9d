package e2ee

import (
	"context"
	"encoding/json"
	"slices"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// KeysQuery is the answer of POST /keys/query. Maps go from user id, for devices further from device id.
type KeysQuery struct {
	DeviceKeys      map[string]map[string]json.RawMessage `json:"device_keys"`
	MasterKeys      map[string]json.RawMessage            `json:"master_keys"`
	SelfSigningKeys map[string]json.RawMessage            `json:"self_signing_keys"`
	UserSigningKeys map[string]json.RawMessage            `json:"user_signing_keys"`
	Failures        Failures                              `json:"failures"`
}

// Query gives the keys of users: of the devices that are named, or of all where none is. Unknown users are left out.
// Source: client-server API, POST /keys/query; "Key and signature security" for who sees what.
func (s *Service) Query(ctx context.Context, session *accounts.Session, users map[string][]string) (*KeysQuery, error) {
	if len(users) > maxUsers {
		return nil, merr.TooLarge("A query can name %d users", maxUsers)
	}
	answer := &KeysQuery{DeviceKeys: map[string]map[string]json.RawMessage{}, MasterKeys: map[string]json.RawMessage{},
		SelfSigningKeys: map[string]json.RawMessage{}, UserSigningKeys: map[string]json.RawMessage{}, Failures: Failures{}}
	err := s.db.Read(ctx, func(r *store.Reader) error {
		for userID, devices := range users {
			local, err := s.isLocal(userID, answer.Failures)
			if err == nil && local {
				err = answer.add(r, session, userID, devices)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return answer, err
}

func (k *KeysQuery) add(r *store.Reader, session *accounts.Session, userID string, devices []string) error {
	user, err := localUser(r, userID)
	if err != nil || user == 0 {
		return err
	}
	signatures, err := newSignatures(r, user, session.User)
	if err != nil {
		return err
	}
	if err := k.addDevices(r, user, userID, devices, signatures); err != nil {
		return err
	}
	return k.addCrossSigning(r, user, userID, user == session.User, signatures)
}

func (k *KeysQuery) addDevices(r *store.Reader, user store.Atom, userID string, devices []string, signatures signatures) error {
	k.DeviceKeys[userID] = map[string]json.RawMessage{}
	keys, err := r.DeviceKeysOfUser(user)
	if err != nil {
		return err
	}
	for _, d := range keys {
		if len(devices) > 0 && !slices.Contains(devices, d.DeviceID) {
			continue
		}
		key, err := signatures.addTo(d.JSON, d.DeviceID)
		if err != nil {
			return err
		}
		if key["unsigned"], err = json.Marshal(displayName{d.DisplayName}); err != nil {
			return err
		}
		if k.DeviceKeys[userID][d.DeviceID], err = json.Marshal(key); err != nil {
			return err
		}
	}
	return nil
}

type displayName struct {
	Name string `json:"device_display_name,omitempty"`
}

// addCrossSigning adds the cross-signing keys; the user-signing key is for its owner alone.
func (k *KeysQuery) addCrossSigning(r *store.Reader, user store.Atom, userID string, own bool, signatures signatures) error {
	keys, err := r.CrossSigningKeys(user)
	if err != nil {
		return err
	}
	into := map[string]map[string]json.RawMessage{store.UsageMaster: k.MasterKeys, store.UsageSelfSigning: k.SelfSigningKeys}
	if own {
		into[store.UsageUserSigning] = k.UserSigningKeys
	}
	for usage, answer := range into {
		if keys[usage] == nil {
			continue
		}
		publicKey, err := storedPublicKey(keys[usage])
		if err != nil {
			return err
		}
		key, err := signatures.addTo(keys[usage], publicKey)
		if err != nil {
			return err
		}
		if answer[userID], err = json.Marshal(key); err != nil {
			return err
		}
	}
	return nil
}

// signatures are those that were uploaded apart, by key id, signer and the signer's key.
type signatures map[string]map[string]map[string]string

// newSignatures reads the signatures on a user's keys that viewer may see.
func newSignatures(r *store.Reader, user, viewer store.Atom) (signatures, error) {
	list, err := r.KeySignatures(user, viewer)
	all := signatures{}
	for _, s := range list {
		signer, err := r.Text(s.Signer)
		if err != nil {
			return nil, err
		}
		if all[s.KeyID] == nil {
			all[s.KeyID] = map[string]map[string]string{}
		}
		if all[s.KeyID][signer] == nil {
			all[s.KeyID][signer] = map[string]string{}
		}
		all[s.KeyID][signer][s.SignerKey] = s.Signature
	}
	return all, err
}

// addTo gives a stored key with its signatures.
func (s signatures) addTo(key []byte, keyID string) (object, error) {
	var o object
	if err := json.Unmarshal(key, &o); err != nil || s[keyID] == nil {
		return o, err
	}
	all := map[string]map[string]string{}
	if o["signatures"] != nil {
		if err := json.Unmarshal(o["signatures"], &all); err != nil {
			return nil, err
		}
	}
	for signer, keys := range s[keyID] {
		for id, signature := range keys {
			if all[signer] == nil {
				all[signer] = map[string]string{}
			}
			all[signer][id] = signature
		}
	}
	var err error
	o["signatures"], err = json.Marshal(all)
	return o, err
}
