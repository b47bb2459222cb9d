package accounts

import (
	"context"
	"errors"
	"time"

	"beffroi/server/store"
)

// ChangePassword sets a new password. With logoutOthers every device but the session's is deleted.
// Source: client-server API, "Password management".
func (s *Service) ChangePassword(ctx context.Context, session *Session, password string, logoutOthers bool) error {
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.putPassword(tx, session.User, hash); err != nil || !logoutOthers {
			return err
		}
		return s.deleteDevices(tx, session.User, func(d store.Device) bool { return d.ID != session.Device })
	})
}

// ResetPassword sets the new password of somebody who can't log in and has proven in another way who they are. With logout all devices are deleted.
// Source: client-server API, "Password management".
func (s *Service) ResetPassword(ctx context.Context, user store.Atom, proven Proven, password string, logout bool) error {
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		if err := errors.Join(proven.settle(tx, user), s.putPassword(tx, user, hash)); err != nil || !logout {
			return err
		}
		return s.deleteDevices(tx, user, func(store.Device) bool { return true })
	})
}

// putPassword replaces a password, which ends all other ways to it that were begun, and tells whose it is.
func (s *Service) putPassword(tx *store.Tx, user store.Atom, hash string) error {
	return errors.Join(tx.SetPassword(user, hash), tx.DeletePasswordLink(user), tx.EndResets(user), s.cfg.Contacts.PasswordChanged(tx, user))
}

// Deactivate ends an account for ever: its password and devices are gone, its user id stays taken. With erase its profile, account data and
// filters are deleted too, and SweepErased finds it. Who calls it asks MayEnd and lets the user leave its
// rooms before.
// Source: client-server API, "Account deactivation".
func (s *Service) Deactivate(ctx context.Context, user store.Atom, erase bool) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.leavesAdmin(&tx.Reader, user, false); err != nil {
			return err
		}
		if err := tx.SetAccountState(user, store.AccountDeactivated); err != nil {
			return err
		}
		if err := errors.Join(tx.SetPassword(user, ""), tx.DeletePasswordLink(user), s.cfg.Contacts.AccountEnded(tx, user)); err != nil {
			return err
		}
		if err := s.deleteDevices(tx, user, func(store.Device) bool { return true }); err != nil || !erase {
			return err
		}
		return s.eraseUser(tx, user)
	})
}

// MayEnd refuses with 400 M_INVALID_PARAM to end the account of the last administrator.
func (s *Service) MayEnd(ctx context.Context, user store.Atom) error {
	return s.db.Peek(ctx, func(r *store.Reader) error { return s.leavesAdmin(r, user, false) })
}

func (s *Service) eraseUser(tx *store.Tx, user store.Atom) error {
	for _, del := range []func(store.Atom) error{tx.DeleteProfile, tx.DeleteAccountData, tx.DeleteFilters} {
		if err := del(user); err != nil {
			return err
		}
	}
	return tx.MarkErased(user, store.Millis(s.now()))
}

// sweepFor is how long something of an erased account may still come: an upload that was running.
const sweepFor = 24 * time.Hour

// SweepErased removes what is too much for the write that ends an account, of all that were erased lately. It may be cut off and run again.
func (s *Service) SweepErased(ctx context.Context, erasers ...func(ctx context.Context, user store.Atom) error) error {
	users, err := store.Get(ctx, s.db, func(r *store.Reader) ([]store.Unswept, error) { return r.Unswept() })
	if err != nil {
		return err
	}
	for _, u := range users {
		for _, erase := range erasers {
			if err := erase(ctx, u.User); err != nil {
				return err
			}
		}
		if s.now().Sub(time.UnixMilli(u.TS)) < sweepFor {
			continue
		}
		if err := s.db.Write(ctx, func(tx *store.Tx) error { return tx.Swept(u.User) }); err != nil {
			return err
		}
	}
	return nil
}
