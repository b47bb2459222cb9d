package e2ee

import (
	"context"
	"encoding/json"
	"slices"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// KeysClaim is the answer of POST /keys/claim: user id to device id to algorithm:key_id to key.
type KeysClaim struct {
	OneTimeKeys map[string]map[string]map[string]json.RawMessage `json:"one_time_keys"`
	Failures    Failures                                         `json:"failures"`
}

// claim asks for one key.
type claim struct {
	userID, deviceID, algorithm string
	user                        store.Atom
	device                      int64
}

// Claim gives one key for each device, named by user id and device id with the algorithm wanted: the oldest one-time key, which
// nobody is given again, or the fallback key. Unknown users and devices, and devices without keys, are left out.
// Source: client-server API, POST /keys/claim.
func (s *Service) Claim(ctx context.Context, wanted map[string]map[string]string) (*KeysClaim, error) {
	answer := &KeysClaim{OneTimeKeys: map[string]map[string]map[string]json.RawMessage{}, Failures: Failures{}}
	claims, err := store.Get(ctx, s.db, func(r *store.Reader) ([]claim, error) { return s.claims(r, wanted, answer.Failures) })
	if err != nil {
		return nil, err
	}
	for part := range slices.Chunk(claims, claimsPerWrite) {
		var keys []store.OneTimeKey
		err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
			keys, err = claimAll(tx, part)
			return err
		})
		if err != nil {
			return nil, err
		}
		for i, k := range keys {
			if k.Algorithm != "" {
				answer.add(part[i], k)
				s.hub.Wake(int64(part[i].user)) // the device's counts
			}
		}
	}
	return answer, nil
}

// claims finds the devices.
func (s *Service) claims(r *store.Reader, wanted map[string]map[string]string, failures Failures) ([]claim, error) {
	var claims []claim
	for userID, devices := range wanted {
		local, err := s.isLocal(userID, failures)
		if err != nil || len(claims)+len(devices) > maxDevices {
			return nil, orTooMany(err, "A claim")
		}
		if !local {
			continue
		}
		user, err := localUser(r, userID)
		if err != nil {
			return nil, err
		}
		for deviceID, algorithm := range devices {
			device, found, err := r.Device(user, deviceID)
			if err != nil {
				return nil, err
			}
			if found {
				claims = append(claims, claim{userID, deviceID, algorithm, user, device.ID})
			}
		}
	}
	return claims, nil
}

func orTooMany(err error, what string) error {
	if err != nil {
		return err
	}
	return merr.TooLarge("%s can name %d devices", what, maxDevices)
}

// claimAll gives a key for each claim; its algorithm is empty where there was none.
func claimAll(tx *store.Tx, claims []claim) ([]store.OneTimeKey, error) {
	keys := make([]store.OneTimeKey, len(claims))
	for i, c := range claims {
		key, found, err := tx.ClaimOneTimeKey(c.device, c.algorithm)
		if err != nil {
			return nil, err
		}
		if found {
			keys[i] = key
		}
	}
	return keys, nil
}

func (k *KeysClaim) add(c claim, key store.OneTimeKey) {
	if k.OneTimeKeys[c.userID] == nil {
		k.OneTimeKeys[c.userID] = map[string]map[string]json.RawMessage{}
	}
	k.OneTimeKeys[c.userID][c.deviceID] = map[string]json.RawMessage{key.Algorithm + ":" + key.KeyID: key.JSON}
}
