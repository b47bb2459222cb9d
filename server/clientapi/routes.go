// Package clientapi is the client-server API: one file per chapter of the specification, each with its routes on top.
package clientapi

import (
	"slices"
	"strings"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/appservice"
	"beffroi/server/delayed"
	"beffroi/server/directory"
	"beffroi/server/e2ee"
	"beffroi/server/ephemeral"
	"beffroi/server/httpx"
	"beffroi/server/journal"
	"beffroi/server/media"
	"beffroi/server/preview"
	"beffroi/server/push"
	"beffroi/server/push/pusher"
	"beffroi/server/rooms"
	"beffroi/server/search"
	"beffroi/server/store"
	"beffroi/server/syncer"
	"beffroi/server/threepid"
)

type (
	request = httpx.Request[*accounts.Session]
	route   = httpx.Route[*accounts.Session]
)

// API serves the client-server API from the services it is made of.
type API struct {
	DB         *store.DB
	Now        func() time.Time
	ServerName string
	BaseURL    string // where clients reach this server, without a slash at the end

	Journal            *journal.Service
	Accounts           *accounts.Service
	Rooms              *rooms.Service
	Directory          *directory.Service
	Delayed            *delayed.Service
	Leaver             Leaver            // for deactivation
	Profiles           ProfilePropagator // for changes of a display name or avatar
	E2EE               *e2ee.Service
	Ephemeral          *ephemeral.Service
	Media              *media.Service
	Previews           *preview.Service
	Syncer             *syncer.Syncer
	Push               *push.Service
	Pushers            *pusher.Service
	Index              *search.Index
	Services           *appservice.Service
	RoomVersion        string // that rooms are made with where nobody names one
	Threepids          *threepid.Service
	RegistrationStages []accounts.Stage // what other packages check of who registers

	OpenMedia bool // downloads without access token, as before the freeze of /_matrix/media
}

// Routes is the table of the whole API. Each route has a class (package limits), which says how often it may be asked for: one that names none is cheap.
func (a *API) Routes() []route {
	return withOldPaths(slices.Concat(
		a.createRoomRoutes(),
		a.membershipRoutes(),
		a.directoryRoutes(),
		a.userDirectoryRoutes(),
		a.roomDiscoveryRoutes(),
		a.reportRoutes(),
		a.upgradeRoutes(),
		a.peekRoutes(),
		a.sendRoutes(),
		a.delayedRoutes(),
		a.stateRoutes(),
		a.messageRoutes(),
		a.relationRoutes(),
		a.searchRoutes(),
		a.syncRoutes(),
		a.slidingSyncRoutes(),
		a.threadUpdateRoutes(),
		a.discoveryRoutes(),
		a.loginRoutes(),
		a.registerRoutes(),
		a.accountRoutes(),
		a.threepidRoutes(),
		a.deviceRoutes(),
		a.moderationRoutes(),
		a.openIDRoutes(),
		a.profileRoutes(),
		a.accountDataRoutes(),
		a.tagRoutes(),
		a.filterRoutes(),
		a.typingRoutes(),
		a.presenceRoutes(),
		a.receiptRoutes(),
		a.readMarkerRoutes(),
		a.keyRoutes(),
		a.crossSigningRoutes(),
		a.keyBackupRoutes(),
		a.dehydratedRoutes(),
		a.toDeviceRoutes(),
		a.mediaRoutes(),
		a.pushRuleRoutes(),
		a.pusherRoutes(),
		a.notificationRoutes(),
		a.appServiceRoutes(),
		a.thirdPartyRoutes(),
		a.absentRoutes(),
	))
}

// withOldPaths adds the paths that the endpoints of version 3 had before v1.1 of the specification: old programs still ask there.
// /versions doesn't name those releases, since what changed in an endpoint meanwhile is not undone.
//
// Source: client-server API r0.6.1.
func withOldPaths(routes []route) []route {
	for _, r := range slices.Clone(routes) {
		for _, api := range []string{"/_matrix/client/", "/_matrix/media/"} {
			if rest, ok := strings.CutPrefix(r.Path, api+"v3/"); ok {
				r.Path = api + "r0/" + rest
				routes = append(routes, r)
			}
		}
	}
	return routes
}
