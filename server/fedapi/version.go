package fedapi

func (a *API) versionRoutes() []route {
	return []route{open("GET", "/_matrix/federation/v1/version", a.version)}
}

// Source: server-server API, "GET /_matrix/federation/v1/version".
func (a *API) version(*request) (any, error) {
	return map[string]any{"server": map[string]string{"name": "Beffroi", "version": a.Version}}, nil
}
