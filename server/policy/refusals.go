package policy

import (
	"context"
	"sync"
	"time"

	"beffroi/server/journal"
	"beffroi/server/store"
)

const (
	// tellAgain is after how long the same server's refusal is told again.
	tellAgain = 24 * time.Hour
	// maxTellings is how many servers are told of in that time: names cost nothing to who makes them up.
	maxTellings = 50
)

// refusals remembers of which servers the journal tells already. A restart forgets them.
type refusals struct {
	now   func() time.Time
	mu    *sync.Mutex
	since *time.Time     // when the count began
	told  map[string]int // refusals by server, the first of which was told
}

func newRefusals(now func() time.Time) refusals {
	return refusals{now, new(sync.Mutex), new(time.Time), map[string]int{}}
}

// tell tells whether the journal has to tell of a refusal.
func (r refusals) tell(server string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.now(); now.Sub(*r.since) >= tellAgain {
		*r.since = now
		clear(r.told)
	}
	if n, known := r.told[server]; known {
		r.told[server] = n + 1
		return false
	}
	if len(r.told) >= maxTellings {
		return false
	}
	r.told[server] = 1
	return true
}

// Refuse notes that a request of a server was refused. The server's name is what the request says: nobody has proven it.
func (s *Service) Refuse(ctx context.Context, server string, why Reason) error {
	s.Log.Info().Str("server", server).Str("why", string(why)).Msg("a server was refused")
	if !s.refused.tell(server) {
		return nil
	}
	row := journal.Entry{Actor: journal.Console, Act: journal.RefuseServer, Target: server, Detail: map[string]any{"reason": why}}
	return s.db.Write(context.WithoutCancel(ctx), func(tx *store.Tx) error { return journal.Append(tx, s.now(), row) })
}
