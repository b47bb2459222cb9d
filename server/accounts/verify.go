package accounts

import (
	"context"
	"strings"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// verified is an account whose password was given.
type verified struct {
	store.Account
	userID   string
	rehashed string // the password at the present cost; empty: it is
}

// verify finds the account that a user names, by localpart or user id, and checks its password. Unknown accounts, those without a password and
// wrong passwords are refused alike and take the same time.
func (s *Service) verify(ctx context.Context, user, password string) (v verified, err error) {
	v.userID = s.localUserID(user)
	v.Account, err = store.Get(ctx, s.db, func(r *store.Reader) (store.Account, error) {
		a, _, err := findAccount(r, v.userID)
		return a, err
	})
	if err != nil {
		return v, err
	}
	right, outdated, err := s.passwords.verify(ctx, v.Password, password)
	if err != nil {
		return v, err
	}
	if !right || v.State.Is(store.AccountDeactivated) {
		return v, errWrongPassword()
	}
	if outdated {
		v.rehashed, err = s.passwords.hash(ctx, password)
	}
	return v, err
}

// confirm refuses where the password was changed since it was verified, and stores it at the present cost.
func (v verified) confirm(tx *store.Tx) error {
	a, _, err := tx.Account(v.User)
	if err != nil {
		return err
	}
	if a.Password != v.Password || a.State != v.State {
		return errWrongPassword()
	}
	if v.rehashed == "" {
		return nil
	}
	return tx.SetPassword(v.User, v.rehashed)
}

// localUserID gives the user id that a localpart or user id of this server stands for. People type capitals; user ids have none.
func (s *Service) localUserID(user string) string {
	if strings.HasPrefix(user, "@") {
		localpart, server, _ := strings.Cut(user[1:], ":")
		return "@" + strings.ToLower(localpart) + ":" + server
	}
	return "@" + strings.ToLower(user) + ":" + s.cfg.ServerName
}

// findAccount gives the account of a user id. Users of other servers have none here.
func findAccount(r *store.Reader, userID string) (a store.Account, found bool, err error) {
	user, err := r.FindAtom(userID)
	if user == 0 || err != nil {
		return a, false, err
	}
	return r.Account(user)
}

func errWrongPassword() error { return merr.Forbidden("Wrong user name or password") }
