package e2ee

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"maps"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// CrossSigningUpload are the keys of POST /keys/device_signing/upload.
type CrossSigningUpload struct {
	Master      json.RawMessage `json:"master_key"`
	SelfSigning json.RawMessage `json:"self_signing_key"`
	UserSigning json.RawMessage `json:"user_signing_key"`
}

// CrossSigning is an upload that was checked.
type CrossSigning struct {
	// Interactive tells that the upload replaces keys, which asks for user-interactive authentication.
	Interactive bool

	keys map[string]signingKey // by usage; empty where nothing is new
	seen map[string][]byte     // the stored keys that it was checked against
}

// signingKey is a cross-signing key. Its id as a signing key is "ed25519:" and the public key.
type signingKey struct {
	publicKey string // unpadded Base64
	json      []byte // canonical, with the user's own signatures only
}

func (k signingKey) keyID() string { return "ed25519:" + k.publicKey }

// CheckCrossSigning checks an upload of cross-signing keys: their form, the master key's signatures on the others, and that no public key is the
// id of a device. Errors: M_BAD_JSON, M_INVALID_PARAM, M_INVALID_SIGNATURE, M_MISSING_PARAM (no master key), M_FORBIDDEN (id in use).
// Source: client-server API, POST /keys/device_signing/upload.
func (s *Service) CheckCrossSigning(ctx context.Context, session *accounts.Session, upload *CrossSigningUpload) (*CrossSigning, error) {
	keys, err := parseCrossSigning(session.UserID, upload)
	if err != nil {
		return nil, err
	}
	checked := &CrossSigning{keys: keys}
	err = s.db.Read(ctx, func(r *store.Reader) (err error) {
		if checked.seen, err = r.CrossSigningKeys(session.User); err != nil {
			return err
		}
		return noDeviceIDs(r, session.User, keys)
	})
	if err != nil {
		return nil, err
	}
	return checked, checked.against(session.UserID)
}

func parseCrossSigning(userID string, upload *CrossSigningUpload) (map[string]signingKey, error) {
	keys := map[string]signingKey{}
	ids := map[string]bool{}
	for usage, raw := range map[string]json.RawMessage{store.UsageMaster: upload.Master, store.UsageSelfSigning: upload.SelfSigning,
		store.UsageUserSigning: upload.UserSigning} {
		if len(raw) == 0 || string(raw) == "null" {
			continue
		}
		key, err := parseCrossSigningKey(userID, usage, raw)
		if err != nil {
			return nil, err
		}
		if ids[key.publicKey] {
			return nil, merr.InvalidParam("The %s key is the same as another", usage)
		}
		keys[usage], ids[key.publicKey] = key, true
	}
	return keys, nil
}

// parseCrossSigningKey checks one key.
func parseCrossSigningKey(userID, usage string, raw json.RawMessage) (signingKey, error) {
	if len(raw) > maxDeviceKeys {
		return signingKey{}, merr.TooLarge("A cross-signing key is larger than %d bytes", maxDeviceKeys)
	}
	o, err := pdu.ParseObject(raw)
	if err != nil {
		return signingKey{}, merr.BadJSON("The %s key is not a canonical JSON object", usage).Because(err)
	}
	owner, isText := o.Text("user_id")
	usages, areTexts := o.Get("usage").Texts()
	keys, isObject := o.Get("keys").Object()
	if !isText || !areTexts || !isObject || !allTexts(keys) {
		return signingKey{}, merr.BadJSON("The %s key needs user_id, usage and keys", usage)
	}
	if err := checkSignatures(o); err != nil {
		return signingKey{}, err
	}
	if owner != userID || len(usages) != 1 || usages[0] != usage {
		return signingKey{}, merr.InvalidParam("The %s key names another user or usage", usage)
	}
	publicKey, err := onlyPublicKey(keys)
	if err != nil {
		return signingKey{}, merr.InvalidParam("The %s key must hold one public key, ed25519:PUBLIC_KEY", usage).Because(err)
	}
	canonical, err := withOwnSignatures(o, userID)
	return signingKey{publicKey, canonical}, err
}

// onlyPublicKey gives the one key of a cross-signing key, whose name holds the key itself.
func onlyPublicKey(keys pdu.Object) (publicKey string, err error) {
	all := maps.Collect(keys.All())
	for name, value := range all {
		publicKey, _ = value.Text()
		if len(all) != 1 || name != "ed25519:"+publicKey {
			return "", fmt.Errorf("%d keys, the last is %s", len(all), name)
		}
	}
	raw, err := decodeKey(publicKey)
	if err != nil || pdu.EncodeBase64(raw) != publicKey {
		return "", fmt.Errorf("%q is not an Ed25519 key in unpadded Base64", publicKey)
	}
	return publicKey, nil
}

func decodeKey(publicKey string) (ed25519.PublicKey, error) {
	raw, err := pdu.DecodeBase64(publicKey)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%q is not an Ed25519 key", publicKey)
	}
	return raw, nil
}

// noDeviceIDs refuses public keys that are ids of the user's devices: both name signing keys in one space.
func noDeviceIDs(r *store.Reader, user store.Atom, keys map[string]signingKey) error {
	for usage, key := range keys {
		_, found, err := r.Device(user, key.publicKey)
		if err != nil {
			return err
		}
		if found {
			return merr.Forbidden("The public %s key is the id of a device", usage)
		}
	}
	return nil
}

// against checks the upload against the stored keys, and leaves no keys where it brings nothing new.
func (c *CrossSigning) against(userID string) error {
	master, given := c.keys[store.UsageMaster]
	if !given && c.seen[store.UsageMaster] == nil {
		return merr.MissingParam("There is no master key")
	}
	isNew := false
	for usage, key := range c.keys {
		same := c.seen[usage] != nil && sameKey(c.seen[usage], key.json)
		isNew = isNew || !same
	}
	if !isNew {
		c.keys = nil
		return nil
	}
	c.Interactive = c.seen[store.UsageMaster] != nil
	if !given {
		var err error
		if master.publicKey, err = storedPublicKey(c.seen[store.UsageMaster]); err != nil {
			return err
		}
	}
	return c.signedBy(userID, master)
}

// signedBy makes sure that the master key signed the others.
func (c *CrossSigning) signedBy(userID string, master signingKey) error {
	public, err := decodeKey(master.publicKey)
	if err != nil {
		return err
	}
	for usage, key := range c.keys {
		if usage == store.UsageMaster {
			continue
		}
		if err := pdu.VerifyJSON(key.json, userID, master.keyID(), public); err != nil {
			return invalidSignature().Because(err)
		}
	}
	return nil
}

func invalidSignature() *merr.Error { return merr.New(400, "M_INVALID_SIGNATURE", "Invalid signature") }

// StoreCrossSigning keeps the keys of an upload that was checked and, where it has to be, authenticated.
func (s *Service) StoreCrossSigning(ctx context.Context, session *accounts.Session, upload *CrossSigning) error {
	if len(upload.keys) == 0 {
		return nil
	}
	replaced, err := upload.replaced()
	if err != nil {
		return err
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		seen, err := tx.CrossSigningKeys(session.User)
		if err != nil {
			return err
		}
		if !maps.EqualFunc(seen, upload.seen, bytes.Equal) {
			return merr.New(409, "M_UNKNOWN", "The keys changed meanwhile: try again")
		}
		if err := noDeviceIDs(&tx.Reader, session.User, upload.keys); err != nil {
			return err
		}
		if err := upload.put(tx, session.User, replaced); err != nil {
			return err
		}
		return tx.SigningKeysChanged(session.User)
	})
	if err == nil {
		s.wakeSharers(ctx, session.User)
	}
	return err
}

// replaced gives the stored keys that end: those in whose place others come, and with a master key all that it signed.
func (c *CrossSigning) replaced() (map[string]signingKey, error) {
	old := map[string]signingKey{}
	for usage, stored := range c.seen {
		publicKey, err := storedPublicKey(stored)
		if err != nil {
			return nil, err
		}
		if key, given := c.keys[usage]; !given || key.publicKey != publicKey {
			old[usage] = signingKey{publicKey: publicKey}
		}
	}
	if _, newMaster := old[store.UsageMaster]; !newMaster || c.keys[store.UsageMaster].publicKey == "" {
		maps.DeleteFunc(old, func(usage string, _ signingKey) bool { return c.keys[usage].publicKey == "" })
	}
	return old, nil
}

func (c *CrossSigning) put(tx *store.Tx, user store.Atom, replaced map[string]signingKey) error {
	for usage, old := range replaced {
		if err := tx.ForgetCrossSigningKey(user, usage); err != nil {
			return err
		}
		if err := tx.ForgetSignaturesOf(user, old.publicKey); err != nil {
			return err
		}
		if err := tx.ForgetSignaturesBy(user, old.keyID()); err != nil {
			return err
		}
	}
	for usage, key := range c.keys {
		if err := tx.PutCrossSigningKey(user, usage, key.json); err != nil {
			return err
		}
	}
	return nil
}

// storedPublicKey gives the public key of a cross-signing key that was checked when it came.
func storedPublicKey(key []byte) (string, error) {
	o, err := pdu.ParseObject(key)
	if err != nil {
		return "", err
	}
	return onlyPublicKey(o.Object("keys"))
}
