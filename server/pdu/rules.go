package pdu

// Rules is what differs between room versions, a value to be had from RulesFor.
//
// Spec: the room version chapters.
type Rules struct {
	// Version is the room version's identifier, as in m.room.create.
	Version string
	// RoomIDIsHash: the room id is the create event's hash; the create event
	// has no room_id, and is never listed among auth_events (12).
	RoomIDIsHash bool
	// CreatorsRule: the creators, additional_creators among them, have infinite
	// power and do not stand in m.room.power_levels (12).
	CreatorsRule bool
	// Resolution is the state resolution algorithm.
	Resolution Resolution

	redaction *redaction
}

// Resolution is a state resolution algorithm.
type Resolution int

// The algorithms: that of room version 1, of 2 to 11, and of 12.
const (
	ResolutionV1 Resolution = iota + 1
	ResolutionV2
	ResolutionV21
)

// RulesFor are the rules of a room version, false for those we don't know.
func RulesFor(version string) (Rules, bool) {
	switch version {
	case "11":
		return Rules{Version: version, redaction: &redactionV11, Resolution: ResolutionV2}, true
	case "12":
		return Rules{Version: version, redaction: &redactionV11, RoomIDIsHash: true, CreatorsRule: true,
			Resolution: ResolutionV21}, true
	}
	return Rules{}, false
}

// check refuses the zero Rules, which are of no version.
func (r Rules) check() error {
	if r.redaction == nil {
		return badf("unknown room version %q", r.Version)
	}
	return nil
}

// redaction names what an event keeps when it is redacted.
type redaction struct {
	top     keep
	content map[string]keep // by event type
}

// keep names members that stay. A value that is not nil means that of the
// member, an object, only those stay in turn. A nil keep is everything.
type keep map[string]keep

func only(names ...string) keep {
	k := keep{}
	for _, name := range names {
		k[name] = nil
	}
	return k
}

// Spec: rooms/v11, "Redactions".
var redactionV11 = redaction{
	top: only("event_id", "type", "room_id", "sender", "state_key", "content", "hashes",
		"signatures", "depth", "prev_events", "auth_events", "origin_server_ts"),
	content: map[string]keep{
		"m.room.create": nil,
		"m.room.member": {
			"membership":                       nil,
			"join_authorised_via_users_server": nil,
			"third_party_invite":               only("signed"),
		},
		"m.room.join_rules": only("join_rule", "allow"),
		"m.room.power_levels": only("ban", "events", "events_default", "invite", "kick",
			"redact", "state_default", "users", "users_default"),
		"m.room.history_visibility": only("history_visibility"),
		"m.room.redaction":          only("redacts"),
	},
}
