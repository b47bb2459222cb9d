package clientapi

import (
	"beffroi/server/httpx"
	"beffroi/server/limits"
)

// Source: client-server API, "Room Tagging".
func (a *API) tagRoutes() []route {
	const tags = "/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags"
	return []route{
		{Method: "GET", Path: tags, Handle: a.tags},
		{Method: "PUT", Path: tags + "/{tag}", Handle: a.setTag, Suspended: true, Class: limits.Settings},
		{Method: "DELETE", Path: tags + "/{tag}", Handle: a.deleteTag, Suspended: true, Class: limits.Settings},
	}
}

func (a *API) tags(r *request) (any, error) {
	room, err := a.ownRoom(r)
	if err != nil {
		return nil, err
	}
	tags, err := a.Accounts.Tags(r.Context(), r.Session.User, room)
	return map[string]any{"tags": tags}, err
}

func (a *API) setTag(r *request) (any, error) {
	room, err := a.ownRoom(r)
	if err != nil {
		return nil, err
	}
	raw, err := r.ReadObject()
	if err != nil {
		return nil, err
	}
	var info struct {
		Order *float64 `json:"order"`
	}
	if err := httpx.DecodeObject(raw, &info); err != nil {
		return nil, err
	}
	return nil, a.Accounts.SetTag(r.Context(), r.Session.User, room, r.PathValue("tag"), raw)
}

func (a *API) deleteTag(r *request) (any, error) {
	room, err := a.ownRoom(r)
	if err != nil {
		return nil, err
	}
	return nil, a.Accounts.DeleteTag(r.Context(), r.Session.User, room, r.PathValue("tag"))
}
