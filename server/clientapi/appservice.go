package clientapi

import (
	"net/http"
	"strconv"

	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/rooms"
)

// What only application services may ask. Spec: application service API, "Client-Server API Extensions".
func (a *API) appServiceRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v1/appservice/{appserviceId}/ping", Handle: a.pingService, Suspended: true, Class: limits.Settings},
		{Method: "PUT", Path: "/_matrix/client/v3/directory/list/appservice/{networkId}/{roomId}", Handle: a.publishInNetwork, Class: limits.Settings},
	}
}

func (a *API) pingService(r *request) (any, error) {
	var q struct {
		TxnID string `json:"transaction_id"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	service := r.Session.Service
	if service == nil || service.ID != r.PathValue("appserviceId") {
		return nil, merr.Forbidden("The access token is not the one of this application service")
	}
	took, err := a.Services.Ping(r.Context(), service, q.TxnID)
	return map[string]int64{"duration_ms": took.Milliseconds()}, err
}

func (a *API) publishInNetwork(r *request) (any, error) {
	var q struct {
		Visibility string `json:"visibility"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if r.Session.Service == nil {
		return nil, merr.Forbidden("Only application services keep directories of networks")
	}
	if q.Visibility != "public" && q.Visibility != "private" {
		return nil, merr.BadJSON("visibility is public or private, not %q", q.Visibility)
	}
	return nil, a.Services.Publish(r.Context(), r.Session.Service, r.PathValue("networkId"), r.PathValue("roomId"), q.Visibility == "public")
}

// maxTime is the largest origin_server_ts. Spec: appendices, "Canonical JSON".
const maxTime = 1<<53 - 1

// dated is actor, with the time that an application service gives an event by the parameter ts.
//
// Spec: application service API, "Timestamp massaging".
func dated(r *request) (rooms.User, error) {
	u := actor(r)
	parameters := r.URL.Query()
	if r.Session.Service == nil || !parameters.Has("ts") {
		return u, nil
	}
	var err error
	if u.At, err = strconv.ParseInt(parameters.Get("ts"), 10, 64); err != nil || u.At < 0 || u.At > maxTime {
		return u, merr.InvalidParam("ts is not a number of milliseconds")
	}
	return u, nil
}

// mayName refuses an alias that belongs to an application service, to everybody but that one, and to a service what is not in its namespaces.
//
// Spec: application service API, "Server admin style permissions".
func (a *API) mayName(r *request, alias string) error {
	service := r.Session.Service
	if service != nil && !service.HasAlias(alias) || a.Accounts.Services().AliasTaken(alias, service) {
		return merr.New(http.StatusBadRequest, "M_EXCLUSIVE", "This alias belongs to an application service, or is not in the service's namespaces")
	}
	return nil
}
