package pdu

import "crypto/ed25519"

// Template is an event that another server is to sign: as the authorisation
// rules see it, and its bytes without what that server adds (hashes,
// signatures, in room versions 1 and 2 the event_id), with origin, the name of
// the server that made it. The errors are Build's.
//
// Spec: server-server API, "Joining Rooms".
func Template(r Rules, p Proto, server, origin string) (*Event, []byte, error) {
	if r.Format == EventFormatV1 {
		p.Localpart = "template"
	}
	nobody := Signer{ServerName: server, KeyID: "ed25519:template", Key: make(ed25519.PrivateKey, ed25519.PrivateKeySize)}
	e, err := Build(r, p, nobody)
	if err != nil {
		return nil, nil, err
	}
	return e, with(without(e.raw, "event_id", "hashes", "signatures"), "origin", appendString(nil, origin)), nil
}
