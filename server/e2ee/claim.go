package e2ee

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"beffroi/server/merr"
	"beffroi/server/pdu"
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
// nobody is given again, or the fallback key. Unknown users and devices, and devices without keys, are left out. Other servers are asked for
// keys of theirs, within the timeout. Source: client-server API, POST /keys/claim.
func (s *Service) Claim(ctx context.Context, wanted map[string]map[string]string, timeout time.Duration) (*KeysClaim, error) {
	answer, theirs, err := s.claimOwn(ctx, wanted)
	if err == nil && len(theirs) > 0 {
		s.claimOf(ctx, theirs, timeout, answer)
	}
	return answer, err
}

// ClaimLocal is Claim for another server: of devices here.
// Source: server-server API, POST /user/keys/claim.
func (s *Service) ClaimLocal(ctx context.Context, wanted map[string]map[string]string) (*KeysClaim, error) {
	answer, _, err := s.claimOwn(ctx, wanted)
	return answer, err
}

// claimOwn claims keys of devices here, and gives by server what is wanted of others.
func (s *Service) claimOwn(ctx context.Context, wanted map[string]map[string]string) (*KeysClaim, map[string]remoteClaims, error) {
	answer := &KeysClaim{OneTimeKeys: map[string]map[string]map[string]json.RawMessage{}, Failures: Failures{}}
	theirs := map[string]remoteClaims{}
	claims, err := store.Get(ctx, s.db, func(r *store.Reader) ([]claim, error) { return s.claims(r, wanted, theirs) })
	if err != nil {
		return nil, nil, err
	}
	for part := range slices.Chunk(claims, claimsPerWrite) {
		var keys []store.OneTimeKey
		err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
			keys, err = claimAll(tx, part)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		for i, k := range keys {
			if k.Algorithm != "" {
				answer.add(part[i].userID, part[i].deviceID, k)
				s.hub.Wake(int64(part[i].user)) // the device's counts
			}
		}
	}
	return answer, theirs, nil
}

// claims finds the devices here, and sorts those of other servers by server.
func (s *Service) claims(r *store.Reader, wanted map[string]map[string]string, theirs map[string]remoteClaims) ([]claim, error) {
	var claims []claim
	n := 0
	for userID, devices := range wanted {
		n += len(devices)
		local, err := s.isLocal(userID)
		if err != nil || n > maxDevices {
			return nil, orTooMany(err, "A claim")
		}
		if !local {
			theirs[pdu.ServerOf(userID)] = theirs[pdu.ServerOf(userID)].with(userID, devices)
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

func (k *KeysClaim) add(userID, deviceID string, key store.OneTimeKey) {
	if k.OneTimeKeys[userID] == nil {
		k.OneTimeKeys[userID] = map[string]map[string]json.RawMessage{}
	}
	k.OneTimeKeys[userID][deviceID] = map[string]json.RawMessage{key.Algorithm + ":" + key.KeyID: key.JSON}
}
