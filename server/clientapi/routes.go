// Package clientapi is the client-server API: one file per chapter of the specification, each with its routes on top.
package clientapi

import (
	"slices"

	"beffroi/server/accounts"
	"beffroi/server/httpx"
)

type (
	request = httpx.Request[*accounts.Session]
	route   = httpx.Route[*accounts.Session]
)

// API serves the client-server API from the services it is made of.
type API struct {
	ServerName string
	BaseURL    string // where clients reach this server, without a slash at the end

	Accounts *accounts.Service
	Leaver   Leaver            // for deactivation
	Profiles ProfilePropagator // for changes of a display name or avatar
}

// Routes is the table of the whole API.
func (a *API) Routes() []route {
	return slices.Concat(
		a.discoveryRoutes(),
		a.loginRoutes(),
		a.registerRoutes(),
		a.accountRoutes(),
		a.deviceRoutes(),
		a.profileRoutes(),
		a.accountDataRoutes(),
		a.tagRoutes(),
		a.filterRoutes(),
		a.synapseAdminRoutes(),
	)
}
