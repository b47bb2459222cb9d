package fedapi

import (
	"encoding/json"

	"beffroi/server/directory"
	"beffroi/server/merr"
	"beffroi/server/pdu"
)

// Source: server-server API, "Querying for information", "Published Room Directory".
func (a *API) queryRoutes() []route {
	const v1 = "/_matrix/federation/v1/"
	return []route{
		signed("GET", v1+"query/profile", a.profile),
		signed("GET", v1+"query/directory", a.alias),
		signed("GET", v1+"publicRooms", a.publicRooms),
		signed("POST", v1+"publicRooms", a.queryPublicRooms),
	}
}

func (a *API) profile(r *request) (any, error) {
	userID, err := required(r.URL.Query(), "user_id")
	if err != nil {
		return nil, err
	}
	if pdu.ServerOf(userID) != a.ServerName {
		return nil, merr.InvalidParam("%s is no user of this server", userID)
	}
	profile, err := a.Accounts.Profile(r.Context(), userID)
	field := r.URL.Query().Get("field")
	if err != nil || field == "" {
		return profile, err
	}
	value, ok := profile[field]
	if !ok {
		return nil, merr.NotFound("This user's profile has no such field")
	}
	return map[string]json.RawMessage{field: value}, nil
}

func (a *API) alias(r *request) (any, error) {
	alias, err := required(r.URL.Query(), "room_alias")
	if err != nil {
		return nil, err
	}
	if pdu.ServerOf(alias) != a.ServerName {
		return nil, merr.NotFound("That is no alias of this server")
	}
	roomID, servers, err := a.Directory.Lookup(r.Context(), alias)
	return map[string]any{"room_id": roomID, "servers": servers}, err
}

// publicRooms leaves out what application services keep: what their networks have is for who uses them here.
func (a *API) publicRooms(r *request) (any, error) {
	q := r.URL.Query()
	limit, err := millis(q, "limit") // an integer as any
	if err != nil {
		return nil, err
	}
	return a.Directory.Public(r.Context(), directory.PublicQuery{Federated: true, Limit: int(min(limit, 1000)), Since: q.Get("since")})
}

func (a *API) queryPublicRooms(r *request) (any, error) {
	var q struct {
		Limit  int    `json:"limit"`
		Since  string `json:"since"`
		Filter struct {
			Search string    `json:"generic_search_term"`
			Types  []*string `json:"room_types"`
		} `json:"filter"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	return a.Directory.Public(r.Context(), directory.PublicQuery{Federated: true, Limit: q.Limit, Since: q.Since, Search: q.Filter.Search, Types: q.Filter.Types})
}
