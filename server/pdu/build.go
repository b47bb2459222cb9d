package pdu

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Proto is what an event of ours is to say, before hashes, signature and id.
type Proto struct {
	Type     string
	StateKey *string // nil for what is not state
	Sender   string
	RoomID   string          // must be "" for a create event of version 12 and later
	Content  json.RawMessage // any JSON object; nil for an empty one

	PrevEvents, AuthEvents []string // event ids
	Depth                  int64    // MaxDepth where the parent is that deep already
	OriginServerTS         int64    // milliseconds since 1970

	// Redacts is the event id that an m.room.redaction event redacts. It goes
	// where the room version has it.
	Redacts string
}

// Build makes, signs and names an event of ours. The error wraps ErrNotJSON or
// ErrBadJSON for the content and the identifiers, ErrTooLarge for limits, and
// ErrSignature where the signer is not one that must sign the event.
//
// Spec: server-server API, "Adding hashes and signatures to outgoing events".
func Build(r Rules, p Proto, s Signer) (*Event, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	content, err := p.content()
	if err != nil {
		return nil, err
	}
	if !p.validUTF8() {
		return nil, badf("event: invalid UTF-8")
	}
	raw := p.appendJSON(nil, content, "")
	sum := sha256.Sum256(raw)
	raw = p.appendJSON(make([]byte, 0, len(raw)+300), content, EncodeBase64(sum[:]))

	essential := without(r.redact(raw, p.Type), "signatures")
	raw = withSignature(raw, s.ServerName, s.KeyID, ed25519.Sign(s.Key, essential))
	f, err := cutFields(r, raw)
	if err != nil {
		return nil, err
	}
	if err := f.checkGrammar(); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(f.MustSign(), func(anyOf []string) bool { return slices.Contains(anyOf, s.ServerName) }) {
		return nil, signaturef("%s does not sign for %s", s.ServerName, p.Sender)
	}
	f.id = hashOf(essential).EventID()
	return &Event{fields: *f}, nil
}

// validUTF8 looks at the strings that no grammar rules.
func (p *Proto) validUTF8() bool {
	return utf8.ValidString(p.Type) && utf8.ValidString(p.Redacts) && (p.StateKey == nil || utf8.ValidString(*p.StateKey))
}

func (p *Proto) content() ([]byte, error) {
	source := p.Content
	if source == nil {
		source = json.RawMessage("{}")
	}
	o, err := ParseObject(source)
	if err != nil || p.Redacts == "" {
		return o.raw, err
	}
	return with(o.raw, "redacts", appendString(nil, p.Redacts)), nil
}

// appendJSON writes the event in canonical form, with hashes (and a place for
// signatures) where contentHash is not "".
func (p *Proto) appendJSON(b, content []byte, contentHash string) []byte {
	b = appendIDs(append(b, `{"auth_events":`...), p.AuthEvents)
	b = append(append(b, `,"content":`...), content...)
	b = strconv.AppendInt(append(b, `,"depth":`...), p.Depth, 10)
	if contentHash != "" {
		b = append(append(append(b, `,"hashes":{"sha256":"`...), contentHash...), `"}`...)
	}
	b = strconv.AppendInt(append(b, `,"origin_server_ts":`...), p.OriginServerTS, 10)
	b = appendIDs(append(b, `,"prev_events":`...), p.PrevEvents)
	if p.RoomID != "" {
		b = appendString(append(b, `,"room_id":`...), p.RoomID)
	}
	b = appendString(append(b, `,"sender":`...), p.Sender)
	if p.StateKey != nil {
		b = appendString(append(b, `,"state_key":`...), *p.StateKey)
	}
	return append(appendString(append(b, `,"type":`...), p.Type), '}')
}

func appendIDs(b []byte, ids []string) []byte {
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, id)
	}
	return append(b, ']')
}
