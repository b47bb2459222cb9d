package pdu

import (
	"crypto/ed25519"
	"slices"
)

// Received is an event as a stranger sent it: well-formed and within the
// limits, but nothing in it is proven until Verify. Its ID is computed from
// room version 3 on; before, the sender says it.
type Received struct {
	fields
	signed []byte // the essential bytes
}

// Receive reads an event from outside, without its `unsigned`. The error wraps
// ErrNotJSON, ErrBadJSON or ErrTooLarge; such an event is dropped.
//
// Spec: server-server API, "Checks performed on receipt of a PDU", step 1.
func Receive(r Rules, b []byte) (*Received, error) {
	raw, err := r.canonical(b)
	if err != nil {
		return nil, err
	}
	if o, ok := (Value{raw}).Object(); !ok {
		return nil, badf("not an object")
	} else if o.Get("unsigned").Exists() {
		raw = without(raw, "unsigned")
	}
	f, err := cutFields(r, raw)
	if err != nil {
		return nil, err
	}
	if err := f.checkGrammar(); err != nil {
		return nil, err
	}
	essential := f.essential()
	if r.Format != EventFormatV1 {
		f.id = r.eventID(hashOf(essential))
	}
	return &Received{fields: *f, signed: essential}, nil
}

// Sign adds a server's signature before Verify, as the server must that lets a
// user into a restricted room. Callers look first at what they sign.
//
// Spec: server-server API, "Restricted rooms".
func (rc *Received) Sign(s Signer) (*Received, error) {
	f, err := rc.fields.sign(s)
	if err != nil {
		return nil, err
	}
	return &Received{fields: *f, signed: rc.signed}, nil
}

// Verify checks the signatures of all servers that must have signed, with the
// keys that the callback knows to be valid at the event's time (whether their
// valid_until_ts counts says Rules.SigningKeyValidity). A server must
// have signed with at least one of them, and no signature under a known key
// may be wrong; unknown keys are skipped. An event whose content hash fails is
// given in its redacted form. The error wraps ErrSignature.
//
// Spec: server-server API, "Validating hashes and signatures on received events".
func (rc *Received) Verify(keys func(server, keyID string) (ed25519.PublicKey, bool)) (*Event, error) {
	for _, anyOf := range rc.MustSign() {
		var err error
		for _, server := range anyOf {
			if err = rc.verifyServer(server, keys); err == nil {
				break
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if !rc.contentHashHolds() {
		return &Event{fields: *rc.redacted(), redactedOnArrival: true}, nil
	}
	return &Event{fields: rc.fields}, nil
}

func (rc *Received) verifyServer(server string, keys func(server, keyID string) (ed25519.PublicKey, bool)) error {
	known := false
	for keyID, sig := range (Object{rc.signatures}).Object(server).All() {
		if !isEd25519(keyID) {
			continue
		}
		key, ok := keys(server, keyID)
		if !ok {
			continue
		}
		text, _ := sig.Text()
		if !verify(key, rc.signed, text) {
			return signaturef("that of %s with %s is wrong", server, keyID)
		}
		known = true
	}
	if !known {
		return signaturef("none of %s with a known key", server)
	}
	return nil
}

// MustSign are the servers whose signatures the event needs: one of each
// inner list. That is the sender's server, in room versions 1 and 2 that of the
// event id, and from 8 on for a join through a restricted rule the server of the
// user who let the sender in. The invite that comes of a third-party invite may
// be signed by the server of the user it is for instead of the sender's.
//
// Spec: rooms/v8, "Authorisation rules" 4.2; server-server API, "Validating
// hashes and signatures on received events".
func (f *fields) MustSign() [][]string {
	must := [][]string{{ServerOf(f.sender)}}
	isMember, content := f.eventType == "m.room.member", f.Body()
	if membership, _ := content.Text("membership"); isMember && membership == "invite" && content.Get("third_party_invite").Exists() {
		must[0] = append(must[0], ServerOf(f.stateKey))
	}
	if f.rules.Format == EventFormatV1 {
		must = andServer(must, ServerOf(f.id))
	}
	if via, _ := content.Text("join_authorised_via_users_server"); isMember && f.rules.RestrictedJoins {
		must = andServer(must, ServerOf(via))
	}
	return must
}

// andServer adds a server that must sign, unless it must already.
func andServer(must [][]string, server string) [][]string {
	alone := func(anyOf []string) bool { return len(anyOf) == 1 && anyOf[0] == server }
	if server == "" || slices.ContainsFunc(must, alone) {
		return must
	}
	return append(must, []string{server})
}
