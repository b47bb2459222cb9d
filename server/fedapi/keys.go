package fedapi

import (
	"encoding/json"
	"net/url"
	"strconv"

	"beffroi/server/httpx"
	"beffroi/server/keys"
	"beffroi/server/merr"
)

// Source: server-server API, "Retrieving server keys".
func (a *API) keyRoutes() []route {
	return []route{
		open("GET", "/_matrix/key/v2/server", a.ownKeys),
		open("GET", "/_matrix/key/v2/query/{serverName}", a.keysOfOne),
		open("POST", "/_matrix/key/v2/query", a.keysOfMany),
	}
}

// ownKeys gives the canonical bytes that were signed: there are servers that check those they get.
func (a *API) ownKeys(*request) (any, error) {
	d, err := a.Own.Document()
	return httpx.Raw(d), err
}

type serverKeys struct {
	Keys []json.RawMessage `json:"server_keys"`
}

func (a *API) keysOfOne(r *request) (any, error) {
	until, err := millis(r.URL.Query(), "minimum_valid_until_ts")
	if err != nil {
		return nil, err
	}
	found, err := a.Ring.Answer(r.Context(), keys.Query{r.PathValue("serverName"): until})
	return serverKeys{found}, err
}

func (a *API) keysOfMany(r *request) (any, error) {
	var body struct {
		Servers map[string]map[string]struct {
			Until int64 `json:"minimum_valid_until_ts"`
		} `json:"server_keys"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Servers == nil {
		return nil, merr.MissingParam("server_keys is missing")
	}
	q := keys.Query{}
	for server, wanted := range body.Servers {
		q[server] = 0
		for _, key := range wanted {
			q[server] = max(q[server], key.Until)
		}
	}
	found, err := a.Ring.Answer(r.Context(), q)
	return serverKeys{found}, err
}

// millis reads a time from the query, 0 where there is none.
func millis(q url.Values, name string) (int64, error) {
	if !q.Has(name) {
		return 0, nil
	}
	n, err := strconv.ParseInt(q.Get(name), 10, 64)
	if err != nil {
		return 0, merr.InvalidParam("%s is no integer", name)
	}
	return n, nil
}
