package accounts

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// verified is an account whose password was given.
type verified struct {
	store.Account
	userID   string
	rehashed string // the password at the present cost; empty: it is
}

// verifyAtLogin is verify of who has no session. An account is open to whom it belongs where they were before, however it is attacked elsewhere.
func (s *Service) verifyAtLogin(ctx context.Context, user, password string) (verified, error) {
	a := limits.Attempt{Secret: s.localUserID(user), Addr: limits.ClientOf(ctx)}
	a.Known = func() bool { return s.wasAt(ctx, a.Secret, a.Addr) }
	return s.verify(ctx, a, a.Secret, password)
}

// verifyAgain is verify of who has a session. Wrong passwords are held against that alone: who stole a token must not lock its owner out.
func (s *Service) verifyAgain(ctx context.Context, session *Session, password string) (verified, error) {
	return s.verify(ctx, limits.Attempt{Secret: session.UserID + " " + session.DeviceID}, session.UserID, password)
}

// wasAt tells whether a device of a user was seen in the neighbourhood of an address.
func (s *Service) wasAt(ctx context.Context, userID string, addr netip.Addr) bool {
	var devices []store.Device
	err := s.db.Peek(ctx, func(r *store.Reader) error {
		user, err := r.FindAtom(userID)
		if err == nil && user != 0 {
			devices, err = r.Devices(user)
		}
		return err
	})
	return err == nil && slices.ContainsFunc(devices, func(d store.Device) bool {
		seen, err := netip.ParseAddr(d.LastSeenIP)
		return err == nil && limits.Prefix(seen) == limits.Prefix(addr)
	})
}

// verify finds an account and checks its password. Unknown accounts, those without a password and wrong passwords are refused alike and take the same time; who
// tried too often is refused before anything is looked up.
func (s *Service) verify(ctx context.Context, a limits.Attempt, userID, password string) (v verified, err error) {
	right, err := s.cfg.Guesses.Try(ctx, s.passwords.slots, a, func() (right bool, err error) {
		v, right, err = s.check(ctx, userID, password)
		return right, err
	})
	if err == nil && !right {
		err = errWrongPassword()
	}
	return v, err
}

// check is verify for who holds a slot.
func (s *Service) check(ctx context.Context, userID, password string) (v verified, right bool, err error) {
	v.userID = userID
	v.Account, err = store.Get(ctx, s.db, func(r *store.Reader) (store.Account, error) {
		a, _, err := findAccount(r, v.userID)
		return a, err
	})
	if err != nil {
		return v, false, err
	}
	right, outdated, err := s.passwords.verify(v.Password, password)
	if err != nil || !right || v.State.Is(store.AccountDeactivated) {
		return v, false, err
	}
	if outdated {
		v.rehashed, err = s.passwords.rehash(password)
	}
	return v, true, err
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
