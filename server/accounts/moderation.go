package accounts

import (
	"context"
	"strings"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// SetState locks or suspends an account, or frees it of that. Nothing brings a deactivated one back: 404 M_NOT_FOUND, as for one that never was.
// Source: client-server API, "Account moderation".
func (s *Service) SetState(ctx context.Context, userID string, state store.AccountState, on bool) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		a, err := findLiving(&tx.Reader, userID)
		if err != nil {
			return err
		}
		tx.OnCommit(func() { s.endSessions(a.User) })
		return tx.SetAccountState(a.User, a.State.With(state, on))
	})
}

// MayModerate refuses with 403 M_FORBIDDEN who is no administrator, and what concerns themselves or another administrator; with 400 M_INVALID_PARAM users of
// other servers, with 404 M_NOT_FOUND accounts that are not. Nothing is looked up before it is known who asks.
func (s *Service) MayModerate(ctx context.Context, admin *Session, userID string) error {
	_, err := s.Moderated(ctx, admin, userID)
	if err == nil && userID == admin.UserID {
		err = merr.Forbidden("Nobody can lock or suspend themselves")
	}
	return err
}

// Moderated gives the state of an account to an administrator. It refuses as MayModerate does, but may be asked about oneself.
func (s *Service) Moderated(ctx context.Context, admin *Session, userID string) (store.AccountState, error) {
	if err := admin.administers(); err != nil {
		return 0, err
	}
	if err := s.checkLocal(userID); err != nil {
		return 0, err
	}
	a, err := store.Get(ctx, s.db, func(r *store.Reader) (store.Account, error) { return findLiving(r, userID) })
	if err == nil && a.Admin && userID != admin.UserID {
		err = merr.Forbidden("This account is another administrator's")
	}
	return a.State, err
}

// DevicesOf gives a user's devices to themselves and to administrators: 403 M_FORBIDDEN, 400 M_INVALID_PARAM or 404 M_NOT_FOUND.
// Source: client-server API, "Server Administration".
func (s *Service) DevicesOf(ctx context.Context, session *Session, userID string) ([]store.Device, error) {
	if userID != session.UserID {
		if err := session.administers(); err != nil {
			return nil, err
		}
	}
	if err := s.checkLocal(userID); err != nil {
		return nil, err
	}
	return store.Get(ctx, s.db, func(r *store.Reader) ([]store.Device, error) {
		a, err := findLiving(r, userID)
		if err != nil {
			return nil, err
		}
		return r.Devices(a.User)
	})
}

// administers refuses who is no administrator, or is suspended.
func (s *Session) administers() error {
	if !s.Admin {
		return merr.Forbidden("This is for administrators of the server")
	}
	return s.Writable()
}

func (s *Service) checkLocal(userID string) error {
	if !strings.HasPrefix(userID, "@") || !strings.HasSuffix(userID, ":"+s.cfg.ServerName) {
		return merr.InvalidParam("This is not a user of this server")
	}
	return nil
}

// findLiving finds an account that was not deactivated, or gives 404 M_NOT_FOUND.
func findLiving(r *store.Reader, userID string) (store.Account, error) {
	a, found, err := findAccount(r, userID)
	if err == nil && (!found || a.State.Is(store.AccountDeactivated)) {
		err = merr.NotFound("There is no such account")
	}
	return a, err
}
