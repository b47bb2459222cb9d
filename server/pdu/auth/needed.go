package auth

import (
	"slices"

	"beffroi/server/pdu"
)

// Needed are the entries of the room's state that an event's auth_events are
// to list, as far as the state has them.
//
// Spec: server-server API, "Auth events selection".
func Needed(r pdu.Rules, p pdu.Proto) []Key {
	content, _ := pdu.ParseObject(p.Content) // what is no object, Build refuses
	return needed(r, p.Type, p.StateKey, p.Sender, content)
}

func needed(r pdu.Rules, eventType string, stateKey *string, sender string, content pdu.Object) []Key {
	if eventType == "m.room.create" {
		return nil
	}
	var keys []Key
	if !r.RoomIDIsHash {
		keys = append(keys, Key{"m.room.create", ""})
	}
	keys = append(keys, Key{"m.room.power_levels", ""}, Key{"m.room.member", sender})
	if eventType != "m.room.member" || stateKey == nil {
		return keys
	}
	for _, key := range neededByMember(r, *stateKey, content) {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func neededByMember(r pdu.Rules, target string, content pdu.Object) []Key {
	keys := []Key{{"m.room.member", target}}
	membership, _ := content.Text("membership")
	switch membership {
	case "join", "invite", "knock":
		keys = append(keys, Key{"m.room.join_rules", ""})
	}
	if membership == "invite" {
		if token, ok := content.Object("third_party_invite").Object("signed").Text("token"); ok {
			keys = append(keys, Key{"m.room.third_party_invite", token})
		}
	}
	if membership == "join" && r.RestrictedJoins {
		if via, ok := content.Text("join_authorised_via_users_server"); ok {
			keys = append(keys, Key{"m.room.member", via})
		}
	}
	return keys
}

// CheckAuthEvents checks the events that e lists as its auth events, which must
// be all of them: no entry twice, none that is not Needed, none that was
// itself rejected, none from another room; before room version 12 the create
// event among them. What they say is for Check.
//
// Spec: rooms/v12, "Authorisation rules" 3; rooms/v1 to rooms/v11, 2.
func CheckAuthEvents(e *pdu.Event, authEvents []*pdu.Event, rejected func(eventID string) bool) error {
	var stateKey *string
	if key, ok := e.StateKey(); ok {
		stateKey = &key
	}
	allowed := needed(e.Rules(), e.Type(), stateKey, e.Sender(), e.Body())
	seen := make(map[Key]bool, len(authEvents))
	for _, a := range authEvents {
		stateKey, isState := a.StateKey()
		key := Key{a.Type(), stateKey}
		switch {
		case !isState || !slices.Contains(allowed, key):
			return reject("auth event of type %s, state key %q, is not one to be listed", key.Type, key.StateKey)
		case seen[key]:
			return reject("two auth events for %s %q", key.Type, key.StateKey)
		case rejected(a.ID()):
			return reject("auth event %s was rejected", a.ID())
		case a.RoomID() != e.RoomID():
			return reject("auth event %s is of another room", a.ID())
		}
		seen[key] = true
	}
	if slices.Contains(allowed, Key{"m.room.create", ""}) && !seen[Key{"m.room.create", ""}] {
		return reject("the create event is not among the auth events")
	}
	return nil
}
