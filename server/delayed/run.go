package delayed

import (
	"context"
	"net/http"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
)

const (
	perRead    = 100             // events that are read at a time
	retryAfter = 5 * time.Second // where this server could not send an event
	perWrite   = 500             // finalised events that are forgotten in one write
)

// Run sends what is due, until ctx ends: at the start what came due while the server was not running, in its order.
func (s *Service) Run(ctx context.Context) error {
	for {
		wait, err := s.sendDue(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn().Err(err).Msg("delayed events could not be sent: they stay scheduled")
			wait = retryAfter
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.sooner:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// sendDue sends what is due and gives how long nothing else will be. Where this server fails with an event, the others are sent.
func (s *Service) sendDue(ctx context.Context) (wait time.Duration, failure error) {
	now := store.Millis(s.now())
	var last store.DelayedEvent
	for {
		due, err := store.Get(ctx, s.db, func(r *store.Reader) ([]store.DelayedEvent, error) { return r.DelayedDue(now, last, perRead) })
		if err != nil {
			return 0, err
		}
		for _, e := range due {
			if err := s.sendOne(ctx, e.ID, now); err != nil {
				failure = err
			}
			last = e
		}
		if len(due) < perRead || ctx.Err() != nil {
			break
		}
	}
	if failure != nil {
		return 0, failure
	}
	return s.untilNext(ctx, now)
}

func (s *Service) untilNext(ctx context.Context, now int64) (time.Duration, error) {
	next, err := store.Get(ctx, s.db, func(r *store.Reader) (int64, error) {
		next, found, err := r.NextDelayed(now)
		if !found {
			next = now + time.Hour.Milliseconds()
		}
		return next, err
	})
	return max(time.Duration(next-store.Millis(s.now()))*time.Millisecond, 0), err
}

// sendOne sends an event that was due, unless it was cancelled or restarted meanwhile. What the rules or its user's account don't allow has failed
// for good; what this server failed to do is an error.
func (s *Service) sendOne(ctx context.Context, delayID string, now int64) error {
	mu := s.lock(delayID)
	mu.Lock()
	defer mu.Unlock()
	var e store.DelayedEvent
	err := s.db.Read(ctx, func(r *store.Reader) (err error) {
		e, _, err = r.DelayedEvent(delayID)
		return err
	})
	if err != nil || e.ID == "" || e.Finalised != 0 || e.Due() > now {
		return err
	}
	if e.EventID, err = s.send(ctx, &e); err == nil {
		return s.finalise(ctx, &e)
	}
	if why := merr.From(err); why.Status < http.StatusInternalServerError {
		return s.fail(ctx, &e, why)
	}
	return err
}

// Forget deletes what was finalised long ago, in small writes: it is a job of the night.
func (s *Service) Forget(ctx context.Context) error {
	before := store.Millis(s.now().Add(-keptFor))
	for more := true; more; {
		err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
			more, err = tx.ForgetFinalised(before, perWrite)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
