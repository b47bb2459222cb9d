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
