package fedapi

import (
	"slices"

	"beffroi/server/httpx"
	"beffroi/server/keys"
	"beffroi/server/limits"
	"beffroi/server/store"
)

// API is what other servers may ask of this one.
type API struct {
	DB         *store.DB
	ServerName string
	Version    string // of this program
	Own        *keys.Own
	Ring       *keys.Ring
}

// Routes is the index of the API.
func (a *API) Routes() []route {
	return slices.Concat(a.versionRoutes(), a.keyRoutes())
}

// signed is a route for other servers only.
func signed(method, path string, handle httpx.Handler[session]) route {
	return route{Method: method, Path: path, Handle: handle, Auth: httpx.Signed, Class: limits.Servers}
}

// open is a route for everybody.
func open(method, path string, handle httpx.Handler[session]) route {
	return route{Method: method, Path: path, Handle: handle, Auth: httpx.None, Class: limits.Lookup}
}
