package fedapi

import "beffroi/server/merr"

func (a *API) versionRoutes() []route {
	return []route{
		open("GET", "/_matrix/federation/v1/version", a.version),
		open("GET", "/.well-known/matrix/server", a.wellKnown),
	}
}

// Source: server-server API, "GET /_matrix/federation/v1/version".
func (a *API) version(*request) (any, error) {
	return map[string]any{"server": map[string]string{"name": "Beffroi", "version": a.Version}}, nil
}

// wellKnown says where this server is, to those who ask it under its own name. Source: server-server API, "GET /.well-known/matrix/server".
func (a *API) wellKnown(*request) (any, error) {
	if a.Address == "" {
		return nil, merr.NotFound("This server is where its name says")
	}
	return map[string]string{"m.server": a.Address}, nil
}
