package clientapi

import (
	"beffroi/server/limits"
	"beffroi/server/merr"
)

// Spec: client-server API, "Room Upgrades".
func (a *API) upgradeRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/upgrade", Handle: a.upgrade, Class: limits.Create},
	}
}

func (a *API) upgrade(r *request) (any, error) {
	var q struct {
		Version  string   `json:"new_version"`
		Creators []string `json:"additional_creators"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.Version == "" {
		return nil, merr.MissingParam("new_version is missing")
	}
	id, err := a.Directory.Upgrade(r.Context(), actor(r), r.PathValue("roomId"), q.Version, q.Creators)
	return map[string]string{"replacement_room": id}, err
}
