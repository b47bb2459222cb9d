package rooms

import (
	"context"
	"encoding/json"
	"net/http"

	"beffroi/server/merr"
	"beffroi/server/pdu"
)

// settable refuses state that the authorisation rules let pass, but that is not for clients to set or would mislead others.
// Content that can't be parsed is left to who builds the event.
func (s *Service) settable(ctx context.Context, eventType, stateKey string, content json.RawMessage) error {
	o, err := pdu.ParseObject(content)
	if err != nil {
		return nil
	}
	switch eventType {
	case "m.room.create":
		return merr.Forbidden("A room is created once")
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
	_, err := s.reachable(ctx, target)
	return err
}

// settableAlias refuses aliases, which this server doesn't have.
//
// Spec: client-server API, "PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}", M_INVALID_PARAM and M_BAD_ALIAS.
func settableAlias(content pdu.Object) error {
	aliases, _ := content.Get("alt_aliases").Texts()
	if alias, ok := content.Text("alias"); ok && alias != "" {
		aliases = append(aliases, alias)
	}
	if len(aliases) == 0 {
		return nil
	}
	for _, alias := range aliases {
		if !pdu.ValidRoomAlias(alias) {
			return merr.InvalidParam("%q is not a room alias", alias)
		}
	}
	return merr.New(http.StatusBadRequest, "M_BAD_ALIAS", "The alias %q is not one of this room", aliases[0])
}
