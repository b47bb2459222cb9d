package pdu

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
)

// Signer is a server's name and one of its signing keys. KeyID is whole, as in
// "ed25519:auto".
type Signer struct {
	ServerName, KeyID string
	Key               ed25519.PrivateKey
}

// SignJSON adds the entity's signature to a JSON object and gives it in
// canonical form, with `unsigned` and the signatures that it had. The entity is
// a server name, or a user id where keys of users sign.
//
// Spec: appendices, "Signing Details".
func SignJSON(object []byte, entity, keyID string, key ed25519.PrivateKey) ([]byte, error) {
	o, err := ParseObject(object)
	if err != nil {
		return nil, err
	}
	sig := ed25519.Sign(key, without(o.raw, "signatures", "unsigned"))
	return withSignature(o.raw, entity, keyID, sig), nil
}

// VerifyJSON checks the entity's signature under one key on a JSON object. The
// error wraps ErrSignature, or is that of Canonical.
//
// Spec: appendices, "Checking for a Signature".
func VerifyJSON(object []byte, entity, keyID string, key ed25519.PublicKey) error {
	o, err := ParseObject(object)
	if err != nil {
		return err
	}
	return o.VerifySignature(entity, keyID, key)
}

// VerifySignature is VerifyJSON for an object that was parsed.
func (o Object) VerifySignature(entity, keyID string, key ed25519.PublicKey) error {
	sig, ok := o.Object("signatures").Object(entity).Text(keyID)
	if !ok {
		return signaturef("none of %s with %s", entity, keyID)
	}
	if !verify(key, without(o.raw, "signatures", "unsigned"), sig) {
		return signaturef("that of %s with %s is wrong", entity, keyID)
	}
	return nil
}

// withSignature adds a signature to a canonical object.
func withSignature(object []byte, entity, keyID string, sig []byte) []byte {
	all := Object{object}.Object("signatures")
	quoted := appendString(nil, EncodeBase64(sig))
	return with(object, "signatures", with(all.raw, entity, with(all.Object(entity).raw, keyID, quoted)))
}

func verify(key ed25519.PublicKey, message []byte, sig string) bool {
	raw, err := DecodeBase64(sig)
	return err == nil && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, message, raw)
}

// EncodeBase64 writes unpadded Base64.
//
// Spec: appendices, "Unpadded Base64".
func EncodeBase64(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }

// DecodeBase64 reads Base64 with or without padding, in the standard or the
// URL-safe alphabet, both of which servers and identity servers send.
func DecodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(s, "=")
	if strings.ContainsAny(s, "-_") {
		return base64.RawURLEncoding.DecodeString(s)
	}
	return base64.RawStdEncoding.DecodeString(s)
}
