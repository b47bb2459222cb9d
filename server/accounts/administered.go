package accounts

import (
	"context"
	"errors"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// What administration does with accounts. Who calls it looks whether it may.

// Add makes an account without a password: nobody logs in to it before one is chosen by a link. 400 M_INVALID_USERNAME, 400 M_USER_IN_USE, or
// 400 M_INVALID_PARAM for the display name.
func (s *Service) Add(ctx context.Context, account NewAccount) (store.Account, error) {
	row := store.Account{Created: store.Millis(s.now()), Admin: account.Admin}
	userID, err := newUserID(s.cfg.ServerName, account.Localpart)
	if err != nil {
		return row, err
	}
	name, err := displayNameValue(account.DisplayName)
	if err != nil {
		return row, err
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error { return putAccount(tx, userID, &row, name) })
	return row, err
}

// Find gives the account of a user of this server: 404 M_NOT_FOUND where there is none.
func (s *Service) Find(r *store.Reader, userID string) (store.Account, error) {
	a, found, err := findAccount(r, userID)
	if err == nil && !found {
		err = merr.NotFound("There is no such account")
	}
	return a, err
}

// ShutOut takes the password away, with what was begun to reset it, and logs all devices out, in the caller's write.
func (s *Service) ShutOut(tx *store.Tx, user store.Atom) error {
	if err := errors.Join(tx.SetPassword(user, ""), tx.EndResets(user)); err != nil {
		return err
	}
	return s.deleteDevices(tx, user, func(store.Device) bool { return true })
}

// PutPassword sets the password that a link's holder chose, in the caller's write; the account's addresses hear of it.
func (s *Service) PutPassword(tx *store.Tx, user store.Atom, hash string) error {
	return s.putPassword(tx, user, hash)
}

// HashPassword gives what PutPassword takes: 400 M_INVALID_PARAM for a password that is too long.
func (s *Service) HashPassword(ctx context.Context, password string) (string, error) {
	return s.passwords.hash(ctx, password)
}

// SetAdmin gives or takes the rights of administration, also for sessions that are open. The last administrator keeps them: 400 M_INVALID_PARAM.
func (s *Service) SetAdmin(ctx context.Context, user store.Atom, admin bool) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.leavesAdmin(&tx.Reader, user, admin); err != nil {
			return err
		}
		tx.OnCommit(func() { s.endSessions(user) })
		return tx.SetAdmin(user, admin)
	})
}

// leavesAdmin refuses what would leave the server without an administrator.
func (s *Service) leavesAdmin(r *store.Reader, user store.Atom, stays bool) error {
	a, _, err := r.Account(user)
	if err != nil || stays || !a.Admin {
		return err
	}
	others, err := r.AdminsBeside(user)
	if err == nil && others == 0 {
		err = merr.InvalidParam("This is the only administrator of the server")
	}
	return err
}
