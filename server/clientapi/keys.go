package clientapi

import (
	"time"

	"beffroi/server/e2ee"
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/synctoken"
)

// Source: client-server API, "End-to-End Encryption", "Key management API".
func (a *API) keyRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/keys/upload", Handle: a.uploadKeys, Limit: httpx.LimitKeys, Suspended: true, Class: limits.Keys},
		{Method: "POST", Path: "/_matrix/client/v3/keys/query", Handle: a.queryKeys, Limit: httpx.LimitKeys, Suspended: true, Class: limits.Keys},
		{Method: "POST", Path: "/_matrix/client/v3/keys/claim", Handle: a.claimKeys, Limit: httpx.LimitKeys, Suspended: true, Class: limits.Keys},
		{Method: "GET", Path: "/_matrix/client/v3/keys/changes", Handle: a.keyChanges},
	}
}

func (a *API) uploadKeys(r *request) (any, error) {
	var body e2ee.KeysUpload
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	counts, err := a.E2EE.Upload(r.Context(), r.Session, &body)
	if err != nil {
		return nil, err
	}
	return keysUploaded{counts}, nil
}

type keysUploaded struct {
	Counts map[string]int `json:"one_time_key_counts"`
}

func (a *API) queryKeys(r *request) (any, error) {
	var body struct {
		Users   map[string][]string `json:"device_keys"`
		Timeout int64               `json:"timeout"` // milliseconds, for other servers
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Users == nil {
		return nil, merr.BadJSON("device_keys is missing")
	}
	return a.E2EE.Query(r.Context(), r.Session, body.Users, wait(body.Timeout))
}

func (a *API) claimKeys(r *request) (any, error) {
	var body struct {
		Wanted  map[string]map[string]string `json:"one_time_keys"`
		Timeout int64                        `json:"timeout"` // milliseconds, for other servers
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Wanted == nil {
		return nil, merr.BadJSON("one_time_keys is missing")
	}
	return a.E2EE.Claim(r.Context(), body.Wanted, wait(body.Timeout))
}

// wait is how long a client waits for other servers, an hour at most.
func wait(ms int64) time.Duration {
	return time.Duration(min(ms, time.Hour.Milliseconds())) * time.Millisecond
}

func (a *API) keyChanges(r *request) (any, error) {
	query := r.URL.Query()
	if !query.Has("from") || !query.Has("to") {
		return nil, merr.MissingParam("from and to are required")
	}
	from, err := synctoken.ParseSync(query.Get("from"))
	if err != nil {
		return nil, err
	}
	to, err := synctoken.ParseSync(query.Get("to"))
	if err != nil {
		return nil, err
	}
	return a.E2EE.Changes(r.Context(), r.Session, from, to)
}
