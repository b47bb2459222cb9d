package e2ee

import (
	"cmp"
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

const (
	resyncServers  = 16               // that are asked at a time
	resyncUsers    = 20               // lists of one server that are asked for one after the other, before others have their turn
	resyncSpacing  = time.Second / 4  // between two of them
	resyncTime     = 20 * time.Second // for one
	resyncWindow   = 2000             // stale lists that are looked at together
	resyncEach     = 5 * time.Minute  // how often it is looked at the least
	firstResyncGap = 10 * time.Second // after a failure of a server, doubled for each one after it up to mostResyncGap
	mostResyncGap  = time.Hour
)

// fetch asks for a user's devices and keeps them, where the user shares a room with somebody here: else nobody would tell of changes.
func (s *Service) fetch(ctx context.Context, user store.Atom, userID string) error {
	var before store.RemoteList
	followed := false
	err := s.db.Peek(ctx, func(r *store.Reader) (err error) {
		if before, err = r.RemoteList(user); err != nil {
			return err
		}
		followed, err = r.Followed(user)
		return err
	})
	if err != nil {
		return err
	}
	if !followed {
		return s.forget(ctx, user)
	}
	answer, err := s.remote.UserDevices(ctx, pdu.ServerOf(userID), userID)
	if merr.Is(err, "M_NOT_FOUND") {
		return s.keep(ctx, user, before, remoteKeys{}, before.StreamID)
	}
	if err != nil {
		return err
	}
	keys, streamID, err := parseUserDevices(userID, answer)
	if err != nil {
		return err
	}
	return s.keep(ctx, user, before, keys, streamID)
}

// forget removes a list that nobody keeps up to date any more.
func (s *Service) forget(ctx context.Context, user store.Atom) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		followed, err := tx.Followed(user)
		if err != nil || followed { // since a moment: it is still stale
			return err
		}
		return tx.ForgetRemoteList(user)
	})
}

// keep replaces what is kept of a user's devices. What was told of them while they were asked for may be younger than the answer: then they are asked for once more.
// Who was given another answer before is told.
func (s *Service) keep(ctx context.Context, user store.Atom, before store.RemoteList, keys remoteKeys, streamID int64) error {
	news := false
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.RemoteList(user)
		if err != nil {
			return err
		}
		if err := tx.PutRemoteList(user, streamID, now != before); err != nil {
			return err
		}
		changed, err := tx.ReplaceRemoteDevices(user, keys.devices)
		if err != nil {
			return err
		}
		also, err := putRemoteCross(tx, user, keys.cross)
		if err != nil {
			return err
		}
		if news = now.Row && (changed || also); news {
			return tx.DeviceListChanged(user)
		}
		return nil
	})
	if err == nil && news {
		s.wakeSharers(ctx, user)
	}
	return err
}

// putRemoteCross sets the cross-signing keys of a user and tells whether that changed anything. What users here signed of a key that is replaced is forgotten.
func putRemoteCross(tx *store.Tx, user store.Atom, keys map[string]signingKey) (changed bool, err error) {
	seen, err := tx.CrossSigningKeys(user)
	if err != nil {
		return false, err
	}
	for usage, old := range seen {
		key, still := keys[usage]
		if still && string(old) == string(key.json) {
			continue
		}
		changed = true
		publicKey, err := storedPublicKey(old)
		if err != nil {
			return false, err
		}
		if publicKey != key.publicKey {
			if err := tx.ForgetSignaturesOf(user, publicKey); err != nil {
				return false, err
			}
		}
		if err := tx.ForgetCrossSigningKey(user, usage); err != nil {
			return false, err
		}
	}
	for usage, key := range keys {
		changed = changed || seen[usage] == nil
		if err := tx.PutCrossSigningKey(user, usage, key.json); err != nil {
			return false, err
		}
	}
	return changed, nil
}

func (s *Service) resyncSoon() {
	select {
	case s.stale <- struct{}{}:
	default: // it is told already
	}
}

// Resync asks for the device lists that are stale, at once and whenever one becomes so, until ctx ends: several servers at a time, one list of each after the
// other, and a server that fails again only after a pause. Lists that nobody keeps up to date any more are forgotten.
func (s *Service) Resync(ctx context.Context) error {
	if s.remote == nil {
		return nil
	}
	r := resync{s: s, busy: map[string]bool{}, failed: map[string]failure{}, done: make(chan outcome)}
	workers, workCtx := errgroup.WithContext(ctx)
	defer func() { _ = workers.Wait() }() // they tell what went wrong by their outcome
	for {
		r.begin(workCtx, workers)
		select {
		case <-s.stale:
		case o := <-r.done:
			r.end(o)
		case <-time.After(r.pause()):
		case <-ctx.Done():
			return nil
		}
	}
}

// resync is the state of the loop, which alone touches it.
type resync struct {
	s      *Service
	busy   map[string]bool
	failed map[string]failure
	done   chan outcome
}

type failure struct {
	times int
	until time.Time
}

type outcome struct {
	server string
	err    error
}

// begin lets the servers be asked that have stale lists, are not being asked, and didn't just fail.
func (r *resync) begin(ctx context.Context, workers *errgroup.Group) {
	stale, err := store.Get(ctx, r.s.db, func(rd *store.Reader) ([]store.StaleList, error) { return rd.StaleLists(resyncWindow) })
	if err != nil {
		if ctx.Err() == nil {
			r.s.log.Warn().Err(err).Msg("device lists that are to be asked for can't be read")
		}
		return
	}
	lists := map[string][]store.StaleList{}
	for _, l := range stale {
		if server := pdu.ServerOf(l.UserID); len(lists[server]) < resyncUsers {
			lists[server] = append(lists[server], l)
		}
	}
	for server, of := range lists {
		if len(r.busy) == resyncServers {
			return
		}
		if r.busy[server] || r.s.now().Before(r.failed[server].until) {
			continue
		}
		r.busy[server] = true
		workers.Go(func() error {
			o := outcome{server, r.s.fetchAll(ctx, of)}
			select {
			case r.done <- o:
			case <-ctx.Done():
			}
			return nil
		})
	}
}

func (r *resync) end(o outcome) {
	delete(r.busy, o.server)
	if o.err == nil {
		delete(r.failed, o.server)
		return
	}
	f := r.failed[o.server]
	r.failed[o.server] = failure{f.times + 1, r.s.now().Add(min(firstResyncGap<<min(f.times, 20), mostResyncGap))}
	r.s.log.Debug().Err(o.err).Str("server", o.server).Msg("a server does not tell of its users' devices")
}

// pause is how long nothing is to be done. Failures that are long over are forgotten.
func (r *resync) pause() time.Duration {
	pause := resyncEach
	for server, f := range r.failed {
		left := f.until.Sub(r.s.now())
		if left < -mostResyncGap {
			delete(r.failed, server)
		} else if left > 0 {
			pause = min(pause, left)
		}
	}
	return pause
}

// fetchAll asks for lists of one server, until it doesn't answer. An answer that is no list of devices keeps no other from being asked for.
func (s *Service) fetchAll(ctx context.Context, lists []store.StaleList) (failed error) {
	for i, l := range lists {
		if i > 0 {
			select {
			case <-time.After(resyncSpacing):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		one, cancel := context.WithTimeout(ctx, resyncTime)
		err := s.fetch(one, l.User, l.UserID)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		failed = cmp.Or(err, failed)
	}
	return failed
}
