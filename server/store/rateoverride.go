package store

// RateOverride is what an administrator allows one account instead of the limits of everybody: how many events it may send in a second, and at once.
// Where both are 0 the account has no limits at all.
type RateOverride struct{ PerSecond, Burst int }

const (
	selectRateOverride = `SELECT per_second, burst FROM rate_override WHERE user = ?`
	upsertRateOverride = `INSERT INTO rate_override (user, per_second, burst) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET per_second = excluded.per_second, burst = excluded.burst`
	deleteRateOverride = `DELETE FROM rate_override WHERE user = ?`
)

// RateOverride gives a user's. It tells whether there is one.
func (r *Reader) RateOverride(user Atom) (o RateOverride, found bool, err error) {
	found, err = r.row(selectRateOverride, in(user), &o.PerSecond, &o.Burst)
	return o, found, err
}

// PutRateOverride sets a user's.
func (tx *Tx) PutRateOverride(user Atom, o RateOverride) error {
	return tx.exec(upsertRateOverride, user, o.PerSecond, o.Burst)
}

// DeleteRateOverride removes a user's, if it is there.
func (tx *Tx) DeleteRateOverride(user Atom) error { return tx.exec(deleteRateOverride, user) }
