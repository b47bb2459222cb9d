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
	Depth                  int64    // Rules.MaxDepth where the parent is that deep already
	OriginServerTS         int64    // milliseconds since 1970

	// Redacts is the event id that an m.room.redaction event redacts. It goes
	// where the room version has it.
	Redacts string

	// Localpart makes, with the signer's server name, the event id in room
	// versions 1 and 2: a text that this server uses once. Hashes are the
	// reference hashes of PrevEvents and AuthEvents, by event id, which go into
	// the event there. Later versions need neither.
	Localpart string
	Hashes    map[string]Hash
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
	d, err := newDraft(r, &p, s.ServerName)
	if err != nil {
		return nil, err
	}
	raw := d.appendJSON(nil, "")
	sum := sha256.Sum256(raw)
	raw = d.appendJSON(make([]byte, 0, len(raw)+300), EncodeBase64(sum[:]))

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
	if r.Format != EventFormatV1 {
		f.id = r.eventID(hashOf(essential))
	}
	return &Event{fields: *f}, nil
}

// draft is what an event is to say in its room version.
type draft struct {
	*Proto
	content                []byte
	eventID                string // "" where it is no member of the event
	redacts                string // "" where it is no member of the event
	prevEvents, authEvents []byte
}

func newDraft(r Rules, p *Proto, server string) (d draft, err error) {
	d.Proto = p
	if !p.validUTF8() {
		return d, badf("event: invalid UTF-8")
	}
	if r.Format == EventFormatV1 {
		if d.eventID = "$" + p.Localpart + ":" + server; p.Localpart == "" || ServerOf(d.eventID) != server {
			return d, badf("event: localpart %q", p.Localpart)
		}
	}
	if d.prevEvents, err = p.appendIDs(r, nil, p.PrevEvents); err != nil {
		return d, err
	}
	if d.authEvents, err = p.appendIDs(r, nil, p.AuthEvents); err != nil {
		return d, err
	}
	source := p.Content
	if source == nil {
		source = json.RawMessage("{}")
	}
	o, err := ParseObject(source)
	if d.content = o.raw; err != nil || p.Redacts == "" {
		return d, err
	}
	if r.RedactsInContent {
		d.content = with(o.raw, "redacts", appendString(nil, p.Redacts))
	} else {
		d.redacts = p.Redacts
	}
	return d, nil
}

// validUTF8 looks at the strings that no grammar rules.
func (p *Proto) validUTF8() bool {
	return utf8.ValidString(p.Type) && utf8.ValidString(p.Redacts) && utf8.ValidString(p.Localpart) && (p.StateKey == nil || utf8.ValidString(*p.StateKey))
}

// appendJSON writes the event in canonical form, with hashes (and a place for
// signatures) where contentHash is not "".
func (d *draft) appendJSON(b []byte, contentHash string) []byte {
	b = append(append(b, `{"auth_events":`...), d.authEvents...)
	b = append(append(b, `,"content":`...), d.content...)
	b = strconv.AppendInt(append(b, `,"depth":`...), d.Depth, 10)
	if d.eventID != "" {
		b = appendString(append(b, `,"event_id":`...), d.eventID)
	}
	if contentHash != "" {
		b = append(append(append(b, `,"hashes":{"sha256":"`...), contentHash...), `"}`...)
	}
	b = strconv.AppendInt(append(b, `,"origin_server_ts":`...), d.OriginServerTS, 10)
	b = append(append(b, `,"prev_events":`...), d.prevEvents...)
	if d.redacts != "" {
		b = appendString(append(b, `,"redacts":`...), d.redacts)
	}
	if d.RoomID != "" {
		b = appendString(append(b, `,"room_id":`...), d.RoomID)
	}
	b = appendString(append(b, `,"sender":`...), d.Sender)
	if d.StateKey != nil {
		b = appendString(append(b, `,"state_key":`...), *d.StateKey)
	}
	return append(appendString(append(b, `,"type":`...), d.Type), '}')
}

// appendIDs writes the ids of other events as the version has them.
func (p *Proto) appendIDs(r Rules, b []byte, ids []string) ([]byte, error) {
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		if r.Format != EventFormatV1 {
			b = appendString(b, id)
			continue
		}
		h, ok := p.Hashes[id]
		if !ok {
			return nil, badf("event: no reference hash of %s", id)
		}
		b = appendString(append(b, '['), id)
		b = append(append(append(b, `,{"sha256":"`...), EncodeBase64(h[:])...), `"}]`...)
	}
	return append(b, ']'), nil
}
