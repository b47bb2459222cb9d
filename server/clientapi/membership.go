package clientapi

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/rooms"
)

// Spec: client-server API, "Room membership".
func (a *API) membershipRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/join/{roomIdOrAlias}", Handle: a.join, Class: limits.Join},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/join", Handle: a.join, Class: limits.Join},
		{Method: "POST", Path: "/_matrix/client/v3/knock/{roomIdOrAlias}", Handle: a.knock, Class: limits.Join},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/leave", Handle: a.leave, Suspended: true},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/forget", Handle: a.forget, Suspended: true},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/invite", Handle: a.about(a.invite), Class: limits.Invite},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/kick", Handle: a.about(a.Rooms.Kick), Class: limits.Invite},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/ban", Handle: a.about(a.Rooms.Ban), Class: limits.Invite},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/unban", Handle: a.about(a.Rooms.Unban), Class: limits.Invite},
	}
}

type reasonBody struct {
	Reason string `json:"reason"`
}

// joinBody is the body of a join: more has all its members, reason included.
type joinBody struct {
	reasonBody
	more map[string]json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *joinBody) UnmarshalJSON(raw []byte) error {
	return errors.Join(json.Unmarshal(raw, &b.reasonBody), json.Unmarshal(raw, &b.more))
}

func (a *API) join(r *request) (any, error) {
	var q joinBody
	if err := r.DecodeOptional(&q); err != nil {
		return nil, err
	}
	id, via, err := a.named(r)
	if err != nil {
		return nil, err
	}
	return map[string]string{"room_id": id}, a.Directory.Join(r.Context(), actor(r), id, rooms.Entry{Reason: q.Reason, Via: via, More: q.more})
}

// named gives the id of the room that a path names by its id, or where the endpoint takes that by an alias, and the servers that may be in it: those of the alias,
// and those that the client names.
func (a *API) named(r *request) (roomID string, via []string, err error) {
	if id := r.PathValue("roomIdOrAlias"); id != "" {
		roomID, via, err = a.Directory.Resolve(r.Context(), id)
		params := r.URL.Query()
		return roomID, slices.Concat(via, params["via"], params["server_name"]), err
	}
	if roomID = r.PathValue("roomId"); !strings.HasPrefix(roomID, "!") {
		return "", nil, merr.InvalidParam("%q is not a room id", roomID)
	}
	return roomID, r.URL.Query()["via"], nil
}

func (a *API) knock(r *request) (any, error) {
	var q reasonBody
	if err := r.DecodeOptional(&q); err != nil {
		return nil, err
	}
	id, via, err := a.named(r)
	if err != nil {
		return nil, err
	}
	return map[string]string{"room_id": id}, a.Rooms.Knock(r.Context(), actor(r), id, rooms.Entry{Reason: q.Reason, Via: via})
}

func (a *API) leave(r *request) (any, error) {
	var q reasonBody
	if err := r.DecodeOptional(&q); err != nil {
		return nil, err
	}
	return nil, a.Rooms.Leave(r.Context(), actor(r), r.PathValue("roomId"), q.Reason)
}

func (a *API) forget(r *request) (any, error) {
	return nil, a.Rooms.Forget(r.Context(), actor(r), r.PathValue("roomId"))
}

func (a *API) invite(ctx context.Context, u rooms.User, roomID, target, reason string) error {
	return a.Rooms.Invite(ctx, u, roomID, target, reason, false)
}

// about answers the requests that change another user's membership.
func (a *API) about(change func(ctx context.Context, u rooms.User, roomID, target, reason string) error) func(*request) (any, error) {
	return func(r *request) (any, error) {
		var q struct {
			reasonBody
			UserID string `json:"user_id"`
			Medium string `json:"medium"` // of a third-party identifier
		}
		if err := r.Decode(&q); err != nil {
			return nil, err
		}
		if q.UserID == "" && q.Medium != "" {
			return nil, merr.InvalidParam("This server does not invite by e-mail address or telephone number")
		}
		if q.UserID == "" {
			return nil, merr.MissingParam("user_id is missing")
		}
		return nil, change(r.Context(), actor(r), r.PathValue("roomId"), q.UserID, q.Reason)
	}
}
