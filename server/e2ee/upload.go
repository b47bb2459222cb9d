package e2ee

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// KeysUpload is the body of POST /keys/upload.
type KeysUpload struct {
	DeviceKeys   json.RawMessage            `json:"device_keys"`
	OneTimeKeys  map[string]json.RawMessage `json:"one_time_keys"` // algorithm:key_id
	FallbackKeys map[string]json.RawMessage `json:"fallback_keys"`
}

// Upload keeps the keys of the session's device and gives the numbers of its unclaimed one-time keys by algorithm.
// Keys of another user or device are M_INVALID_PARAM. A one-time key with the id of an unclaimed one and other content is refused.
// Source: client-server API, POST /keys/upload.
func (s *Service) Upload(ctx context.Context, session *accounts.Session, upload *KeysUpload) (map[string]int, error) {
	if session.DeviceID == "" {
		return nil, merr.MissingParam("device_id is missing: keys are those of a device")
	}
	keys, err := parseUpload(session, upload)
	if err != nil {
		return nil, err
	}
	var counts map[string]int
	changed := false
	err = s.db.Write(ctx, func(tx *store.Tx) (err error) {
		if err = stillThere(tx, session); err != nil {
			return err
		}
		if changed, err = keys.put(tx, session); err != nil {
			return err
		}
		counts, err = countKeys(tx, session.Device)
		return err
	})
	switch {
	case err == nil && changed:
		s.wakeSharers(ctx, session.User)
	case err == nil:
		s.hub.Wake(int64(session.User)) // the counts
	}
	return counts, err
}

// countKeys counts a device's one-time keys and refuses keys of too many algorithms: each has rows of its own.
func countKeys(tx *store.Tx, device int64) (map[string]int, error) {
	counts, err := tx.OneTimeKeyCounts(device)
	if err != nil {
		return nil, err
	}
	fallbacks, err := tx.FallbackKeys(device)
	if err == nil && max(len(counts), fallbacks) > maxAlgorithms {
		err = merr.TooLarge("A device can have keys of %d algorithms", maxAlgorithms)
	}
	return counts, err
}

// keySet is what a device uploads, checked and in canonical form.
type keySet struct {
	device   []byte // nil: none
	oneTime  map[string][]store.OneTimeKey
	fallback map[string][]store.OneTimeKey
}

func parseUpload(session *accounts.Session, upload *KeysUpload) (k keySet, err error) {
	if len(upload.DeviceKeys) > 0 && string(upload.DeviceKeys) != "null" {
		if k.device, err = parseDeviceKeys(session.UserID, session.DeviceID, upload.DeviceKeys); err != nil {
			return k, err
		}
	}
	if k.oneTime, err = parseOneTimeKeys(upload.OneTimeKeys); err != nil {
		return k, err
	}
	if k.fallback, err = parseOneTimeKeys(upload.FallbackKeys); err != nil {
		return k, err
	}
	for algorithm, keys := range k.fallback {
		if len(keys) > 1 {
			return k, merr.InvalidParam("There can be one fallback key for %s", algorithm)
		}
	}
	return k, nil
}

// parseDeviceKeys checks identity keys. Whether they are signed is for the clients that use them to check: they can't trust this server
// with it, and not all clients sign.
func parseDeviceKeys(owner, device string, raw json.RawMessage) ([]byte, error) {
	if len(raw) > maxDeviceKeys {
		return nil, merr.TooLarge("device_keys is larger than %d bytes", maxDeviceKeys)
	}
	o, err := pdu.ParseObject(raw)
	if err != nil {
		return nil, merr.BadJSON("device_keys is not a canonical JSON object").Because(err)
	}
	userID, isText := o.Text("user_id")
	deviceID, isText2 := o.Text("device_id")
	_, areTexts := o.Get("algorithms").Texts()
	keys, isObject := o.Get("keys").Object()
	if !isText || !isText2 || !areTexts || !isObject || !allTexts(keys) {
		return nil, merr.BadJSON("device_keys needs user_id, device_id, algorithms and keys")
	}
	if err := checkSignatures(o); err != nil {
		return nil, err
	}
	if userID != owner || deviceID != device {
		return nil, merr.InvalidParam("device_keys must be those of this user and device")
	}
	return withOwnSignatures(o, userID)
}

// parseOneTimeKeys checks keys and sorts them by algorithm.
func parseOneTimeKeys(raw map[string]json.RawMessage) (map[string][]store.OneTimeKey, error) {
	keys := map[string][]store.OneTimeKey{}
	for name, content := range raw {
		algorithm, id, _ := strings.Cut(name, ":")
		if algorithm == "" || id == "" || len(name) > maxIDLength {
			return nil, merr.InvalidParam("%.300q is not algorithm:key_id", name)
		}
		if len(content) > maxOneTimeKey {
			return nil, merr.TooLarge("The key %s is larger than %d bytes", name, maxOneTimeKey)
		}
		canonical, err := parseOneTimeKey(content)
		if err != nil {
			return nil, merr.BadJSON("The key %s is neither text nor a signed key", name).Because(err)
		}
		keys[algorithm] = append(keys[algorithm], store.OneTimeKey{Algorithm: algorithm, KeyID: id, JSON: canonical})
	}
	for _, k := range keys {
		slices.SortFunc(k, func(a, b store.OneTimeKey) int { return strings.Compare(a.KeyID, b.KeyID) }) // as the index has them
	}
	return keys, nil
}

// parseOneTimeKey checks a key. Source: client-server API, "Key algorithms".
func parseOneTimeKey(raw []byte) ([]byte, error) {
	v, err := pdu.Parse(raw)
	if err != nil {
		return nil, err
	}
	if _, ok := v.Text(); ok {
		return v.Raw(), nil
	}
	o, ok := v.Object()
	if _, isText := o.Text("key"); !ok || !isText || !o.Get("signatures").Exists() {
		return nil, errors.New("key or signatures missing")
	}
	return v.Raw(), checkSignatures(o)
}

// put writes the keys and tells whether the device's identity keys changed.
func (k keySet) put(tx *store.Tx, session *accounts.Session) (changed bool, err error) {
	if k.device != nil {
		if changed, err = tx.PutDeviceKeys(session.User, session.DeviceID, k.device); err != nil {
			return false, err
		}
	}
	if changed {
		if err := tx.DeviceChanged(session.User, session.DeviceID); err != nil {
			return false, err
		}
	}
	for _, keys := range k.oneTime {
		if err := addOneTimeKeys(tx, session.Device, keys); err != nil {
			return false, err
		}
	}
	for _, keys := range k.fallback {
		if err := tx.PutFallbackKey(session.Device, keys[0]); err != nil {
			return false, err
		}
	}
	return changed, nil
}

// addOneTimeKeys adds keys of one algorithm. All keys of an upload share a position: the order within it means nothing.
func addOneTimeKeys(tx *store.Tx, device int64, keys []store.OneTimeKey) error {
	held, err := tx.OneTimeKeys(device, keys[0].Algorithm)
	if err != nil {
		return err
	}
	pos, err := tx.NextPos()
	if err != nil {
		return err
	}
	for _, k := range keys {
		if old, ok := held[k.KeyID]; ok {
			if !sameKey(old, k.JSON) {
				return merr.New(400, "M_UNKNOWN", "One time key %s:%s already exists with other content", k.Algorithm, k.KeyID)
			}
			continue
		}
		if len(held) == maxKeysHeld {
			return merr.TooLarge("A device can have %d unclaimed keys for %s", maxKeysHeld, k.Algorithm)
		}
		held[k.KeyID] = k.JSON
		if err := tx.AddOneTimeKey(device, pos, k); err != nil {
			return err
		}
	}
	return nil
}

// sameKey compares canonical keys; a key signed anew is the same.
func sameKey(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	first, errA := pdu.ParseObject(a)
	second, errB := pdu.ParseObject(b)
	if errA != nil || errB != nil {
		return false
	}
	bare, errA := unsigned(first)
	other, errB := unsigned(second)
	return errA == nil && errB == nil && bytes.Equal(bare, other)
}
