package accounts

import (
	"context"
	"errors"

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

// putPassword replaces a password, and tells whose it is.
func (s *Service) putPassword(tx *store.Tx, user store.Atom, hash string) error {
	return errors.Join(tx.SetPassword(user, hash), s.cfg.Contacts.PasswordChanged(tx, user))
}

// Deactivate ends an account for ever: its password and devices are gone, its user id stays taken. With erase its profile, account data and
// filters are deleted too. Who calls it lets the user leave its rooms before.
// Source: client-server API, "Account deactivation".
func (s *Service) Deactivate(ctx context.Context, user store.Atom, erase bool) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SetAccountState(user, store.AccountDeactivated); err != nil {
			return err
		}
		if err := errors.Join(tx.SetPassword(user, ""), s.cfg.Contacts.AccountEnded(tx, user)); err != nil {
			return err
		}
		if err := s.deleteDevices(tx, user, func(store.Device) bool { return true }); err != nil || !erase {
			return err
		}
		return eraseUser(tx, user)
	})
}

func eraseUser(tx *store.Tx, user store.Atom) error {
	for _, del := range []func(store.Atom) error{tx.DeleteProfile, tx.DeleteAccountData, tx.DeleteFilters} {
		if err := del(user); err != nil {
			return err
		}
	}
	return tx.MarkErased(user)
}
