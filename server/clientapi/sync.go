package clientapi

import (
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"beffroi/server/eventfilter"
	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/syncer"
	"beffroi/server/synctoken"
)

// Source: client-server API, "Syncing".
func (a *API) syncRoutes() []route {
	return []route{
		{Method: "GET", Path: "/_matrix/client/v3/sync", Handle: a.sync, Class: limits.Sync},
	}
}

func (a *API) sync(r *request) (any, error) {
	q, err := a.syncRequest(r)
	if err != nil {
		return nil, err
	}
	defer a.Ephemeral.Polls(r.Session, r.URL.Query().Get("set_presence"))()
	return a.Syncer.Sync(r.Context(), q)
}

// syncRequest reads the query.
func (a *API) syncRequest(r *request) (q *syncer.Request, err error) {
	v := r.URL.Query()
	q = &syncer.Request{Session: r.Session}
	if q.Filter, err = a.syncFilter(r, v.Get("filter")); err != nil {
		return nil, err
	}
	if q.Since, err = since(v.Get("since")); err != nil {
		return nil, err
	}
	if q.Timeout, err = milliseconds(v, "timeout"); err != nil {
		return nil, err
	}
	if q.FullState, err = boolean(v, "full_state"); err != nil {
		return nil, err
	}
	if q.StateAfter, err = boolean(v, "use_state_after"); err != nil {
		return nil, err
	}
	return q, presence(v.Get("set_presence"))
}

func presence(text string) error {
	switch text {
	case "", "online", "offline", "unavailable":
		return nil
	}
	return merr.InvalidParam("set_presence must be online, offline or unavailable")
}

// syncFilter reads a filter or the id of one: which it is, its first character tells.
func (a *API) syncFilter(r *request, text string) (*eventfilter.Filter, error) {
	switch {
	case text == "":
		return nil, nil
	case strings.HasPrefix(text, "{"):
		return eventfilter.Parse([]byte(text))
	}
	return a.Syncer.Filter(r.Context(), r.Session, text)
}

func since(token string) (*synctoken.Sync, error) {
	if token == "" {
		return nil, nil
	}
	s, err := synctoken.ParseSync(token)
	return &s, err
}

// milliseconds reads a time from the query, 0 where there is none.
func milliseconds(v url.Values, name string) (time.Duration, error) {
	if !v.Has(name) {
		return 0, nil
	}
	n, err := strconv.ParseInt(v.Get(name), 10, 64)
	if err != nil || n < 0 {
		return 0, merr.InvalidParam("%s must be a number of milliseconds", name).Because(err)
	}
	return time.Duration(min(n, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond, nil
}

// boolean reads true or false from the query, false where there is nothing.
func boolean(v url.Values, name string) (bool, error) {
	switch v.Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, merr.InvalidParam("%s must be true or false", name)
}
