package clientapi

import (
	"beffroi/server/limits"
	"beffroi/server/merr"
)

// Spec: client-server API, "Presence".
func (a *API) presenceRoutes() []route {
	const path = "/_matrix/client/v3/presence/{userId}/status"
	return []route{
		{Method: "GET", Path: path, Handle: a.presence},
		{Method: "PUT", Path: path, Handle: a.setPresence, Class: limits.Ephemeral},
	}
}

func (a *API) presence(r *request) (any, error) {
	return a.Ephemeral.Presence(r.Context(), r.Session, r.PathValue("userId"))
}

func (a *API) setPresence(r *request) (any, error) {
	if err := ownUser(r); err != nil {
		return nil, err
	}
	var body struct {
		Presence *string `json:"presence"`
		Status   string  `json:"status_msg"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Presence == nil {
		return nil, merr.MissingParam("presence is missing")
	}
	return nil, a.Ephemeral.SetPresence(r.Session, *body.Presence, body.Status)
}
