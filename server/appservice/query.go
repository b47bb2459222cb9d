package appservice

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// Bounds of a question that somebody waits for.
const (
	queryTime  = 10 * time.Second // all attempts together
	queryPause = 500 * time.Millisecond
	attempts   = 3
	deniedFor  = time.Minute // a service that doesn't have something is not asked again so soon
	maxDenied  = 1024
)

// QueryUser asks the services in whose namespaces a user would be whether they have it: true where one says that it made the account. Without an answer it
// is 408 M_UNKNOWN.
//
// Source: application service API, "Querying".
func (s *Service) QueryUser(ctx context.Context, userID string) (bool, error) {
	if !strings.HasSuffix(userID, ":"+s.ServerName) {
		return false, nil
	}
	return s.query(ctx, "/users"+segment(userID), func(p *peer) bool { return userID != p.Sender && p.HasUser(userID) })
}

// QueryAlias is QueryUser for a room alias of this server.
func (s *Service) QueryAlias(ctx context.Context, alias string) (bool, error) {
	if !strings.HasSuffix(alias, ":"+s.ServerName) {
		return false, nil
	}
	return s.query(ctx, "/rooms"+segment(alias), func(p *peer) bool { return p.HasAlias(alias) })
}

func (s *Service) query(ctx context.Context, path string, wanted func(*peer) bool) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	var failure error
	for _, r := range s.Set.All() {
		p := s.peers[r.ID]
		if p.URL == "" || !wanted(p) || s.asked.denied(r.ID+path) {
			continue
		}
		a, err := p.insist(ctx, call{method: http.MethodGet, path: path, old: path})
		switch {
		case err == nil && a.ok():
			return true, nil
		case err == nil && a.status == http.StatusNotFound:
			s.asked.deny(r.ID + path)
		case err == nil:
			err = errors.New(http.StatusText(a.status))
		}
		failure = errors.Join(failure, err)
	}
	if failure != nil {
		s.Log.Warn().Err(failure).Str("path", path).Msg("an application service did not say whether it has this")
		return false, merr.New(http.StatusRequestTimeout, "M_UNKNOWN", "The bridge that this belongs to does not answer").Because(failure)
	}
	return false, nil
}

// insist asks again where there is no answer.
func (p *peer) insist(ctx context.Context, c call) (a answer, err error) {
	for attempt := 1; ; attempt++ {
		if a, err = p.ask(ctx, c); err == nil || attempt == attempts || ctx.Err() != nil {
			return a, err
		}
		timer := time.NewTimer(queryPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// asked remembers what services said they do not have.
type asked struct {
	now func() time.Time
	mu  sync.Mutex
	no  map[string]time.Time // until when
}

func newAsked(now func() time.Time) *asked { return &asked{now: now, no: map[string]time.Time{}} }

func (a *asked) denied(what string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now().Before(a.no[what])
}

func (a *asked) deny(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.no) >= maxDenied {
		clear(a.no)
	}
	a.no[what] = a.now().Add(deniedFor)
}

// Accounts is what People needs of the local accounts.
type Accounts interface {
	FindLocal(ctx context.Context, userID string) (user store.Atom, ok bool, err error)
	MemberProfile(ctx context.Context, user store.Atom) (displayName, avatarURL string, err error)
}

// People are the local accounts, with those that application services make when somebody asks for them. It is what the room core knows of people.
type People struct {
	Accounts
	Services *Service
}

// FindLocal gives the atom of an active account; ok is false where there is none and no service makes it.
func (p People) FindLocal(ctx context.Context, userID string) (user store.Atom, ok bool, err error) {
	if user, ok, err = p.Accounts.FindLocal(ctx, userID); err != nil || ok {
		return user, ok, err
	}
	if made, err := p.Services.QueryUser(ctx, userID); err != nil || !made {
		return 0, false, err
	}
	return p.Accounts.FindLocal(ctx, userID)
}
