package rooms

import (
	"context"
	"encoding/json"
	"net/http"

	"beffroi/server/merr"
	"beffroi/server/pdu"
)

// settableIn is settable for a room that is there.
func (s *Service) settableIn(ctx context.Context, roomID, eventType, stateKey string, content json.RawMessage) error {
	if eventType == "m.room.canonical_alias" {
		return s.settableAliases(ctx, roomID, stateKey, content)
	}
	return s.settable(ctx, eventType, stateKey, content)
}

// settable refuses state that the authorisation rules let pass, but that is not for clients to set or would mislead others.
// Content that can't be parsed is left to who builds the event.
func (s *Service) settable(ctx context.Context, eventType, stateKey string, content json.RawMessage) error {
	o, err := pdu.ParseObject(content)
	if err != nil {
		return nil
	}
	switch eventType {
	case "m.room.create":
		return merr.InvalidParam("A room is created once") // no permission would change that
	case "m.room.redaction":
		return merr.BadJSON("A redaction is not state") // other servers would redact what it names
	case "m.room.canonical_alias":
		return settableAlias(o)
	case "m.room.member":
		return s.settableMember(ctx, stateKey, o)
	}
	return nil
}

// settableMember holds a membership that is set as state to what the endpoints for memberships ask.
func (s *Service) settableMember(ctx context.Context, target string, content pdu.Object) error {
	if !pdu.ValidUserID(target) {
		return merr.InvalidParam("%q is not a user id", target)
	}
	membership, ok := content.Text("membership")
	if !ok {
		return merr.BadJSON("membership is missing or not a string")
	}
	for _, key := range []string{"displayname", "avatar_url", "reason"} {
		v := content.Get(key)
		if _, isText := v.Text(); v.Exists() && !isText && string(v.Raw()) != "null" {
			return merr.BadJSON("%s is not a string", key)
		}
	}
	if membership != "invite" {
		return nil
	}
	user, err := s.reachable(ctx, target)
	if err == nil && user == 0 {
		err = merr.InvalidParam("Users of other servers are invited by /invite: their server is asked")
	}
	return err
}

// settableAlias refuses aliases in what a new room begins with: none can point to it yet but the one that the request asks for, and that
// gets an event of its own.
func settableAlias(content pdu.Object) error {
	aliases, err := aliasesIn(content)
	if err != nil || len(aliases) == 0 {
		return err
	}
	return merr.New(http.StatusBadRequest, "M_BAD_ALIAS", "The alias %q is not one of this room", aliases[0])
}
