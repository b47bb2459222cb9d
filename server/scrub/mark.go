package scrub

import (
	"context"
	"errors"

	"beffroi/server/store"
)

// mark compares the database with its high-water mark. Under a server that runs both move, and what was missing at its start it has told.
func (s *scrub) mark(ctx context.Context, path string) error {
	m, ok, err := store.ReadMark(path) // first: what comes later is above it
	if errors.Is(err, store.ErrMark) {
		s.found.add(Finding{Kind: Structure, Table: store.HighWaterName, Count: 1, Details: []string{err.Error()}})
		return nil
	}
	if err != nil || !ok {
		return err
	}
	return s.r.piece(ctx, func() error {
		missing, lacks, err := store.MissingBelow(ctx, s.r.conn, m)
		if damaged(err) {
			return nil // told where it stands
		}
		if lacks {
			s.found.add(Finding{Kind: Missing, Count: missing.Events, Since: missing.From, Until: missing.To})
		}
		return err
	})
}
