package auth

import (
	"math"
	"slices"

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
	creators []string
	infinite bool       // creators are above all
	set      bool       // there is an m.room.power_levels event
	content  pdu.Object // of that event
}

// NewPowerLevels reads the levels from the room's create event and its
// m.room.power_levels event, nil where there is none.
func NewPowerLevels(create, levels *pdu.Event) PowerLevels {
	p := PowerLevels{creators: Creators(create), infinite: create.Rules().CreatorsRule}
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
	case creator && p.infinite:
		return Infinite
	case creator && !p.set:
		return 100
	}
	if n, ok := p.content.Object("users").Int(userID); ok {
		return n
	}
	return p.int("users_default", 0)
}

// Required is the power level to send an event of a type. Of m.room.member it
// says nothing: memberships have levels of their own.
func (p PowerLevels) Required(eventType string, isState bool) int64 {
	if n, ok := p.content.Object("events").Int(eventType); ok {
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
	if n, ok := p.content.Object("notifications").Int(key); ok {
		return n
	}
	return 50
}

func (p PowerLevels) int(name string, otherwise int64) int64 {
	if n, ok := p.content.Int(name); ok {
		return n
	}
	return otherwise
}

// MayRedact says whether a redaction by sender applies to an event of author:
// with the redact level, or from the same server.
//
// Spec: rooms/v3, "Handling redactions".
func (p PowerLevels) MayRedact(sender, author string) bool {
	return p.For(sender) >= p.Level("redact") || pdu.ServerOf(sender) == pdu.ServerOf(author)
}
