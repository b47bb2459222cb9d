package fedapi

import (
	"encoding/json"
	"errors"

	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
)

// Source: server-server API, "Inviting to a room".
func (a *API) inviteRoutes() []route {
	v1 := signed("PUT", "/_matrix/federation/v1/invite/{roomId}/{eventId}", a.inviteV1)
	v2 := signed("PUT", "/_matrix/federation/v2/invite/{roomId}/{eventId}", a.invite)
	v1.Class, v2.Class = limits.Invite, limits.Invite
	v1.Limit, v2.Limit = maxInvite, maxInvite
	return []route{v1, v2}
}

// maxInvite is how many bytes an invitation may have: an event and a dozen that tell what the room is.
const maxInvite = 1 << 20

func (a *API) invite(r *request) (any, error) {
	body, err := r.ReadBody() // read as events are: those of old rooms have numbers that other JSON must not have
	if err != nil {
		return nil, err
	}
	in := rooms.Invitation{Origin: r.Origin, RoomID: r.PathValue("roomId"), EventID: r.PathValue("eventId")}
	err = pdu.CutObject(body, func(key string, value []byte) error {
		switch key {
		case "room_version":
			return json.Unmarshal(value, &in.Version)
		case "event":
			in.Event = value
		case "invite_room_state":
			return json.Unmarshal(value, &in.State)
		}
		return nil
	})
	if err != nil {
		return nil, badBody(err)
	}
	if in.Version == "" || in.Event == nil {
		return nil, merr.MissingParam("room_version and event are needed")
	}
	e, err := a.Rooms.Invited(r.Context(), in)
	if err != nil {
		return nil, err
	}
	return map[string]json.RawMessage{"event": e.JSON()}, nil
}

// inviteV1 is for rooms of version 1 and 2, which read events alike. It answers behind a status.
func (a *API) inviteV1(r *request) (any, error) {
	body, err := r.ReadBody()
	if err != nil {
		return nil, err
	}
	in := rooms.Invitation{Origin: r.Origin, RoomID: r.PathValue("roomId"), EventID: r.PathValue("eventId"), Event: body}
	var beside struct {
		Unsigned struct {
			State []json.RawMessage `json:"invite_room_state"`
		} `json:"unsigned"`
	}
	if err := json.Unmarshal(body, &beside); err != nil {
		return nil, badBody(err)
	}
	in.State = beside.Unsigned.State
	e, err := a.Rooms.Invited(r.Context(), in)
	if err != nil {
		return nil, err
	}
	return []any{200, map[string]json.RawMessage{"event": e.JSON()}}, nil
}

// badBody tells of a body that is no JSON, or of the wrong shape.
func badBody(err error) error {
	if errors.Is(err, pdu.ErrNotJSON) {
		return merr.NotJSON("The body is not JSON").Because(err)
	}
	return merr.BadJSON("The body has the wrong shape").Because(err)
}
