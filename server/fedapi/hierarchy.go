package fedapi

import (
	"strconv"

	"beffroi/server/merr"
)

// Source: server-server API, "Spaces".
func (a *API) spaceRoutes() []route {
	return []route{signed("GET", "/_matrix/federation/v1/hierarchy/{roomId}", a.hierarchy)}
}

func (a *API) hierarchy(r *request) (any, error) {
	suggestedOnly := false
	if s := r.URL.Query().Get("suggested_only"); s != "" {
		var err error
		if suggestedOnly, err = strconv.ParseBool(s); err != nil {
			return nil, merr.InvalidParam("suggested_only is true or false")
		}
	}
	return a.Directory.HierarchyFor(r.Context(), r.Origin, r.PathValue("roomId"), suggestedOnly)
}
