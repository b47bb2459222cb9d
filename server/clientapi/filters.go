package clientapi

import (
	"maunium.net/go/mautrix"

	"beffroi/server/httpx"
	"beffroi/server/limits"
)

// Source: client-server API, "Filtering".
func (a *API) filterRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/user/{userId}/filter", Handle: a.putFilter, Limit: httpx.LimitEvent, Suspended: true, Class: limits.Settings},
		{Method: "GET", Path: "/_matrix/client/v3/user/{userId}/filter/{filterId}", Handle: a.filter},
	}
}

func (a *API) putFilter(r *request) (any, error) {
	if err := ownUser(r); err != nil {
		return nil, err
	}
	raw, err := r.ReadObject()
	if err != nil {
		return nil, err
	}
	id, err := a.Accounts.PutFilter(r.Context(), r.Session.User, raw)
	if err != nil {
		return nil, err
	}
	return mautrix.RespCreateFilter{FilterID: id}, nil
}

func (a *API) filter(r *request) (any, error) {
	if err := ownUser(r); err != nil {
		return nil, err
	}
	raw, err := a.Accounts.Filter(r.Context(), r.Session.User, r.PathValue("filterId"))
	return httpx.Raw(raw), err
}
