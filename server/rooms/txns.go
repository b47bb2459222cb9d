package rooms

import (
	"context"
	"time"

	"beffroi/server/store"
)

// How long a transaction id is remembered, how often those that are older are forgotten, and how many in one write.
const (
	txnLifetime = 7 * 24 * time.Hour
	txnsEvery   = 24 * time.Hour
	txnsPerTime = 500
)

// Run forgets old transaction ids, at once and every day, until ctx ends. Where it fails it tells so and tries again the next day.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(txnsEvery)
	defer tick.Stop()
	for {
		if err := s.forgetTxns(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn().Err(err).Msg("old transaction ids are still there")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// forgetTxns walks over all transaction ids of all kinds of requests.
func (s *Service) forgetTxns(ctx context.Context) error {
	before := store.Millis(s.now().Add(-txnLifetime))
	var last store.Txn
	for {
		old, err := store.Get(ctx, s.db, func(r *store.Reader) ([]store.Txn, error) { return r.TxnsBefore(before, last, txnsPerTime) })
		if err != nil || len(old) == 0 {
			return err
		}
		if err := s.db.Write(ctx, func(tx *store.Tx) error { return tx.ForgetTxns(old) }); err != nil {
			return err
		}
		last = old[len(old)-1]
	}
}
