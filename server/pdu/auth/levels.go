package auth

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"beffroi/server/pdu"
)

// Infinite is the power level of creators from room version 12 on. No event can
// give it: JSON's integers end at pdu.MaxInt.
const Infinite int64 = math.MaxInt64

// PowerLevels are the power levels in force in a room, read from its events
// when asked.
//
// Spec: client-server API, m.room.power_levels; server-server API,
// "Definitions"; rooms/v12, "Authorisation rules".
type PowerLevels struct {
	rules    pdu.Rules
	creators []string
	set      bool       // there is an m.room.power_levels event
	content  pdu.Object // of that event
}

// NewPowerLevels reads the levels from the room's create event and its
// m.room.power_levels event, nil where there is none.
func NewPowerLevels(create, levels *pdu.Event) PowerLevels {
	p := PowerLevels{rules: create.Rules(), creators: Creators(create)}
	if levels != nil {
		p.set, p.content = true, levels.Body()
	}
	return p
}

// For is the power level of a user: Infinite for creators from room version 12
// on.
func (p PowerLevels) For(userID string) int64 {
	creator := slices.Contains(p.creators, userID)
	switch {
	case creator && p.rules.CreatorsRule:
		return Infinite
	case creator && !p.set:
		return 100
	}
	if n, ok := p.level("users", userID); ok {
		return n
	}
	return p.int("users_default", 0)
}

// Required is the power level to send an event of a type. Of m.room.member it
// says nothing: memberships have levels of their own.
func (p PowerLevels) Required(eventType string, isState bool) int64 {
	if n, ok := p.level("events", eventType); ok {
		return n
	}
	if isState {
		return p.int("state_default", 50)
	}
	return p.int("events_default", 0)
}

// Level is the power level of an action: "invite", "kick", "ban" or "redact".
func (p PowerLevels) Level(action string) int64 {
	if action == "invite" {
		return p.int(action, 0)
	}
	return p.int(action, 50)
}

// Notification is the power level to notify by a key, as "room" for @room.
func (p PowerLevels) Notification(key string) int64 {
	if n, ok := p.level("notifications", key); ok {
		return n
	}
	return 50
}

func (p PowerLevels) int(name string, otherwise int64) int64 {
	if n, ok := level(p.rules, p.content.Get(name)); ok {
		return n
	}
	return otherwise
}

func (p PowerLevels) level(name, key string) (int64, bool) {
	return level(p.rules, p.content.Object(name).Get(key))
}

// level reads a power level: an integer, before room version 10 also a string
// that holds one (in digits, with one sign, zeros and white space around it if
// need be; underscores and other scripts' digits, which some languages read, are
// none), and before version 6, where numbers may be fractions, the integer part
// of one. What is beyond 64 bits counts as the last integer within, what is
// beyond a double as no level.
//
// Spec: rooms/v1, "m.room.power_levels events accept values as strings", "... as
// floats"; rooms/v10, "Values in m.room.power_levels events must be integers".
func level(r pdu.Rules, v pdu.Value) (int64, bool) {
	if n, ok := v.Int(); ok || r.IntegerPowerLevels {
		return n, ok
	}
	if s, ok := v.Text(); ok {
		n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		return n, err == nil || errors.Is(err, strconv.ErrRange)
	}
	return v.Truncated()
}

// MayRedact says whether a redaction that the rules allow, by sender, applies to
// an event of author: with the redact level, or from the same server. In room
// versions 1 and 2 the rules themselves have decided that.
//
// Spec: rooms/v3, "Handling redactions"; rooms/v1, "Authorisation rules" 11.
func (p PowerLevels) MayRedact(sender, author string) bool {
	return p.rules.RedactionRule || p.For(sender) >= p.Level("redact") || pdu.ServerOf(sender) == pdu.ServerOf(author)
}
