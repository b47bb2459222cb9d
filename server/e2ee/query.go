package e2ee

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// KeysQuery is the answer of POST /keys/query. Maps go from user id, for devices further from device id.
type KeysQuery struct {
	DeviceKeys      map[string]map[string]json.RawMessage `json:"device_keys"`
	MasterKeys      map[string]json.RawMessage            `json:"master_keys"`
	SelfSigningKeys map[string]json.RawMessage            `json:"self_signing_keys"`
	UserSigningKeys map[string]json.RawMessage            `json:"user_signing_keys"`
	Failures        Failures                              `json:"failures"`

	unnamed bool // names of devices are left out
}

func newKeysQuery() *KeysQuery {
	return &KeysQuery{DeviceKeys: map[string]map[string]json.RawMessage{}, MasterKeys: map[string]json.RawMessage{},
		SelfSigningKeys: map[string]json.RawMessage{}, UserSigningKeys: map[string]json.RawMessage{}, Failures: Failures{}}
}

// Query gives the keys of users: of the devices that are named, or of all where none is. Unknown users are left out. Users of other servers whose devices are
// not kept here are asked for, within the timeout.
// Source: client-server API, POST /keys/query; "Key and signature security" for who sees what.
func (s *Service) Query(ctx context.Context, session *accounts.Session, users map[string][]string, timeout time.Duration) (*KeysQuery, error) {
	answer := newKeysQuery()
	var lacking map[string][]lack
	err := s.db.Read(ctx, func(r *store.Reader) (err error) {
		lacking, err = s.answerFrom(r, session.User, users, answer)
		return err
	})
	if err != nil || len(lacking) == 0 {
		return answer, err
	}
	return answer, s.askFor(ctx, session, lacking, timeout, answer)
}

// QueryLocal is Query for another server, which gets what everybody may have of local users: no user-signing keys, no signatures of users on others, and the
// names that people gave their devices only where these are told.
// Source: server-server API, POST /user/keys/query.
func (s *Service) QueryLocal(ctx context.Context, users map[string][]string) (*KeysQuery, error) {
	answer := newKeysQuery()
	answer.unnamed = !s.namesTold
	return answer, s.db.Read(ctx, func(r *store.Reader) error {
		_, err := s.answerFrom(r, 0, users, answer)
		return err
	})
}

// answerFrom answers from the database, and gives by server the users whose devices are not here, or not up to date.
func (s *Service) answerFrom(r *store.Reader, viewer store.Atom, users map[string][]string, answer *KeysQuery) (map[string][]lack, error) {
	if len(users) > maxUsers {
		return nil, merr.TooLarge("A query can name %d users", maxUsers)
	}
	lacking := map[string][]lack{}
	for userID, devices := range users {
		local, err := s.isLocal(userID)
		if err != nil {
			return nil, err
		}
		var user store.Atom
		if local {
			user, err = localUser(r, userID)
		} else {
			user, err = r.FindAtom(userID)
		}
		if err != nil {
			return nil, err
		}
		if !local {
			l, isLack, err := lackOf(r, user, userID, devices)
			if err != nil {
				return nil, err
			}
			if isLack {
				lacking[pdu.ServerOf(userID)] = append(lacking[pdu.ServerOf(userID)], l)
				continue
			}
		}
		if user == 0 {
			continue
		}
		if err := answer.read(r, viewer, user, userID, devices); err != nil {
			return nil, err
		}
	}
	return lacking, nil
}

// userKeys are the keys of a user and what else belongs to them.
type userKeys struct {
	userID     string
	devices    []store.DeviceKeys
	cross      map[string][]byte // by usage
	signatures signatures        // that were uploaded apart, and the viewer may see
}

// read adds the keys of a user that are here.
func (k *KeysQuery) read(r *store.Reader, viewer, user store.Atom, userID string, wanted []string) (err error) {
	u := userKeys{userID: userID}
	if u.signatures, err = newSignatures(r, user, viewer); err != nil {
		return err
	}
	if u.devices, err = r.DeviceKeysOfUser(user); err != nil {
		return err
	}
	if u.cross, err = r.CrossSigningKeys(user); err != nil {
		return err
	}
	if err := k.addDevices(u, wanted); err != nil {
		return err
	}
	return k.addCrossSigning(u, user == viewer)
}

func (k *KeysQuery) addDevices(u userKeys, wanted []string) error {
	k.DeviceKeys[u.userID] = map[string]json.RawMessage{}
	for _, d := range u.devices {
		if len(wanted) > 0 && !slices.Contains(wanted, d.DeviceID) {
			continue
		}
		key, err := u.signatures.addTo(d.JSON, d.DeviceID)
		if err != nil {
			return err
		}
		if delete(key, "unsigned"); !k.unnamed {
			if key["unsigned"], err = json.Marshal(displayName{d.DisplayName}); err != nil {
				return err
			}
		}
		if k.DeviceKeys[u.userID][d.DeviceID], err = json.Marshal(key); err != nil {
			return err
		}
	}
	return nil
}

type displayName struct {
	Name string `json:"device_display_name,omitempty"`
}

// addCrossSigning adds the cross-signing keys; the user-signing key is for its owner alone.
func (k *KeysQuery) addCrossSigning(u userKeys, own bool) error {
	into := map[string]map[string]json.RawMessage{store.UsageMaster: k.MasterKeys, store.UsageSelfSigning: k.SelfSigningKeys}
	if own {
		into[store.UsageUserSigning] = k.UserSigningKeys
	}
	for usage, answer := range into {
		if u.cross[usage] == nil {
			continue
		}
		publicKey, err := storedPublicKey(u.cross[usage])
		if err != nil {
			return err
		}
		key, err := u.signatures.addTo(u.cross[usage], publicKey)
		if err != nil {
			return err
		}
		if answer[u.userID], err = json.Marshal(key); err != nil {
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
