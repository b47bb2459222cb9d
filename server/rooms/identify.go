package rooms

import (
	"context"
	"encoding/json"
	"slices"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
)

const (
	// maxStripped is how many events are looked at that tell what a room is, maxStrippedBytes how many bytes of them are kept.
	maxStripped, maxStrippedBytes = 100, 64 << 10
)

// strippedEvent is an event as people see it who are not in the room.
//
// Spec: client-server API, "Stripped state".
type strippedEvent struct {
	Content  json.RawMessage `json:"content"`
	Sender   string          `json:"sender"`
	StateKey *string         `json:"state_key"`
	Type     string          `json:"type"`
}

// identify reads what another server tells of the room of an invitation or a knock, for the user. From room version 12 on each event must be one of the room, rightly signed, and the
// create event among them: 400 M_INVALID_PARAM, M_MISSING_PARAM. In older versions servers send stripped events as well, which prove nothing; what is wrong there is left out.
//
// Spec: server-server API, "PUT /_matrix/federation/v2/invite/{roomId}/{eventId}".
func (s *Service) identify(ctx context.Context, e *pdu.Event, raws []json.RawMessage) ([]json.RawMessage, error) {
	if len(raws) > maxStripped {
		return nil, merr.InvalidParam("More than %d events tell what the room is", maxStripped)
	}
	rules := e.Rules()
	strict := rules.RoomIDIsHash
	var read []*pdu.Received
	var events []strippedEvent
	for _, raw := range raws {
		rc, err := pdu.Receive(rules, raw)
		switch {
		case err == nil && rc.RoomID() == e.RoomID() && rc.IsState():
			read = append(read, rc)
		case strict:
			return nil, merr.InvalidParam("An event that tells what the room is, is none of the room").Because(err)
		case err != nil:
			events = append(events, claimed(raw)...)
		}
	}
	s.Remote.Gather(ctx, read)
	created := false
	for _, rc := range read {
		one, err := s.Remote.Verify(ctx, rc)
		if err != nil || one.RedactedOnArrival() {
			if strict {
				return nil, merr.InvalidParam("An event that tells what the room is, is not rightly signed").Because(err)
			}
			continue
		}
		if one.Is("m.room.create", "") {
			if version, ok := auth.RoomVersion(one.Body()); !ok || version != rules.Version {
				return nil, merr.InvalidParam("The room has another version")
			}
			created = true
		}
		key, _ := one.StateKey()
		events = append(events, strippedEvent{one.Content(), one.Sender(), &key, one.Type()})
	}
	if strict && !created {
		return nil, merr.MissingParam("The create event of the room is missing")
	}
	return kept(events, e.Sender())
}

// claimed reads a stripped event; none where it is none.
func claimed(raw json.RawMessage) []strippedEvent {
	o, err := pdu.ParseObject(raw)
	if err != nil {
		return nil
	}
	sender, isText := o.Text("sender")
	kind, hasType := o.Text("type")
	key, hasKey := o.Text("state_key")
	content, isObject := o.Get("content").Object()
	if !isText || !hasType || !hasKey || !isObject || !pdu.ValidUserID(sender) {
		return nil
	}
	return []strippedEvent{{content.Raw(), sender, &key, kind}}
}

// kept are the events that are shown, one of each type, within the bytes that are kept: those that tell what a room is, and the membership of who invites.
func kept(events []strippedEvent, inviter string) (out []json.RawMessage, err error) {
	left := maxStrippedBytes
	for _, name := range []string{"m.room.create", "m.room.name", "m.room.join_rules", "m.room.encryption", "m.room.canonical_alias", "m.room.avatar", "m.room.member", "m.room.topic"} {
		key := ""
		if name == "m.room.member" {
			key = inviter
		}
		i := slices.IndexFunc(events, func(e strippedEvent) bool { return e.Type == name && *e.StateKey == key })
		if i < 0 {
			continue
		}
		raw, err := json.Marshal(events[i])
		if err != nil {
			return nil, err
		}
		if left -= len(raw); left < 0 {
			return out, nil
		}
		out = append(out, raw)
	}
	return out, nil
}
