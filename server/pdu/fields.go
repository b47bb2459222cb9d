package pdu

import (
	"bytes"
	"encoding/json"
)

const (
	// MaxEventSize is the most bytes of an event in canonical form, signatures
	// included, `unsigned` left out.
	MaxEventSize = 65536
	// MaxFieldSize is the most bytes of type and state_key.
	MaxFieldSize = 255
	// MaxAuthEvents and MaxPrevEvents are the most entries of these fields.
	MaxAuthEvents = 10
	MaxPrevEvents = 20
)

// fields is what received and verified events have in common: the canonical
// bytes and what was cut from them.
type fields struct {
	rules      Rules
	id         string
	raw        []byte
	content    []byte
	prevEvents []byte
	authEvents []byte
	hashes     []byte
	signatures []byte
	eventType  string
	stateKey   string
	sender     string
	roomID     string
	depth      int64
	ts         int64
	isState    bool
}

// ID is the event id.
func (f *fields) ID() string { return f.id }

// Rules are those of the room's version.
func (f *fields) Rules() Rules { return f.rules }

// RoomID is the room's id; from version 12 on that of a create event is
// derived from its event id.
func (f *fields) RoomID() string {
	if f.IsCreate() && f.rules.RoomIDIsHash {
		return "!" + f.id[1:]
	}
	return f.roomID
}

// IsCreate says whether this is an m.room.create event.
func (f *fields) IsCreate() bool { return f.eventType == "m.room.create" }

// Type is the event type.
func (f *fields) Type() string { return f.eventType }

// StateKey is the state key, and whether there is one.
func (f *fields) StateKey() (string, bool) { return f.stateKey, f.isState }

// IsState says whether the event has a state key.
func (f *fields) IsState() bool { return f.isState }

// Is says whether this is the state event of that type and key.
func (f *fields) Is(eventType, stateKey string) bool {
	return f.isState && f.eventType == eventType && f.stateKey == stateKey
}

// Sender is the sender's user id.
func (f *fields) Sender() string { return f.sender }

// Content is the content's canonical JSON, always an object.
func (f *fields) Content() json.RawMessage { return f.content }

// Body is the content to read from.
func (f *fields) Body() Object { return Object{f.content} }

// Depth is the depth in the room's graph, 0 to Rules.MaxDepth.
func (f *fields) Depth() int64 { return f.depth }

// OriginServerTS is the sender's clock in milliseconds since 1970.
func (f *fields) OriginServerTS() int64 { return f.ts }

// PrevEvents are the ids of the events before this one.
func (f *fields) PrevEvents() []string { return f.rules.ids(f.prevEvents) }

// AuthEvents are the ids of the events that allow this one.
func (f *fields) AuthEvents() []string { return f.rules.ids(f.authEvents) }

// Redacts is the id of the event that an m.room.redaction event redacts, ""
// for all others, and before room version 11 for one that was itself redacted.
//
// Spec: rooms/v11, "Moving the redacts property".
func (f *fields) Redacts() string {
	if f.eventType != "m.room.redaction" {
		return ""
	}
	where := Object{f.raw}
	if f.rules.RedactsInContent {
		where = f.Body()
	}
	id, _ := where.Text("redacts")
	return id
}

// JSON is the event in canonical form with hashes and signatures, without
// `unsigned` (and without an event_id, but for room versions 1 and 2).
func (f *fields) JSON() []byte { return f.raw }

// SignedBy says whether a signature in the name of the server stands in the
// event. In an event that was received and verified those of MustSign were
// checked; others are claims.
func (f *fields) SignedBy(server string) bool {
	return len(f.SigningKeys(server)) > 0
}

// SigningKeys are the ids of the Ed25519 keys with which the server claims to
// have signed.
func (f *fields) SigningKeys(server string) (keyIDs []string) {
	for keyID := range (Object{f.signatures}).Object(server).All() {
		if isEd25519(keyID) {
			keyIDs = append(keyIDs, keyID)
		}
	}
	return keyIDs
}

func isEd25519(keyID string) bool {
	const algorithm = "ed25519:"
	return len(keyID) > len(algorithm) && keyID[:len(algorithm)] == algorithm
}

// ReferenceHash is what an event of room version 1 or 2 says of this one when
// it names it, and what the event id is of from version 3 on.
//
// Spec: server-server API, "Calculating the reference hash for an event".
func (f *fields) ReferenceHash() Hash { return hashOf(f.essential()) }

// ids are those in prev_events or auth_events, as far as they can be read.
func (r Rules) ids(raw []byte) []string {
	ids, _ := r.references(raw)
	return ids
}

// references are the ids in prev_events or auth_events; ok is false where one
// is not written as the event format has it.
func (r Rules) references(raw []byte) (ids []string, ok bool) {
	if r.Format != EventFormatV1 {
		return Value{raw}.Texts()
	}
	pairs, ok := Value{raw}.Array()
	if !ok {
		return nil, false
	}
	ids = []string{}
	for pair := range pairs {
		id, ok := idOfPair(pair)
		if !ok {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, true
}

// idOfPair is the id in [id, {"sha256": hash}]. The hash is not looked at: no
// rule asks for it, and other servers don't either.
func idOfPair(pair Value) (id string, ok bool) {
	elements, ok := pair.Array()
	if !ok {
		return "", false
	}
	n := 0
	for v := range elements {
		switch n++; n {
		case 1:
			id, ok = v.Text()
		case 2:
			_, ok = v.Object()
		default:
			ok = false
		}
		if !ok {
			return "", false
		}
	}
	return id, n == 2
}

// cutFields reads a canonical event. It checks what the event format says of
// presence, types and sizes.
//
// Spec: rooms/v1 to rooms/v12, "Event format"; client-server API, "Size limits".
func cutFields(r Rules, raw []byte) (*fields, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if len(raw) > MaxEventSize {
		return nil, tooLargef("%d bytes", len(raw))
	}
	f := &fields{rules: r, raw: raw}
	var rd fieldReader
	have := 0 // members that the format knows; no key comes twice
	for c := cutMembers(raw); ; {
		key, value, ok := c.next()
		if !ok {
			break
		}
		if rd.field(f, key, value) {
			have++
		}
	}
	rd.presence(f, have)
	return f, rd.err
}

// presence checks that what must be there is there: room_id, but for the create
// event of room version 12 and later, event_id in versions 1 and 2, and the nine
// other members that fieldReader.field knows besides state_key.
func (rd *fieldReader) presence(f *fields, have int) {
	if rd.hasRoomID == (f.IsCreate() && f.rules.RoomIDIsHash) {
		rd.fail("no room_id, or room_id in a create event")
	}
	want := 9
	if f.isState {
		want++
	}
	if rd.hasRoomID {
		want++
	}
	if f.rules.Format == EventFormatV1 {
		want++
	}
	if have != want {
		rd.fail("a required field is missing")
	}
}

// fieldReader notes the first thing that is wrong.
type fieldReader struct {
	err       error
	hasRoomID bool
}

func (rd *fieldReader) fail(format string, args ...any) {
	if rd.err == nil {
		rd.err = badf("event: "+format, args...)
	}
}

// field reads one member; it says whether the format knows it.
func (rd *fieldReader) field(f *fields, key, value []byte) bool {
	switch string(key) {
	case "auth_events":
		f.authEvents = rd.ids(f.rules, "auth_events", value, MaxAuthEvents)
	case "content":
		f.content = rd.object("content", value)
	case "depth":
		if f.depth = rd.int(f.rules, "depth", value); f.depth < 0 {
			rd.fail("negative depth")
		}
	case "event_id":
		if f.rules.Format != EventFormatV1 {
			return false
		}
		f.id = rd.text("event_id", value, MaxIDLength)
	case "hashes":
		f.hashes = rd.object("hashes", value)
	case "origin_server_ts":
		f.ts = rd.int(f.rules, "origin_server_ts", value)
	case "prev_events":
		f.prevEvents = rd.ids(f.rules, "prev_events", value, MaxPrevEvents)
	case "room_id":
		f.roomID = rd.text("room_id", value, MaxIDLength)
		rd.hasRoomID = true
	case "sender":
		f.sender = rd.text("sender", value, MaxIDLength)
	case "signatures":
		f.signatures = rd.object("signatures", value)
	case "state_key":
		f.stateKey = rd.text("state_key", value, MaxFieldSize)
		f.isState = true
	case "type":
		f.eventType = rd.text("type", value, MaxFieldSize)
	default:
		return false
	}
	return true
}

func (rd *fieldReader) text(name string, raw []byte, limit int) string {
	s, ok := Value{raw}.Text()
	if !ok {
		rd.fail("%s is not a string", name)
	}
	if len(s) > limit && rd.err == nil {
		rd.err = tooLargef("%s of %d bytes", name, len(s))
	}
	return s
}

func (rd *fieldReader) int(r Rules, name string, raw []byte) int64 {
	n, ok := Value{raw}.Int()
	if !ok {
		rd.fail("%s is not an integer", name)
	}
	if r.CanonicalJSON && (n > MaxInt || n < -MaxInt) {
		rd.fail("%s is out of range", name)
	}
	return n
}

func (rd *fieldReader) object(name string, raw []byte) []byte {
	if _, ok := (Value{raw}).Object(); !ok {
		rd.fail("%s is not an object", name)
	}
	return raw
}

// ids checks that an array has not too many elements; checkGrammar reads them.
func (rd *fieldReader) ids(r Rules, name string, raw []byte, limit int) []byte {
	elements, ok := Value{raw}.Array()
	if !ok {
		rd.fail("%s is not an array", name)
		return nil
	}
	n := bytes.Count(raw, []byte{','}) + 1 // no id that is a hash has one
	if r.Format == EventFormatV1 {
		n = 0
		for range elements {
			n++
		}
	}
	if n > limit && rd.err == nil {
		rd.err = tooLargef("%d %s", n, name)
	}
	return raw
}
