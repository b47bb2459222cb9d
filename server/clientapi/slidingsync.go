package clientapi

import (
	"time"

	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/syncer"
)

// Source: MSC4186. The unstable path is that of the clients of today, which spell some names as they were before the proposal was merged.
func (a *API) slidingSyncRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v4/sync", Handle: func(r *request) (any, error) { return a.slide(r, true) }, Suspended: true, Class: limits.Sync},
		{Method: "POST", Path: "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync",
			Handle: func(r *request) (any, error) { return a.slide(r, false) }, Suspended: true, Class: limits.Sync},
	}
}

func (a *API) slide(r *request, stable bool) (any, error) {
	q := &syncer.SlidingRequest{Session: r.Session, Stable: stable}
	if err := r.Decode(q); err != nil {
		return nil, err
	}
	if err := slidingQuery(r, q); err != nil {
		return nil, err
	}
	if err := q.Check(); err != nil {
		return nil, err
	}
	defer a.Ephemeral.Polls(r.Session, q.Presence)()
	return a.Syncer.Slide(r.Context(), q)
}

// slidingQuery reads what stood in the query before the proposal was merged.
func slidingQuery(r *request, q *syncer.SlidingRequest) (err error) {
	v := r.URL.Query()
	if v.Has("pos") {
		q.Pos = v.Get("pos")
	}
	if q.Wait, err = milliseconds(v, "timeout"); err != nil {
		return err
	}
	if t := q.Timeout; t != nil {
		if *t < 0 {
			return merr.InvalidParam("timeout must be a number of milliseconds")
		}
		q.Wait = time.Duration(min(*t, syncer.MaxTimeout.Milliseconds())) * time.Millisecond
	}
	if v.Has("set_presence") {
		q.Presence = v.Get("set_presence")
	}
	return presence(q.Presence)
}
