package clientapi

import (
	"beffroi/server/directory"
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/merr"
)

// Spec: client-server API, "Room aliases" and "Published room directory". The list of rooms is for accounts only, as Synapse has it by default:
// what a town hall's rooms are about is not everybody's business.
func (a *API) directoryRoutes() []route {
	return []route{
		{Method: "GET", Path: "/_matrix/client/v3/directory/room/{roomAlias}", Handle: a.lookUpAlias, Auth: httpx.None, Class: limits.Lookup},
		{Method: "PUT", Path: "/_matrix/client/v3/directory/room/{roomAlias}", Handle: a.setAlias, Class: limits.Settings},
		{Method: "DELETE", Path: "/_matrix/client/v3/directory/room/{roomAlias}", Handle: a.deleteAlias, Class: limits.Settings},
		{Method: "GET", Path: "/_matrix/client/v3/rooms/{roomId}/aliases", Handle: a.aliases, Class: limits.Lookup},
		{Method: "GET", Path: "/_matrix/client/v3/directory/list/room/{roomId}", Handle: a.visibility, Auth: httpx.None, Class: limits.Lookup},
		{Method: "PUT", Path: "/_matrix/client/v3/directory/list/room/{roomId}", Handle: a.publish, Class: limits.Settings},
		{Method: "GET", Path: "/_matrix/client/v3/publicRooms", Handle: a.publicRooms, Class: limits.Lookup},
		{Method: "POST", Path: "/_matrix/client/v3/publicRooms", Handle: a.queryPublicRooms, Suspended: true, Class: limits.Lookup},
	}
}

func (a *API) lookUpAlias(r *request) (any, error) {
	roomID, servers, err := a.Directory.Lookup(r.Context(), r.PathValue("roomAlias"))
	return map[string]any{"room_id": roomID, "servers": servers}, err
}

func (a *API) setAlias(r *request) (any, error) {
	var q struct {
		RoomID string `json:"room_id"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.RoomID == "" {
		return nil, merr.MissingParam("room_id is missing")
	}
	if err := a.mayName(r, r.PathValue("roomAlias")); err != nil {
		return nil, err
	}
	return nil, a.Directory.SetAlias(r.Context(), actor(r), r.PathValue("roomAlias"), q.RoomID)
}

func (a *API) deleteAlias(r *request) (any, error) {
	alias, service := r.PathValue("roomAlias"), r.Session.Service
	if err := a.mayName(r, alias); err != nil {
		return nil, err
	}
	return nil, a.Directory.DeleteAlias(r.Context(), actor(r), alias, service != nil)
}

func (a *API) aliases(r *request) (any, error) {
	aliases, err := a.Directory.Aliases(r.Context(), actor(r), r.PathValue("roomId"))
	return map[string][]string{"aliases": aliases}, err
}

func (a *API) visibility(r *request) (any, error) {
	public, err := a.Directory.Visibility(r.Context(), r.PathValue("roomId"))
	visibility := "private"
	if public {
		visibility = "public"
	}
	return map[string]string{"visibility": visibility}, err
}

func (a *API) publish(r *request) (any, error) {
	q := struct {
		Visibility string `json:"visibility"`
	}{"public"}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.Visibility != "public" && q.Visibility != "private" {
		return nil, merr.BadJSON("visibility is public or private, not %q", q.Visibility)
	}
	return nil, a.Directory.Publish(r.Context(), actor(r), r.PathValue("roomId"), q.Visibility == "public")
}

func (a *API) publicRooms(r *request) (any, error) {
	params := r.URL.Query()
	limit, err := limitOf(r, 0)
	if err != nil {
		return nil, err
	}
	return a.Directory.Public(r.Context(), directory.PublicQuery{Limit: limit, Since: params.Get("since"), Server: params.Get("server")})
}

func (a *API) queryPublicRooms(r *request) (any, error) {
	var q struct {
		Limit  int    `json:"limit"`
		Since  string `json:"since"`
		Filter struct {
			Search string    `json:"generic_search_term"`
			Types  []*string `json:"room_types"`
		} `json:"filter"`
		AllNetworks bool   `json:"include_all_networks"`
		Network     string `json:"third_party_instance_id"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.AllNetworks && q.Network != "" {
		return nil, merr.InvalidParam("third_party_instance_id and include_all_networks exclude each other")
	}
	return a.Directory.Public(r.Context(), directory.PublicQuery{Limit: q.Limit, Since: q.Since, Server: r.URL.Query().Get("server"),
		Search: q.Filter.Search, Types: q.Filter.Types, Network: q.Network, AllNetworks: q.AllNetworks})
}
