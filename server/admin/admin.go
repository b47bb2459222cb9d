// Package admin is what administrators do where it spans services: accounts that begin and end, links by which people choose passwords, rooms that are closed or
// given an administrator, notices of the server. Everything that changes anything stands in the journal before it is done.
//
// Nothing here reads what people wrote to each other, and nobody acts as somebody else.
package admin

import (
	"context"
	"io"
	"sync"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/e2ee"
	"beffroi/server/journal"
	"beffroi/server/mail"
	"beffroi/server/media"
	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/threepid"

	"github.com/rs/zerolog"
)

// Config is what administration works with.
type Config struct {
	Journal    *journal.Service
	Accounts   *accounts.Service
	Rooms      *rooms.Service
	E2EE       *e2ee.Service
	Media      *media.Service
	Mail       *mail.Service
	Threepids  *threepid.Service
	ServerName string
	DataDir    string
	BaseURL    string     // where people reach this server, without a slash at the end
	Custodian  rooms.User // the town hall's account, which speaks in notices and acts in rooms; zero: none
	Secret     []byte     // the server's, from which keys are derived
	Random     io.Reader
	Log        zerolog.Logger
}

// Service is the administration of one server.
type Service struct {
	Config
	db  *store.DB
	now func() time.Time

	noticing sync.Mutex // held while a notice room is made, so that nobody gets two
	tasks    *tasks
}

// New makes the administration.
func New(db *store.DB, now func() time.Time, c Config) *Service {
	return &Service{Config: c, db: db, now: now, tasks: newTasks()}
}

// Run ends, with ctx, what was begun in the background, and waits for it.
func (s *Service) Run(ctx context.Context) error { return s.tasks.run(ctx) }

// find gives an account that is not ended, and is not the town hall's: nobody logs in to that, so nothing here applies to it. 404 M_NOT_FOUND or
// 403 M_FORBIDDEN.
func (s *Service) find(r *store.Reader, userID string) (store.Account, error) {
	a, err := s.Accounts.Find(r, userID)
	switch {
	case err != nil:
		return a, err
	case a.State.Is(store.AccountDeactivated):
		return a, merr.NotFound("This account was closed")
	case userID == s.Custodian.ID:
		return a, merr.Forbidden("This is the town hall's own account: it has no password and no device")
	}
	return a, nil
}

// account is find on a snapshot of its own.
func (s *Service) account(ctx context.Context, userID string) (store.Account, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) (store.Account, error) { return s.find(r, userID) })
}

// Account gives what administration sees of an account, also of one that is closed: 404 M_NOT_FOUND where there is none.
func (s *Service) Account(ctx context.Context, userID string) (store.AccountInfo, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) (store.AccountInfo, error) {
		a, err := s.Accounts.Find(r, userID)
		if err != nil {
			return store.AccountInfo{}, err
		}
		info, _, err := r.AccountInfo(a.User)
		return info, err
	})
}

// act writes an entry of an administrator into the journal, and does it.
func (s *Service) act(ctx context.Context, by rooms.User, e journal.Entry, do func(ctx context.Context) error) error {
	e.Actor = by.ID
	return s.Journal.Do(ctx, e, do)
}
