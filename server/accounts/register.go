package accounts

import (
	"context"
	"net/http"
	"strings"

	"beffroi/server/merr"
	"beffroi/server/registrations"
	"beffroi/server/store"
)

const maxUserIDBytes = 255

// NewAccount is an account to be made.
type NewAccount struct {
	Localpart   string // empty: the server makes one; capitals are lowered
	Password    string
	Service     *registrations.Registration // which makes the account, without a password; nil: a person
	DisplayName string                      // empty: none
	Admin       bool
	NoDevice    bool // nobody logs in now
	Proven      Proven
}

// Available tells with an error why a localpart can't be registered: 400 M_INVALID_USERNAME, M_USER_IN_USE or M_EXCLUSIVE.
// Source: client-server API, "Account registration", and appendices, "User Identifiers".
func (s *Service) Available(ctx context.Context, localpart string) error {
	userID, err := newUserID(s.cfg.ServerName, localpart)
	if err != nil {
		return err
	}
	if err := s.exclusive(userID, nil); err != nil {
		return err
	}
	taken, err := store.Get(ctx, s.db, func(r *store.Reader) (bool, error) {
		_, found, err := findAccount(r, userID)
		return found, err
	})
	if err == nil && taken {
		err = errUserInUse()
	}
	return err
}

// Register makes an account and logs a device in; with NoDevice the Grant has only a user id.
func (s *Service) Register(ctx context.Context, account NewAccount, client NewDevice) (g Grant, err error) {
	if account.Localpart == "" {
		if account.Localpart, err = s.randomLetters(12, 'a'); err != nil {
			return g, err
		}
	}
	if g.UserID, err = newUserID(s.cfg.ServerName, account.Localpart); err != nil {
		return g, err
	}
	if err := s.exclusive(g.UserID, account.Service); err != nil {
		return g, err
	}
	name, err := displayNameValue(account.DisplayName)
	if err != nil {
		return g, err
	}
	device, err := s.prepareDevice(client)
	if err != nil {
		return g, err
	}
	row := store.Account{Created: store.Millis(s.now()), Admin: account.Admin}
	if account.Service == nil {
		if row.Password, err = s.passwords.hash(ctx, account.Password); err != nil {
			return g, err
		}
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if err := putAccount(tx, g.UserID, &row, name); err != nil {
			return err
		}
		if err := account.Proven.settle(tx, row.User); err != nil || account.NoDevice {
			return err
		}
		device.User = row.User
		return s.putDevice(tx, &device)
	})
	if err != nil || account.NoDevice {
		return g, err
	}
	return s.grant(g.UserID, device, client.Refresh)
}

func putAccount(tx *store.Tx, userID string, a *store.Account, displayName []byte) (err error) {
	if a.User, err = tx.Atom(userID); err != nil {
		return err
	}
	made, err := tx.PutAccount(*a)
	if err != nil {
		return err
	}
	if !made {
		return errUserInUse()
	}
	if displayName == nil {
		return nil
	}
	return tx.PutProfileField(a.User, FieldDisplayName, displayName)
}

// newUserID gives the user id of a new account, if the localpart may be used.
func newUserID(serverName, localpart string) (string, error) {
	localpart = strings.ToLower(localpart)
	userID := "@" + localpart + ":" + serverName
	if localpart == "" || strings.Trim(localpart, "abcdefghijklmnopqrstuvwxyz0123456789._=-/+") != "" || len(userID) > maxUserIDBytes {
		return "", merr.New(http.StatusBadRequest, "M_INVALID_USERNAME",
			"A user name has only a to z, 0 to 9 and . _ = - / +, and is not too long")
	}
	return userID, nil
}

func errUserInUse() error {
	return merr.New(http.StatusBadRequest, "M_USER_IN_USE", "This user name is taken")
}
