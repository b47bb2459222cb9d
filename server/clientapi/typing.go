package clientapi

import (
	"time"

	"beffroi/server/limits"
	"beffroi/server/merr"
)

// Spec: client-server API, "Typing Notifications".
func (a *API) typingRoutes() []route {
	return []route{
		{Method: "PUT", Path: "/_matrix/client/v3/rooms/{roomId}/typing/{userId}", Handle: a.setTyping, Class: limits.Ephemeral},
	}
}

func (a *API) setTyping(r *request) (any, error) {
	var body struct {
		Typing  *bool `json:"typing"`
		Timeout int64 `json:"timeout"` // milliseconds
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Typing == nil {
		return nil, merr.BadJSON("typing is missing")
	}
	if r.PathValue("userId") != r.Session.UserID {
		return nil, merr.Forbidden("Nobody types for somebody else")
	}
	a.Ephemeral.Acts(r.Session)
	timeout := time.Duration(min(body.Timeout, time.Hour.Milliseconds())) * time.Millisecond
	return nil, a.Ephemeral.SetTyping(r.Context(), r.PathValue("roomId"), r.Session.User, r.Session.UserID, *body.Typing, timeout)
}
