package media

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"beffroi/server/store"
)

// When media of other servers was used last is written each minute, and before it decides what goes.
const (
	noteEvery = time.Minute
	maxNotes  = 10_000
)

type remoteName struct{ server, id string }

// lastUsed is what was used since it was written last.
type lastUsed struct {
	mu sync.Mutex
	at map[remoteName]int64 // milliseconds
}

func (l *lastUsed) note(name remoteName, now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.at) < maxNotes { // beyond, something that is used goes a little early
		l.at[name] = now
	}
}

func (l *lastUsed) take() map[remoteName]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.at
	l.at = map[remoteName]int64{}
	return at
}

// flush writes what was used.
func (f *fetcher) flush(ctx context.Context, db *store.DB) error {
	at := f.lastUsed.take()
	if len(at) == 0 {
		return nil
	}
	return db.Write(ctx, func(tx *store.Tx) error {
		for name, used := range at {
			if err := tx.TouchRemoteMedia(name.server, name.id, used); err != nil {
				return err
			}
		}
		return nil
	})
}

// Run writes when media of other servers was used last, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.remote.flush(context.WithoutCancel(ctx), s.db)
		case <-tick.C:
			if err := s.remote.flush(ctx, s.db); err != nil {
				s.log.Error().Err(err).Msg("when media was used could not be written")
			}
		}
	}
}

// shrinkRemote removes what was used longest ago until all that is kept of other servers fits into a budget.
func (s *Service) shrinkRemote(ctx context.Context, budget int64) error {
	if err := s.remote.flush(ctx, s.db); err != nil {
		return err
	}
	for {
		n, err := s.drop(ctx, func(tx *store.Tx) ([][]byte, error) {
			over, err := tx.RemoteMediaBytes()
			if over -= budget; err != nil || over <= 0 {
				return nil, err
			}
			list, err := tx.OldestRemoteMedia(math.MaxInt64, erasedPerWrite)
			for i, m := range list {
				if over -= m.Size; over <= 0 {
					list = list[:i+1]
					break
				}
			}
			if err != nil {
				return nil, err
			}
			return forgetRemote(tx, list)
		})
		if err != nil || n < erasedPerWrite {
			return err
		}
	}
}

// forgetRemote forgets what was fetched, and gives its hashes.
func forgetRemote(tx *store.Tx, list []store.RemoteMedia) (sums [][]byte, err error) {
	for _, m := range list {
		err = errors.Join(err, tx.DeleteRemoteMedia(m.Server, m.ID))
		sums = append(sums, m.SHA256)
	}
	return sums, err
}

// PurgeRemote removes what was fetched from other servers and not used since a time, and tells how many files that were.
func (s *Service) PurgeRemote(ctx context.Context, unusedSince time.Time) (total int, err error) {
	if err := s.remote.flush(ctx, s.db); err != nil {
		return 0, err
	}
	for {
		n, err := s.drop(ctx, func(tx *store.Tx) ([][]byte, error) {
			list, err := tx.OldestRemoteMedia(store.Millis(unusedSince), erasedPerWrite)
			if err != nil {
				return nil, err
			}
			return forgetRemote(tx, list)
		})
		total += n
		if err != nil || n < erasedPerWrite {
			return total, err
		}
	}
}
