package keys

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"beffroi/server/pdu"
)

// gatherTime is how long the keys of all servers of a room are asked for, together.
const gatherTime = 45 * time.Second

// Gather asks for the keys that events need and that are not known yet: many servers at once, and each only once. Nothing is told of those that could not be had: Verify does.
func (r *Ring) Gather(ctx context.Context, events []*pdu.Received) {
	ctx, cancel := context.WithTimeout(ctx, gatherTime)
	defer cancel()
	needs := map[[2]string]need{}
	for _, e := range events {
		for _, anyOf := range e.MustSign() {
			for _, server := range anyOf {
				r.want(needs, e, server)
			}
		}
	}
	group := new(errgroup.Group)
	group.SetLimit(maxFetches)
	for _, n := range needs {
		group.Go(func() error {
			_, _ = r.key(ctx, n) // what is missing is found missing again where it counts
			return nil
		})
	}
	_ = group.Wait() // nothing fails
}

// want notes for what an event needs the keys of a server: of each key the latest time.
func (r *Ring) want(needs map[[2]string]need, e *pdu.Received, server string) {
	for _, keyID := range e.SigningKeys(server) {
		id := [2]string{server, keyID}
		n := need{server: server, keyID: keyID, at: e.OriginServerTS(), always: !e.Rules().SigningKeyValidity}
		if known, ok := needs[id]; !ok || known.at < n.at {
			needs[id] = n
		}
	}
}
