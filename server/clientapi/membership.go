package clientapi

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"beffroi/server/merr"
	"beffroi/server/rooms"
)

// Spec: client-server API, "Room membership".
func (a *API) membershipRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/join/{roomIdOrAlias}", Handle: a.join},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/join", Handle: a.join},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/leave", Handle: a.leave},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/forget", Handle: a.forget},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/invite", Handle: a.about(a.invite)},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/kick", Handle: a.about(a.Rooms.Kick)},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/ban", Handle: a.about(a.Rooms.Ban)},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/unban", Handle: a.about(a.Rooms.Unban)},
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
	id := r.PathValue("roomId") + r.PathValue("roomIdOrAlias")
	switch {
	case strings.HasPrefix(id, "#"):
		return nil, merr.NotFound("The room alias %s is not known here", id)
	case !strings.HasPrefix(id, "!"):
		return nil, merr.InvalidParam("%q is neither a room id nor a room alias", id)
	}
	return map[string]string{"room_id": id}, a.Rooms.JoinWith(r.Context(), actor(r), id, q.Reason, q.more)
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
		}
		if err := r.Decode(&q); err != nil {
			return nil, err
		}
		if q.UserID == "" {
			return nil, merr.MissingParam("user_id is missing")
		}
		return nil, change(r.Context(), actor(r), r.PathValue("roomId"), q.UserID, q.Reason)
	}
}
