package auth

import (
	"fmt"
	"strings"

	"beffroi/server/pdu"
)

// Rejected says that the authorisation rules reject an event, and why.
type Rejected struct {
	Reason string
	Never  bool // the content alone is at fault: nobody may send it
}

func (r *Rejected) Error() string { return "rejected: " + r.Reason }

func reject(format string, args ...any) error {
	return &Rejected{Reason: fmt.Sprintf(format, args...)}
}

// check is one event before one state.
type check struct {
	event  *pdu.Event
	state  State
	create *pdu.Event
	levels PowerLevels
}

// Check applies the authorisation rules of the event's room version against a
// state; the error is a *Rejected. Rule 3, on the list of auth events, is
// CheckAuthEvents' part. Rule 5.2, on the signature of the server that lets a
// user into a restricted room, relies on Received.Verify, which has checked
// that signature where it is there.
//
// The numbers in this package are those of room version 12; the chapters of the
// versions before it count one less or have rules of their own in between,
// which are named with their chapter.
//
// Spec: rooms/v1 to rooms/v12, "Authorisation rules".
func Check(e *pdu.Event, s State) error {
	if e.IsCreate() {
		return checkCreate(e)
	}
	c := check{event: e, state: s, create: s.Event("m.room.create", "")}
	if c.create == nil || c.create.RoomID() != e.RoomID() { // 2
		return reject("room_id is not that of an accepted create event")
	}
	if federate, ok := c.create.Body().Get("m.federate").Bool(); ok && !federate && // 4
		pdu.ServerOf(e.Sender()) != pdu.ServerOf(c.create.Sender()) {
		return reject("the room does not federate and the sender is of another server")
	}
	if e.Type() == "m.room.aliases" && e.Rules().AliasesRule { // rooms/v1, 4
		return checkAliases(e)
	}
	c.levels = NewPowerLevels(c.create, s.Event("m.room.power_levels", ""))
	if e.Type() == "m.room.member" { // 5
		return c.member()
	}
	return c.other()
}

// checkCreate is rule 1; that there is no room_id from version 12 on is part of
// the event's form, so that no *pdu.Event breaks it. A room_version that is
// known but not that of the room is refused too.
func checkCreate(e *pdu.Event) error {
	if len(e.PrevEvents()) > 0 {
		return reject("a create event with prev_events")
	}
	if !e.Rules().RoomIDIsHash && pdu.ServerOf(e.RoomID()) != pdu.ServerOf(e.Sender()) {
		return reject("the room id is of another server than the creator")
	}
	if version, ok := RoomVersion(e.Body()); !ok || version != e.Rules().Version {
		return reject("room_version is not %q", e.Rules().Version)
	}
	if e.Rules().CreatorProperty && !e.Body().Get("creator").Exists() { // rooms/v1, 1.4
		return reject("a create event without creator")
	}
	return checkCreators(e)
}

// RoomVersion is what the content of an m.room.create event says, "1" where it
// says nothing; ok is false where it says something else than a text.
//
// Spec: client-server API, m.room.create.
func RoomVersion(create pdu.Object) (version string, ok bool) {
	v := create.Get("room_version")
	if !v.Exists() {
		return "1", true
	}
	return v.Text()
}

// checkCreators is rule 1.4.
func checkCreators(e *pdu.Event) error {
	more := e.Body().Get("additional_creators")
	if !e.Rules().CreatorsRule || !more.Exists() {
		return nil
	}
	creators, ok := more.Texts()
	if !ok {
		return reject("additional_creators is not an array of strings")
	}
	for _, id := range creators {
		if !pdu.ValidUserID(id) {
			return reject("additional creator %q is no user id", id)
		}
	}
	return nil
}

// checkAliases is rule 4 of room versions 1 to 5. No membership is asked for.
//
// Spec: rooms/v1, "Authorisation rules".
func checkAliases(e *pdu.Event) error {
	if key, ok := e.StateKey(); !ok || key != pdu.ServerOf(e.Sender()) {
		return reject("the state key is not the sender's server")
	}
	return nil
}

// other is rules 6 to 11: all events that are neither create nor member.
func (c *check) other() error {
	e := c.event
	if c.membership(e.Sender()) != "join" { // 6
		return reject("the sender is not joined")
	}
	power := c.levels.For(e.Sender())
	if e.Type() == "m.room.third_party_invite" { // 7
		return c.atLeast(power, "invite")
	}
	if need := c.levels.Required(e.Type(), e.IsState()); need > power { // 8
		return reject("%s needs power level %d, the sender has %d", e.Type(), need, power)
	}
	if key, _ := e.StateKey(); strings.HasPrefix(key, "@") && key != e.Sender() { // 9
		return reject("the state key is another user's id")
	}
	if e.Type() == "m.room.power_levels" { // 10
		return c.powerLevels()
	}
	if e.Type() == "m.room.redaction" && e.Rules().RedactionRule { // rooms/v1, 11
		return c.redaction(power)
	}
	return nil // 11
}

// redaction is rule 11 of room versions 1 and 2: the redact level, or an event
// id of the same server.
//
// Spec: rooms/v1, "Authorisation rules".
func (c *check) redaction(power int64) error {
	if server := pdu.ServerOf(c.event.Redacts()); server != "" && server == pdu.ServerOf(c.event.ID()) {
		return nil
	}
	return c.atLeast(power, "redact")
}

// membership is a user's in the state.
func (c *check) membership(userID string) string {
	return Membership(c.state.Event("m.room.member", userID))
}

// atLeast rejects a power level below that of an action.
func (c *check) atLeast(power int64, action string) error {
	if need := c.levels.Level(action); power < need {
		return reject("%s needs power level %d, the sender has %d", action, need, power)
	}
	return nil
}
