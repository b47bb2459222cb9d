package e2ee

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// SignatureFailures tells by user id and key id what was wrong with a signed key.
type SignatureFailures map[string]map[string]*merr.Error

func (f SignatureFailures) add(userID, keyID string, err *merr.Error) {
	if f[userID] == nil {
		f[userID] = map[string]*merr.Error{}
	}
	f[userID][keyID] = err
}

// UploadSignatures keeps the signatures of the session's user on keys, by user id and key id (a device id, or a public key): by the
// self-signing key on own devices, by own devices on the own master key, and by the user-signing key on other users' master keys.
// What was wrong with a key is told; it keeps nothing else from being stored.
// Source: client-server API, POST /keys/signatures/upload.
func (s *Service) UploadSignatures(ctx context.Context, session *accounts.Session, signed map[string]map[string]json.RawMessage) (SignatureFailures, error) {
	if tooManyKeys(signed) {
		return nil, merr.TooLarge("An upload can hold %d signed keys", maxSignatures)
	}
	failures := SignatureFailures{}
	var checked []store.KeySignature
	err := s.db.Read(ctx, func(r *store.Reader) (err error) {
		c := signatureCheck{r: r, session: session}
		if c.own, err = r.CrossSigningKeys(session.User); err != nil {
			return err
		}
		for userID, keys := range signed {
			for keyID, raw := range keys {
				found, err := c.check(userID, keyID, raw)
				if public := asMatrixError(err); public != nil {
					failures.add(userID, keyID, public)
				} else if err != nil {
					return err
				}
				checked = append(checked, found...)
			}
		}
		return nil
	})
	if err == nil && len(checked) > 0 {
		err = s.storeSignatures(ctx, session.User, checked)
	}
	return failures, err
}

func tooManyKeys(signed map[string]map[string]json.RawMessage) bool {
	n := 0
	for _, keys := range signed {
		n += len(keys)
	}
	return n > maxSignatures
}

// asMatrixError gives the public error in err, nil where there is none.
func asMatrixError(err error) *merr.Error {
	if e := merr.From(err); err != nil && e.Status < 500 {
		return e
	}
	return nil
}

// storeSignatures keeps signatures that were checked. Those on own keys are news for all who share a room, those on others' for the signer.
func (s *Service) storeSignatures(ctx context.Context, user store.Atom, checked []store.KeySignature) error {
	own := false
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		pos, err := tx.NextPos()
		if err != nil {
			return err
		}
		for _, signature := range checked {
			isNew, err := tx.PutKeySignature(signature, pos)
			if err != nil {
				return err
			}
			if !isNew || signature.User != user {
				continue
			}
			own = true
			if err := signedOwn(tx, signature); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && own {
		s.wakeSharers(ctx, user)
	} else if err == nil {
		s.hub.Wake(int64(user))
	}
	return err
}

// signedOwn tells of a new signature on a key of its own user: a device's or one for cross-signing.
func signedOwn(tx *store.Tx, signature store.KeySignature) error {
	device, err := tx.DeviceKeys(signature.User, signature.KeyID)
	if err != nil {
		return err
	}
	if device != nil {
		return tx.DeviceChanged(signature.User, signature.KeyID)
	}
	return tx.SigningKeysChanged(signature.User)
}

// signatureCheck checks the signatures of one user.
type signatureCheck struct {
	r       *store.Reader
	session *accounts.Session
	own     map[string][]byte // the user's cross-signing keys by usage
}

// check gives the new signatures on one key.
func (c *signatureCheck) check(userID, keyID string, raw json.RawMessage) ([]store.KeySignature, error) {
	if len(raw) > maxDeviceKeys {
		return nil, merr.TooLarge("A signed key is larger than %d bytes", maxDeviceKeys)
	}
	o, err := pdu.ParseObject(raw)
	if err != nil {
		return nil, merr.BadJSON("A signed key must be a canonical JSON object").Because(err)
	}
	if err := checkSignatures(o); err != nil {
		return nil, err
	}
	user, err := c.r.FindAtom(userID) // of this server or another: what counts is whether there is a key
	if err != nil {
		return nil, err
	}
	stored, isDevice, err := c.find(user, keyID)
	if err != nil {
		return nil, err
	}
	if stored == nil {
		return nil, merr.NotFound("There is no such key")
	}
	if !sameUnsigned(stored, o) {
		return nil, merr.InvalidParam("The signed key is not the one that was uploaded")
	}
	return c.verify(o, stored, user, keyID, isDevice)
}

// find gives the stored key that the user may sign: an own device, the own master key, another user's master key.
func (c *signatureCheck) find(user store.Atom, keyID string) (key []byte, isDevice bool, err error) {
	if user == 0 {
		return nil, false, nil
	}
	keys := c.own
	if user != c.session.User {
		if keys, err = c.r.CrossSigningKeys(user); err != nil {
			return nil, false, err
		}
	}
	if master := keys[store.UsageMaster]; master != nil {
		publicKey, err := storedPublicKey(master)
		if err != nil || publicKey == keyID {
			return master, false, err
		}
	}
	if user != c.session.User {
		return nil, false, nil
	}
	key, err = c.r.DeviceKeys(user, keyID)
	return key, true, err
}

func sameUnsigned(stored []byte, uploaded pdu.Object) bool {
	o, err := pdu.ParseObject(stored)
	if err != nil {
		return false
	}
	a, errA := unsigned(o)
	b, errB := unsigned(uploaded)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// verify checks each signature of the session's user that the stored key doesn't hold already. There must be one at least.
func (c *signatureCheck) verify(signed pdu.Object, stored []byte, user store.Atom, keyID string, isDevice bool) ([]store.KeySignature, error) {
	known, err := pdu.ParseObject(stored)
	if err != nil {
		return nil, err
	}
	var found []store.KeySignature
	some := false
	for signerKey, value := range signed.Object("signatures").Object(c.session.UserID).All() {
		some = true
		signature, _ := value.Text()
		if old, ok := known.Object("signatures").Object(c.session.UserID).Text(signerKey); ok && old == signature {
			continue
		}
		public, err := c.signer(signerKey, user, isDevice)
		if err != nil {
			return nil, err
		}
		if err := pdu.VerifyJSON(signed.Raw(), c.session.UserID, signerKey, public); err != nil {
			return nil, invalidSignature().Because(err)
		}
		found = append(found, store.KeySignature{User: user, KeyID: keyID, Signer: c.session.User, SignerKey: signerKey, Signature: signature})
	}
	if !some {
		return nil, invalidSignature()
	}
	return found, nil
}

// signer gives the public key that may sign: the self-signing key a device, a device the own master key, the user-signing key another's.
func (c *signatureCheck) signer(signerKey string, user store.Atom, isDevice bool) ([]byte, error) {
	id, isEd25519 := strings.CutPrefix(signerKey, "ed25519:")
	if !isEd25519 {
		return nil, invalidSignature()
	}
	if user == c.session.User && !isDevice {
		return c.deviceKey(id, signerKey)
	}
	usage := store.UsageSelfSigning
	if !isDevice {
		usage = store.UsageUserSigning
	}
	if c.own[usage] == nil {
		return nil, invalidSignature()
	}
	publicKey, err := storedPublicKey(c.own[usage])
	if err != nil {
		return nil, err
	}
	if publicKey != id {
		return nil, invalidSignature()
	}
	return decodeKey(publicKey)
}

func (c *signatureCheck) deviceKey(deviceID, signerKey string) ([]byte, error) {
	stored, err := c.r.DeviceKeys(c.session.User, deviceID)
	if err != nil {
		return nil, err
	}
	if stored == nil {
		return nil, invalidSignature()
	}
	o, err := pdu.ParseObject(stored)
	if err != nil {
		return nil, err
	}
	text, _ := o.Object("keys").Text(signerKey)
	public, err := decodeKey(text)
	if err != nil {
		return nil, invalidSignature().Because(err)
	}
	return public, nil
}
