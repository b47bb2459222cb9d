package fedapi

import (
	"slices"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/directory"
	"beffroi/server/e2ee"
	"beffroi/server/httpx"
	"beffroi/server/keys"
	"beffroi/server/limits"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// API is what other servers may ask of this one.
type API struct {
	DB         *store.DB
	ServerName string
	Version    string // of this program
	Now        func() time.Time
	Own        *keys.Own
	Ring       *keys.Ring
	Accounts   *accounts.Service
	Directory  *directory.Service
	Rooms      *rooms.Service
	E2EE       *e2ee.Service
}

// Routes is the index of the API.
func (a *API) Routes() []route {
	return slices.Concat(a.versionRoutes(), a.keyRoutes(), a.roomRoutes(), a.handshakeRoutes(), a.queryRoutes(), a.deviceRoutes())
}

// signed is a route for other servers only.
func signed(method, path string, handle httpx.Handler[session]) route {
	return route{Method: method, Path: path, Handle: handle, Auth: httpx.Signed, Class: limits.Servers}
}

// open is a route for everybody.
func open(method, path string, handle httpx.Handler[session]) route {
	return route{Method: method, Path: path, Handle: handle, Auth: httpx.None, Class: limits.Lookup}
}
