package clientapi

import (
	"net/url"

	"beffroi/server/limits"
)

// What application services bridge to. Spec: client-server API, "Third-party Networks".
func (a *API) thirdPartyRoutes() []route {
	const thirdParty = "/_matrix/client/v3/thirdparty"
	return []route{
		{Method: "GET", Path: thirdParty + "/protocols", Handle: a.protocols, Class: limits.Lookup},
		{Method: "GET", Path: thirdParty + "/protocol/{protocol}", Handle: a.protocol, Class: limits.Lookup},
		{Method: "GET", Path: thirdParty + "/location", Handle: a.locations, Class: limits.Lookup},
		{Method: "GET", Path: thirdParty + "/location/{protocol}", Handle: a.locations, Class: limits.Lookup},
		{Method: "GET", Path: thirdParty + "/user", Handle: a.networkUsers, Class: limits.Lookup},
		{Method: "GET", Path: thirdParty + "/user/{protocol}", Handle: a.networkUsers, Class: limits.Lookup},
	}
}

func (a *API) protocols(r *request) (any, error) { return a.Services.Protocols(r.Context()), nil }

func (a *API) protocol(r *request) (any, error) {
	return a.Services.Protocol(r.Context(), r.PathValue("protocol"))
}

func (a *API) locations(r *request) (any, error) {
	return a.Services.Locations(r.Context(), r.PathValue("protocol"), searched(r))
}

func (a *API) networkUsers(r *request) (any, error) {
	return a.Services.People(r.Context(), r.PathValue("protocol"), searched(r))
}

// searched are the fields that somebody searches by, without what proves who they are.
func searched(r *request) url.Values {
	fields := r.URL.Query()
	for _, own := range []string{"access_token", "user_id", "device_id"} {
		fields.Del(own)
	}
	return fields
}
