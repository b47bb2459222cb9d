package fedapi

import (
	"slices"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/directory"
	"beffroi/server/e2ee"
	"beffroi/server/federation/inbox"
	"beffroi/server/federation/selftest"
	"beffroi/server/httpx"
	"beffroi/server/keys"
	"beffroi/server/limits"
	"beffroi/server/media"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// API is what other servers may ask of this one.
type API struct {
	DB         *store.DB
	ServerName string
	Address    string // where this server is, host:port; "": where its name says
	Version    string // of this program
	Now        func() time.Time
	Own        *keys.Own
	Ring       *keys.Ring
	Accounts   *accounts.Service
	Directory  *directory.Service
	Rooms      *rooms.Service
	E2EE       *e2ee.Service
	Media      *media.Service
	Inbox      *inbox.Service
}

// Routes is the index of the API.
func (a *API) Routes() []route {
	return slices.Concat(a.versionRoutes(), a.keyRoutes(), a.roomRoutes(), a.handshakeRoutes(), a.inviteRoutes(), a.thirdPartyRoutes(), a.queryRoutes(), a.deviceRoutes(),
		a.sendRoutes(), a.mediaRoutes(), a.spaceRoutes())
}

// signed is a route for other servers only.
func signed(method, path string, handle httpx.Handler[session]) route {
	return route{Method: method, Path: path, Handle: handle, Auth: httpx.Signed, Class: limits.Servers}
}

// open is a route for everybody.
func open(method, path string, handle httpx.Handler[session]) route {
	return route{Method: method, Path: path, Handle: handle, Auth: httpx.None, Class: limits.Lookup}
}

// Endpoints are the operations for other servers, as a test from outside asks for them.
func Endpoints() (all []selftest.Endpoint) {
	for _, r := range new(API).Routes() {
		all = append(all, selftest.Endpoint{Method: r.Method, Path: r.Path, Signed: r.Auth == httpx.Signed})
	}
	return all
}
