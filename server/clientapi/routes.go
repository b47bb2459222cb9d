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
type API struct{}

// Routes is the table of the whole API.
func (a *API) Routes() []route {
	return slices.Concat(
		[]route{},
	)
}
