// Package preview says what stands behind an address, so that clients can show it without asking the site themselves.
//
// Spec: client-server API, "GET /_matrix/client/v1/media/preview_url".
package preview

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"beffroi/server/media"
	"beffroi/server/merr"
	"beffroi/server/store"

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
)

const (
	maxAddress     = 2048           // bytes
	life           = 24 * time.Hour // of a preview
	failedLife     = 10 * time.Minute
	imageLife      = 8 * 24 * time.Hour // clients keep previews for longer than they are fresh
	fetchesAtATime = 8
)

// Service makes previews.
type Service struct {
	db         *store.DB
	media      *media.Service
	serverName string
	given      Settings // until the town hall decides
	now        func() time.Time
	log        zerolog.Logger
	living     context.Context //nolint:containedctx // a fetch is for everybody who asks; this is what ends it
	end        context.CancelFunc
	slots      *semaphore.Weighted
	flights    singleflight.Group
	pace       pace
}

// New makes a service with the settings that hold until the town hall decides. Close ends it.
func New(db *store.DB, m *media.Service, serverName string, given Settings, now func() time.Time, log zerolog.Logger) *Service {
	living, end := context.WithCancel(context.Background())
	return &Service{db: db, media: m, serverName: serverName, given: given, now: now, log: log, living: living, end: end, slots: semaphore.NewWeighted(fetchesAtATime)}
}

// Close ends the fetches and waits for them.
func (s *Service) Close() {
	s.end()
	if s.slots.Acquire(context.Background(), fetchesAtATime) == nil { // nobody holds one
		s.slots.Release(fetchesAtATime)
	}
}

// Tidy forgets previews whose time is over. Their images have an end of their own.
func (s *Service) Tidy(ctx context.Context) error {
	return s.db.Write(ctx, func(tx *store.Tx) error { return tx.ExpireURLPreviews(store.Millis(s.now())) })
}

// Get gives the preview of an address as a JSON object: 403 M_FORBIDDEN where previews are off or the address is refused, 400 M_INVALID_PARAM where it is none, 429
// M_LIMIT_EXCEEDED for accounts that ask for many new ones, and 404 M_NOT_FOUND, always in the same words, where it can't be fetched: nobody learns so what is inside.
func (s *Service) Get(ctx context.Context, user store.Atom, address string) (json.RawMessage, error) {
	r, err := s.rules(ctx)
	if err != nil {
		return nil, err
	}
	if !r.Enabled {
		return nil, merr.Forbidden("This server makes no previews")
	}
	if address, err = canonical(address); err != nil {
		return nil, err
	}
	if r.refuses(address) {
		return nil, merr.Forbidden("This server makes no preview of this address")
	}
	if answer, err := s.kept(ctx, address); err != nil || answer != nil {
		return given(answer, err)
	}
	if wait := s.pace.take(user, s.now()); wait > 0 {
		return nil, merr.New(http.StatusTooManyRequests, "M_LIMIT_EXCEEDED", "You asked for many previews").With("retry_after_ms", wait.Milliseconds())
	}
	select {
	case landed := <-s.flights.DoChan(address, func() (any, error) { return nil, s.fetchAndKeep(r, address) }):
		if landed.Err != nil {
			return nil, landed.Err
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return given(s.kept(ctx, address))
}

// canonical is an address as it is asked for and remembered.
func canonical(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || len(address) > maxAddress || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return "", merr.InvalidParam("url is not an http or https address of at most %d bytes, without a password", maxAddress)
	}
	u.Fragment, u.RawFragment = "", ""
	return u.String(), nil
}

// kept gives what is remembered of an address, nil where nothing is; "null" where it could not be fetched.
func (s *Service) kept(ctx context.Context, address string) ([]byte, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) ([]byte, error) { return r.URLPreview(address, store.Millis(s.now())) })
}

func given(answer []byte, err error) (json.RawMessage, error) {
	if err == nil && (answer == nil || string(answer) == "null") {
		err = merr.NotFound("There is no preview of this address")
	}
	return answer, err
}

// fetchAndKeep fetches a preview and remembers it, or that there is none.
func (s *Service) fetchAndKeep(r rules, address string) (err error) {
	defer func() {
		if p := recover(); p != nil { // singleflight would end the process
			s.log.Error().Any("panic", p).Msg("making a preview panicked")
			err = fmt.Errorf("preview: %v", p)
		}
	}()
	if err := s.slots.Acquire(s.living, 1); err != nil {
		return err
	}
	defer s.slots.Release(1)
	f := newFetch(s, r)
	defer f.client.CloseIdleConnections()
	now := s.now()
	expires, answer := now.Add(life), []byte(nil)
	card, err := f.card(s.living, address)
	if err != nil {
		s.log.Debug().Err(err).Msg("no preview")
		card, expires = nil, now.Add(failedLife)
	}
	if answer, err = json.Marshal(card); err != nil {
		return err
	}
	return s.db.Write(s.living, func(tx *store.Tx) error {
		return tx.PutURLPreview(address, answer, store.Millis(now), store.Millis(expires))
	})
}
