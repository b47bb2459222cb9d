package fedapi

import (
	"beffroi/server/merr"
	"beffroi/server/pdu"
)

// Source: server-server API, "End-to-End Encryption", "Device Management".
func (a *API) deviceRoutes() []route {
	const v1 = "/_matrix/federation/v1/"
	return []route{
		signed("GET", v1+"user/devices/{userId}", a.userDevices),
		signed("POST", v1+"user/keys/query", a.queryKeys),
		signed("POST", v1+"user/keys/claim", a.claimKeys),
	}
}

func (a *API) userDevices(r *request) (any, error) {
	if pdu.ServerOf(r.PathValue("userId")) != a.ServerName {
		return nil, merr.InvalidParam("%s is no user of this server", r.PathValue("userId"))
	}
	return a.E2EE.UserDevices(r.Context(), r.PathValue("userId"))
}

func (a *API) queryKeys(r *request) (any, error) {
	var q struct {
		Users map[string][]string `json:"device_keys"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.Users == nil {
		return nil, merr.MissingParam("device_keys is missing")
	}
	found, err := a.E2EE.QueryLocal(r.Context(), q.Users)
	if err != nil {
		return nil, err
	}
	return map[string]any{"device_keys": found.DeviceKeys, "master_keys": found.MasterKeys, "self_signing_keys": found.SelfSigningKeys}, nil
}

func (a *API) claimKeys(r *request) (any, error) {
	var q struct {
		Users map[string]map[string]string `json:"one_time_keys"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.Users == nil {
		return nil, merr.MissingParam("one_time_keys is missing")
	}
	found, err := a.E2EE.ClaimLocal(r.Context(), q.Users)
	if err != nil {
		return nil, err
	}
	return map[string]any{"one_time_keys": found.OneTimeKeys}, nil
}
