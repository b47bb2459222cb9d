package pdu

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"strings"
)

// An Event is verified and immutable. Only Build, FromStore and
// Received.Verify make one.
type Event struct {
	fields
	redactedOnArrival bool
}

// RedactedOnArrival says that Verify found the content hash failing, so that
// only the redacted form could be kept.
//
// Spec: server-server API, "Checks performed on receipt of a PDU", step 3.
func (e *Event) RedactedOnArrival() bool { return e.redactedOnArrival }

// FromStore reads the bytes of an event that was verified before it was
// stored, with what was found then; neither hashes nor signatures are checked
// again. The Event keeps b.
func FromStore(r Rules, id string, b []byte, redactedOnArrival bool) (*Event, error) {
	if !strings.HasPrefix(id, "$") {
		return nil, badf("event id %q", id)
	}
	f, err := cutFields(r, b)
	if err != nil {
		return nil, err
	}
	if f.id != "" && f.id != id {
		return nil, badf("event_id %q of event %q", f.id, id)
	}
	f.id = id
	return &Event{fields: *f, redactedOnArrival: redactedOnArrival}, nil
}

// Redact is the event after redaction, with the same id and signatures.
//
// Spec: rooms/v1 to rooms/v11, "Redactions".
func (e *Event) Redact() *Event {
	f := e.fields.redacted()
	return &Event{fields: *f, redactedOnArrival: e.redactedOnArrival}
}

// Sign adds a server's signature, as a server does on an invite for one of its
// users. Callers decide first whether they want to.
//
// Spec: server-server API, "Inviting to a room".
func (e *Event) Sign(s Signer) (*Event, error) {
	f, err := e.fields.sign(s)
	if err != nil {
		return nil, err
	}
	return &Event{fields: *f, redactedOnArrival: e.redactedOnArrival}, nil
}

func (f *fields) sign(s Signer) (*fields, error) {
	raw := withSignature(f.raw, s.ServerName, s.KeyID, ed25519.Sign(s.Key, f.essential()))
	signed, err := cutFields(f.rules, raw)
	if err != nil {
		return nil, err
	}
	signed.id = f.id
	return signed, nil
}

// redacted is f with only the bytes that redaction leaves.
func (f *fields) redacted() *fields {
	raw := f.rules.redact(f.raw, f.eventType)
	less, err := cutFields(f.rules, raw)
	if err != nil {
		return f // can't be: redaction keeps what cutFields asks for
	}
	less.id = f.id
	return less
}

// essential is what signatures sign and what the reference hash is of.
func (f *fields) essential() []byte {
	return without(f.rules.redact(f.raw, f.eventType), "signatures", "unsigned")
}

// hashOf is the reference hash.
//
// Spec: server-server API, "Calculating the reference hash for an event".
func hashOf(essential []byte) Hash { return sha256.Sum256(essential) }

// contentHashHolds says whether the content hash is that of the bytes.
//
// Spec: server-server API, "Calculating the content hash for an event".
func (f *fields) contentHashHolds() bool {
	text, _ := Object{f.hashes}.Text("sha256")
	claimed, err := DecodeBase64(text)
	sum := sha256.Sum256(without(f.raw, "hashes", "signatures", "unsigned"))
	return err == nil && bytes.Equal(claimed, sum[:])
}
