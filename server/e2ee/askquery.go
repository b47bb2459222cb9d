package e2ee

import (
	"context"
	"encoding/json"
	"time"

	"golang.org/x/sync/errgroup"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// lack is a user of another server whose devices are not here, or not up to date.
type lack struct {
	userID   string
	user     store.Atom // 0: this server never heard of them
	wanted   []string
	followed bool // their server tells of changes: what it says can be kept
}

// lackOf tells whether a user's devices are to be asked for.
func lackOf(r *store.Reader, user store.Atom, userID string, wanted []string) (l lack, isLack bool, err error) {
	known, err := r.RemoteList(user)
	if err != nil || known.Known && !known.Stale {
		return l, false, err
	}
	l = lack{userID: userID, user: user, wanted: wanted}
	if user != 0 {
		l.followed, err = r.Followed(user)
	}
	return l, true, err
}

// askFor asks several servers at a time and adds what they say, or that they say nothing.
func (s *Service) askFor(ctx context.Context, session *accounts.Session, lacking map[string][]lack, timeout time.Duration, answer *KeysQuery) error {
	results := make(chan serverResult, len(lacking))
	asked, cancel := context.WithTimeout(ctx, bounded(timeout))
	defer cancel()
	group := errgroup.Group{}
	group.SetLimit(serversAtATime)
	for server, users := range lacking {
		group.Go(func() error {
			keys, err := s.askServer(asked, server, users)
			results <- serverResult{server, users, keys, err}
			return nil
		})
	}
	_ = group.Wait() // what went wrong stands in the results
	close(results)
	return s.db.Read(ctx, func(r *store.Reader) error {
		for result := range results {
			if err := result.addTo(r, session.User, answer); err != nil {
				return err
			}
		}
		return nil
	})
}

// bounded gives the time for which a client waits for other servers: what it says, ten seconds where it says nothing, a minute at most.
func bounded(timeout time.Duration) time.Duration {
	if timeout <= 0 {
		return usualTimeout
	}
	return min(timeout, mostTimeout)
}

// serverResult is what came of asking a server.
type serverResult struct {
	server string
	users  []lack
	keys   map[string]remoteKeys // of users whose keys are not kept
	err    error
}

// askServer asks for users of one server. A few lists that can be kept are fetched, and are in the database then. More are asked for together, and fetched later.
func (s *Service) askServer(ctx context.Context, server string, users []lack) (map[string]remoteKeys, error) {
	if s.remote == nil {
		return nil, merr.New(503, "M_UNKNOWN", "This server does not federate")
	}
	var others, later []lack
	group := errgroup.Group{}
	group.SetLimit(usersAtATime)
	fetched := 0
	for _, l := range users {
		if !l.followed || fetched == maxFetched {
			others = append(others, l)
			if l.followed {
				later = append(later, l)
			}
			continue
		}
		fetched++
		group.Go(func() error { return s.fetch(ctx, l.user, l.userID) })
	}
	keys, err := s.askTogether(ctx, server, others)
	if failed := group.Wait(); err == nil {
		err = failed
	}
	if failed := s.fetchLater(ctx, later); err == nil {
		err = failed
	}
	return keys, err
}

// fetchLater notes lists that are to be fetched.
func (s *Service) fetchLater(ctx context.Context, users []lack) error {
	if len(users) == 0 {
		return nil
	}
	defer s.resyncSoon()
	return s.db.Write(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		for _, l := range users {
			if err := tx.DeviceListStale(l.user); err != nil {
				return err
			}
		}
		return nil
	})
}

// askTogether asks a server for the keys of several users.
func (s *Service) askTogether(ctx context.Context, server string, users []lack) (map[string]remoteKeys, error) {
	if len(users) == 0 {
		return nil, nil
	}
	wanted := map[string][]string{}
	for _, l := range users {
		wanted[l.userID] = append([]string{}, l.wanted...) // none is [], not null
	}
	body, err := json.Marshal(map[string]any{"device_keys": wanted})
	if err != nil {
		return nil, err
	}
	raw, err := s.remote.QueryKeys(ctx, server, body)
	if err != nil {
		return nil, err
	}
	var answer queryAnswer
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, err
	}
	keys := map[string]remoteKeys{}
	for _, l := range users {
		if answer.Devices[l.userID] == nil && answer.Master[l.userID] == nil {
			continue // a user whom that server doesn't know
		}
		if keys[l.userID], err = answer.of(l.userID); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// addTo adds the keys to an answer: those that were asked for together, and those that are in the database now, or were before.
func (res serverResult) addTo(r *store.Reader, viewer store.Atom, answer *KeysQuery) error {
	failed := false
	for _, l := range res.users {
		if keys, ok := res.keys[l.userID]; ok {
			if err := answer.addRemote(r, viewer, l, keys); err != nil {
				return err
			}
			continue
		}
		known, err := r.RemoteList(l.user)
		if err != nil {
			return err
		}
		if !known.Known {
			failed = true
			continue
		}
		if err := answer.read(r, viewer, l.user, l.userID, l.wanted); err != nil {
			return err
		}
	}
	if failed && res.err != nil {
		answer.Failures.add(res.server, res.err)
	}
	return nil
}

// addRemote adds keys that are not kept.
func (k *KeysQuery) addRemote(r *store.Reader, viewer store.Atom, l lack, keys remoteKeys) (err error) {
	u := userKeys{userID: l.userID, cross: map[string][]byte{}}
	if u.signatures, err = newSignatures(r, l.user, viewer); err != nil {
		return err
	}
	for _, d := range keys.devices {
		u.devices = append(u.devices, store.DeviceKeys{DeviceID: d.ID, JSON: d.JSON, DisplayName: d.Name})
	}
	for usage, key := range keys.cross {
		u.cross[usage] = key.json
	}
	if err := k.addDevices(u, l.wanted); err != nil {
		return err
	}
	return k.addCrossSigning(u, false)
}
