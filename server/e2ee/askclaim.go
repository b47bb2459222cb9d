package e2ee

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// remoteClaims are keys that are wanted of one server: by user id and device id, the algorithm.
type remoteClaims map[string]map[string]string

func (c remoteClaims) with(userID string, devices map[string]string) remoteClaims {
	if c == nil {
		c = remoteClaims{}
	}
	c[userID] = devices
	return c
}

// claimOf claims keys of several servers at a time and adds them, or that a server gives none.
func (s *Service) claimOf(ctx context.Context, theirs map[string]remoteClaims, timeout time.Duration, answer *KeysClaim) {
	ctx, cancel := context.WithTimeout(ctx, bounded(timeout))
	defer cancel()
	group, adding := errgroup.Group{}, sync.Mutex{}
	group.SetLimit(serversAtATime)
	for server, wanted := range theirs {
		group.Go(func() error {
			keys, err := s.claimFrom(ctx, server, wanted)
			adding.Lock()
			defer adding.Unlock()
			if err != nil {
				answer.Failures.add(server, err)
				return nil
			}
			wanted.pick(keys, answer)
			return nil
		})
	}
	_ = group.Wait() // what went wrong stands among the failures
}

type claimedKeys map[string]map[string]map[string]json.RawMessage

func (s *Service) claimFrom(ctx context.Context, server string, wanted remoteClaims) (claimedKeys, error) {
	if s.remote == nil {
		return nil, merr.New(503, "M_UNKNOWN", "This server does not federate")
	}
	body, err := json.Marshal(map[string]any{"one_time_keys": wanted})
	if err != nil {
		return nil, err
	}
	raw, err := s.remote.ClaimKeys(ctx, server, body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Keys claimedKeys `json:"one_time_keys"`
	}
	err = json.Unmarshal(raw, &answer)
	return answer.Keys, err
}

// pick adds, of what another server gives, one key for each device that was wanted, of the algorithm that was wanted.
func (c remoteClaims) pick(keys claimedKeys, answer *KeysClaim) {
	for userID, devices := range c {
		for deviceID, algorithm := range devices {
			for name, raw := range keys[userID][deviceID] {
				id, ok := strings.CutPrefix(name, algorithm+":")
				if !ok || id == "" || len(name) > maxIDLength || len(raw) > maxOneTimeKey {
					continue
				}
				if key, err := parseOneTimeKey(raw); err == nil {
					answer.add(userID, deviceID, store.OneTimeKey{Algorithm: algorithm, KeyID: id, JSON: key})
					break
				}
			}
		}
	}
}
