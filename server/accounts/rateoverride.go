package accounts

import (
	"context"
	"time"

	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/store"
)

const maxRate = 1_000_000 // of events, a second or at once

// RateOverride gives what an administrator allows a user instead of the limits of everybody. It tells whether there is something.
func (s *Service) RateOverride(ctx context.Context, user store.Atom) (o store.RateOverride, found bool, err error) {
	err = s.db.Peek(ctx, func(r *store.Reader) (err error) {
		o, found, err = r.RateOverride(user)
		return err
	})
	return o, found, err
}

// SetRateOverride allows a user what everybody is not allowed, or takes that back where o is nil. It refuses with 400 M_INVALID_PARAM what is no rate.
// Source: Synapse's admin API, "Override ratelimiting for users".
func (s *Service) SetRateOverride(ctx context.Context, user store.Atom, o *store.RateOverride) error {
	if o != nil && (o.PerSecond < 0 || o.Burst < 0 || o.PerSecond > maxRate || o.Burst > maxRate) {
		return merr.InvalidParam("messages_per_second and burst_count are from 0 to %d", maxRate)
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		tx.OnCommit(func() { s.sessions.forgetUser(user) })
		if o == nil {
			return tx.DeleteRateOverride(user)
		}
		return tx.PutRateOverride(user, *o)
	})
}

// allowance reads what a user's sessions may do.
func allowance(r *store.Reader, user store.Atom) (limits.Allowance, error) {
	o, found, err := r.RateOverride(user)
	if !found || err != nil {
		return limits.Allowance{}, err
	}
	if o == (store.RateOverride{}) {
		return limits.Allowance{Unlimited: true}, nil
	}
	return limits.Allowance{Send: limits.Rate{Burst: max(1, o.Burst), Every: time.Second / time.Duration(max(1, o.PerSecond))}}, nil
}
