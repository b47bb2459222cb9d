package pdu

import "crypto/ed25519"

// CosignedBy adds a server's signatures as they stand in another copy of the
// event. Callers check them first, with CheckSignature.
//
// Spec: server-server API, "Inviting to a room".
func (e *Event) CosignedBy(copied *Received, server string) (*Event, error) {
	theirs := (Object{copied.signatures}).Object(server)
	raw := with(e.raw, "signatures", with(e.signatures, server, theirs.raw))
	f, err := cutFields(e.rules, raw)
	if err != nil {
		return nil, err
	}
	f.id = e.id
	return &Event{fields: *f, redactedOnArrival: e.redactedOnArrival}, nil
}

// CheckSignature checks the signatures of one server, whether it must have
// signed or not, as Verify does. The error wraps ErrSignature.
func (rc *Received) CheckSignature(server string, keys func(server, keyID string) (ed25519.PublicKey, bool)) error {
	return rc.verifyServer(server, keys)
}

// HasSignature tells whether a signature on the event is right under a key that
// is not the server's own: that of a policy server.
//
// Spec: server-server API, "Validating Policy Server signatures".
func (e *Event) HasSignature(server, keyID string, key ed25519.PublicKey) bool {
	text, ok := (Object{e.signatures}).Object(server).Text(keyID)
	return ok && verify(key, e.essential(), text)
}

// WithSignature adds a signature that somebody else made, in unpadded Base64.
func (e *Event) WithSignature(server, keyID, signature string) (*Event, error) {
	sig, err := DecodeBase64(signature)
	if err != nil {
		return nil, signaturef("of %s with %s: %v", server, keyID, err)
	}
	f, err := cutFields(e.rules, withSignature(e.raw, server, keyID, sig))
	if err != nil {
		return nil, err
	}
	f.id = e.id
	return &Event{fields: *f, redactedOnArrival: e.redactedOnArrival}, nil
}
