package adminapi

import (
	"beffroi/server/store"
)

// rateEntry is what is allowed to somebody: events a second, and at once.
type rateEntry struct {
	PerSecond int `json:"messages_per_second"`
	Burst     int `json:"burst_count"`
}

func (a *API) rateOverride(r *request) (any, error) {
	info, err := a.Admin.Account(r.Context(), r.PathValue("userId"))
	if err != nil {
		return nil, err
	}
	o, found, err := a.Accounts.RateOverride(r.Context(), info.User)
	if err != nil || !found {
		return nil, err
	}
	return rateEntry{o.PerSecond, o.Burst}, nil
}

func (a *API) setRateOverride(r *request) (any, error) {
	var q rateEntry
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	return q, a.Admin.SetRateOverride(r.Context(), actor(r), r.PathValue("userId"), &store.RateOverride{PerSecond: q.PerSecond, Burst: q.Burst})
}

func (a *API) deleteRateOverride(r *request) (any, error) {
	return nil, a.Admin.SetRateOverride(r.Context(), actor(r), r.PathValue("userId"), nil)
}
