// Package accounts keeps the people of this server: accounts, devices, sessions and their tokens, user-interactive
// authentication, profiles, account data and filters.
package accounts

import (
	"context"
	"net/http"

	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/registrations"
	"beffroi/server/store"
)

// Session is what an access token proves: a device of a local user.
type Session struct {
	User      store.Atom // of UserID
	UserID    string     // @localpart:server
	Device    int64      // the device's row; negative, and another one for each user: an application service without a device
	DeviceID  string     // empty: an application service without a device
	Admin     bool
	Suspended bool             // may read and leave, not write: see Writable
	Allowed   limits.Allowance // see Allowance

	Service *registrations.Registration // nil: a person; else the application service that acts as the user

	key store.TokenKey // of the device's tokens
}

// Who names the user for the log.
func (s *Session) Who() string {
	if s == nil {
		return ""
	}
	return s.UserID
}

// Writable refuses what a suspended account may not do, with 403 M_USER_SUSPENDED.
// Source: client-server API, "Account suspension".
func (s *Session) Writable() error {
	if s.Suspended {
		return merr.New(http.StatusForbidden, "M_USER_SUSPENDED", "This account is suspended")
	}
	return nil
}

// limited tells whether rate limits hold for the session. Source: application service API, "Registration", rate_limited.
func (s *Session) limited() bool {
	return s.Service == nil || s.Service.RateLimited && s.UserID != s.Service.Sender
}

// Allowance is what is allowed the account instead of the limits of everybody: by an administrator, or by the registration of an application service.
func (s *Session) Allowance() limits.Allowance { return s.Allowed }

// bearer is a device with the session that its valid tokens prove.
type bearer struct {
	store.Bearer
	session *Session
}

// sessions remembers bearers, so that a request need not read the database.
type sessions struct {
	*recent[store.TokenKey, *bearer]
}

const maxSessions = 4096 // in a generation of the cache; about 300 bytes each

func newSessions() *sessions { return &sessions{newRecent[store.TokenKey, *bearer](maxSessions)} }

func (s *sessions) forgetDevice(device int64) {
	s.drop(func(b *bearer) bool { return b.ID == device })
}

func (s *sessions) forgetUser(user store.Atom) {
	s.drop(func(b *bearer) bool { return b.User == user })
}

// Authenticate gives the session of an access token, for httpx. It refuses with M_UNKNOWN_TOKEN, or with M_USER_LOCKED.
// Source: client-server API, "Using access tokens", "Soft logout" and "Account locking".
func (s *Service) Authenticate(ctx context.Context, accessToken, addr string) (*Session, error) {
	if service := s.cfg.Services.ByToken(accessToken); service != nil {
		return s.serviceSession(ctx, service, service.Sender, "")
	}
	b, err := s.authenticate(ctx, accessToken)
	if err != nil {
		return nil, err
	}
	if b.State.Is(store.AccountLocked) {
		return nil, errLocked()
	}
	s.seen.note(b.ID, s.now(), addr)
	return b.session, nil
}

// Still refuses a session that ended since it was authenticated, as Authenticate would: the device was logged out, or the account locked. It is for
// who waits; it reads memory, but after such a change.
func (s *Service) Still(ctx context.Context, session *Session) error {
	if session.Service != nil {
		_, err := s.serviceSession(ctx, session.Service, session.UserID, session.DeviceID)
		return err
	}
	b, err := s.bearer(ctx, session.key)
	if err == nil && b.State.Is(store.AccountLocked) {
		err = errLocked()
	}
	return err
}

// AuthenticateForLogout is Authenticate that lets locked accounts pass: they may log out.
func (s *Service) AuthenticateForLogout(ctx context.Context, accessToken string) (*Session, error) {
	if s.cfg.Services.ByToken(accessToken) != nil {
		return nil, merr.Forbidden("An application service does not log out: it deletes devices")
	}
	b, err := s.authenticate(ctx, accessToken)
	if err != nil {
		return nil, err
	}
	return b.session, nil
}

func (s *Service) authenticate(ctx context.Context, accessToken string) (*bearer, error) {
	t, ok := s.tokens.parse(accessKind, accessToken)
	if !ok {
		return nil, merr.UnknownToken(false)
	}
	b, err := s.bearer(ctx, t.key)
	if err != nil {
		return nil, err
	}
	if t.expired(s.now()) || !b.accepts(t.generation) {
		return nil, merr.UnknownToken(true)
	}
	if t.generation == b.Generation && !b.Confirmed {
		return b, s.confirm(ctx, b)
	}
	return b, nil
}

// accepts tells whether access tokens of a generation are valid. One above the device's is from after a backup that was restored.
func (b *bearer) accepts(generation uint64) bool {
	return generation == b.Generation || !b.Confirmed && generation+1 == b.Generation
}

// confirm ends the tokens of the generation before: the client has received the new ones.
func (s *Service) confirm(ctx context.Context, b *bearer) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		tx.OnCommit(func() { s.sessions.forgetDevice(b.ID) })
		return tx.ConfirmGeneration(b.ID, b.Generation)
	})
}

// bearer finds the device of a token: in memory, or else in the database.
func (s *Service) bearer(ctx context.Context, key store.TokenKey) (*bearer, error) {
	if b, ok := s.sessions.get(key); ok {
		return b, nil
	}
	mark := s.sessions.mark()
	b, allowed := new(bearer), limits.Allowance{}
	err := s.db.Peek(ctx, func(r *store.Reader) (err error) {
		if b.Bearer, err = findBearer(r, key); err != nil {
			return err
		}
		allowed, err = allowance(r, b.User)
		return err
	})
	if err != nil {
		return nil, err
	}
	b.session = &Session{User: b.User, UserID: b.UserID, Device: b.ID, DeviceID: b.DeviceID, Admin: b.Admin,
		Suspended: b.State.Is(store.AccountSuspended), Allowed: allowed, key: key}
	s.sessions.putSince(mark, key, b)
	return b, nil
}

// findBearer reads a device; without one the client is logged out for good.
func findBearer(r *store.Reader, key store.TokenKey) (store.Bearer, error) {
	b, found, err := r.Bearer(key)
	if err == nil && (!found || b.State.Is(store.AccountDeactivated)) {
		err = merr.UnknownToken(false)
	}
	return b, err
}

func errLocked() error {
	return merr.New(http.StatusUnauthorized, "M_USER_LOCKED", "This account is locked").With("soft_logout", true)
}
