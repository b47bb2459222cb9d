package pdu

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

func topV1() keep {
	return only("event_id", "type", "room_id", "sender", "state_key", "content", "hashes", "signatures", "depth",
		"prev_events", "prev_state", "auth_events", "origin", "origin_server_ts", "membership")
}

func topV11() keep {
	return only("event_id", "type", "room_id", "sender", "state_key", "content", "hashes", "signatures", "depth",
		"prev_events", "auth_events", "origin_server_ts")
}

func powerLevelsV1() keep {
	return only("ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default")
}

// Spec: rooms/v1, "Redactions".
var redactionV1 = redaction{top: topV1(), content: map[string]keep{
	"m.room.member":             only("membership"),
	"m.room.create":             only("creator"),
	"m.room.join_rules":         only("join_rule"),
	"m.room.power_levels":       powerLevelsV1(),
	"m.room.aliases":            only("aliases"),
	"m.room.history_visibility": only("history_visibility"),
}}

// Spec: rooms/v6, "Redactions": m.room.aliases means nothing any more.
var redactionV6 = redaction{top: topV1(), content: map[string]keep{
	"m.room.member":             only("membership"),
	"m.room.create":             only("creator"),
	"m.room.join_rules":         only("join_rule"),
	"m.room.power_levels":       powerLevelsV1(),
	"m.room.history_visibility": only("history_visibility"),
}}

// Spec: rooms/v8, "Redactions": `allow` stays.
var redactionV8 = redaction{top: topV1(), content: map[string]keep{
	"m.room.member":             only("membership"),
	"m.room.create":             only("creator"),
	"m.room.join_rules":         only("join_rule", "allow"),
	"m.room.power_levels":       powerLevelsV1(),
	"m.room.history_visibility": only("history_visibility"),
}}

// Spec: rooms/v9, "Redactions": `join_authorised_via_users_server` stays.
var redactionV9 = redaction{top: topV1(), content: map[string]keep{
	"m.room.member":             only("membership", "join_authorised_via_users_server"),
	"m.room.create":             only("creator"),
	"m.room.join_rules":         only("join_rule", "allow"),
	"m.room.power_levels":       powerLevelsV1(),
	"m.room.history_visibility": only("history_visibility"),
}}

// Spec: rooms/v11, "Redactions".
var redactionV11 = redaction{top: topV11(), content: map[string]keep{
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
}}
