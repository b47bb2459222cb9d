package pdu

import "math"

// Rules is what differs between room versions, a value to be had from RulesFor.
//
// Spec: the room version chapters.
type Rules struct {
	// Version is the room version's identifier, as in m.room.create.
	Version string
	// Format is how events name themselves and each other.
	Format EventFormat
	// Resolution is the state resolution algorithm.
	Resolution Resolution

	// CanonicalJSON: events that break Canonical JSON are refused; before, they
	// may have any number (6).
	CanonicalJSON bool
	// SigningKeyValidity: a signature counts only where the key's
	// valid_until_ts is not before the event's origin_server_ts (5).
	SigningKeyValidity bool
	// RedactsInContent: `redacts` of m.room.redaction is a member of the
	// content, not of the event (11).
	RedactsInContent bool
	// RoomIDIsHash: the room id is the create event's hash; the create event
	// has no room_id, and is never listed among auth_events (12).
	RoomIDIsHash bool

	// CreatorProperty: m.room.create has a `creator`, and that user is the
	// room's creator; from 11 on its sender is (1 to 10).
	CreatorProperty bool
	// CreatorsRule: the creators, additional_creators among them, have infinite
	// power and do not stand in m.room.power_levels (12).
	CreatorsRule bool
	// AliasesRule: m.room.aliases has an authorisation rule of its own (1 to 5).
	AliasesRule bool
	// RedactionRule: m.room.redaction has an authorisation rule of its own (1, 2).
	RedactionRule bool
	// NotificationLevels: the rule on m.room.power_levels looks at
	// `notifications` too (6).
	NotificationLevels bool
	// IntegerPowerLevels: power levels are integers, not strings of them (10).
	IntegerPowerLevels bool
	// Knocking: the membership and the join rule knock (7).
	Knocking bool
	// RestrictedJoins: the join rule restricted (8).
	RestrictedJoins bool
	// KnockRestricted: the join rule knock_restricted (10).
	KnockRestricted bool

	redaction *redaction
}

// EventFormat is how events name themselves and each other.
type EventFormat int

const (
	// EventFormatV1: `event_id` is a member of the event, prev_events and
	// auth_events are pairs of an id and an object of hashes, and the server in
	// the id must sign (1, 2).
	EventFormatV1 EventFormat = iota + 1
	// EventFormatV3: the id is the reference hash in unpadded Base64 (3).
	EventFormatV3
	// EventFormatV4: the id is the reference hash in URL-safe unpadded Base64 (4).
	EventFormatV4
)

// Resolution is a state resolution algorithm.
type Resolution int

// The algorithms: that of room version 1, of 2 to 11, and of 12.
const (
	ResolutionV1 Resolution = iota + 1
	ResolutionV2
	ResolutionV21
)

var versions = [...]Rules{
	{Version: "1", Format: EventFormatV1, Resolution: ResolutionV1, redaction: &redactionV1,
		CreatorProperty: true, AliasesRule: true, RedactionRule: true},
	{Version: "2", Format: EventFormatV1, Resolution: ResolutionV2, redaction: &redactionV1,
		CreatorProperty: true, AliasesRule: true, RedactionRule: true},
	{Version: "3", Format: EventFormatV3, Resolution: ResolutionV2, redaction: &redactionV1,
		CreatorProperty: true, AliasesRule: true},
	{Version: "4", Format: EventFormatV4, Resolution: ResolutionV2, redaction: &redactionV1,
		CreatorProperty: true, AliasesRule: true},
	{Version: "5", Format: EventFormatV4, Resolution: ResolutionV2, redaction: &redactionV1, SigningKeyValidity: true,
		CreatorProperty: true, AliasesRule: true},
	{Version: "6", Format: EventFormatV4, Resolution: ResolutionV2, redaction: &redactionV6, SigningKeyValidity: true, CanonicalJSON: true,
		CreatorProperty: true, NotificationLevels: true},
	{Version: "7", Format: EventFormatV4, Resolution: ResolutionV2, redaction: &redactionV6, SigningKeyValidity: true, CanonicalJSON: true,
		CreatorProperty: true, NotificationLevels: true, Knocking: true},
	{Version: "8", Format: EventFormatV4, Resolution: ResolutionV2, redaction: &redactionV8, SigningKeyValidity: true, CanonicalJSON: true,
		CreatorProperty: true, NotificationLevels: true, Knocking: true, RestrictedJoins: true},
	{Version: "9", Format: EventFormatV4, Resolution: ResolutionV2, redaction: &redactionV9, SigningKeyValidity: true, CanonicalJSON: true,
		CreatorProperty: true, NotificationLevels: true, Knocking: true, RestrictedJoins: true},
	{Version: "10", Format: EventFormatV4, Resolution: ResolutionV2, redaction: &redactionV9, SigningKeyValidity: true, CanonicalJSON: true,
		CreatorProperty: true, NotificationLevels: true, Knocking: true, RestrictedJoins: true, KnockRestricted: true, IntegerPowerLevels: true},
	{Version: "11", Format: EventFormatV4, Resolution: ResolutionV2, redaction: &redactionV11, SigningKeyValidity: true, CanonicalJSON: true,
		RedactsInContent: true, NotificationLevels: true, Knocking: true, RestrictedJoins: true, KnockRestricted: true, IntegerPowerLevels: true},
	{Version: "12", Format: EventFormatV4, Resolution: ResolutionV21, redaction: &redactionV11, SigningKeyValidity: true, CanonicalJSON: true,
		RedactsInContent: true, NotificationLevels: true, Knocking: true, RestrictedJoins: true, KnockRestricted: true, IntegerPowerLevels: true,
		RoomIDIsHash: true, CreatorsRule: true},
}

// RulesFor are the rules of a room version, false for those we don't know.
func RulesFor(version string) (Rules, bool) {
	for _, r := range versions {
		if r.Version == version {
			return r, true
		}
	}
	return Rules{}, false
}

// Versions are the room versions that RulesFor knows, in their order.
func Versions() []string {
	known := make([]string, len(versions))
	for i, r := range versions {
		known[i] = r.Version
	}
	return known
}

// MaxDepth is the largest depth of an event; a child of such an event has it
// too.
//
// Spec: rooms/v1 and rooms/v6, "Event format".
func (r Rules) MaxDepth() int64 {
	if r.CanonicalJSON {
		return MaxInt
	}
	return math.MaxInt64
}

// ValidEventID says whether id has the form of an event id of the version.
//
// Spec: rooms/v1, rooms/v3 and rooms/v4, "Event IDs".
func (r Rules) ValidEventID(id string) bool {
	switch r.Format {
	case EventFormatV1:
		return validWithServer('$', id)
	case EventFormatV3:
		_, ok := parseHash(strictStd, '$', id)
		return ok
	default:
		_, ok := ParseEventID(id)
		return ok
	}
}

// eventID is the id that a reference hash makes, in versions that have such ids.
func (r Rules) eventID(h Hash) string {
	if r.Format == EventFormatV3 {
		return "$" + EncodeBase64(h[:])
	}
	return h.EventID()
}

// check refuses the zero Rules, which are of no version.
func (r Rules) check() error {
	if r.redaction == nil {
		return badf("unknown room version %q", r.Version)
	}
	return nil
}
