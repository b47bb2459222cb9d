package accounts

import (
	"context"
	"errors"
	"io"
	"time"

	"beffroi/server/store"
)

// First is a server's first administrator, who is there before the service.
type First struct {
	Localpart    string
	DisplayName  string
	PasswordHash string // of HashPassword
}

// HashPassword gives the PHC string of a password.
func HashPassword(ctx context.Context, cost Cost, random io.Reader, password string) (string, error) {
	return newPasswords(cost, random).hash(ctx, password)
}

// PutFirst gives what makes the first administrator, to be run in the write that founds the server. The error is a merr error: 400
// M_INVALID_USERNAME or 400 M_USER_IN_USE.
func PutFirst(cfg Config, first First, now time.Time) (func(*store.Tx) error, error) {
	userID, err := newUserID(cfg.ServerName, first.Localpart)
	if err != nil {
		return nil, err
	}
	if first.Localpart == cfg.Custodian {
		return nil, errUserInUse()
	}
	if first.PasswordHash == "" {
		return nil, errors.New("a first administrator without a password could never log in")
	}
	name, err := displayNameValue(first.DisplayName)
	if err != nil {
		return nil, err
	}
	row := store.Account{Password: first.PasswordHash, Created: store.Millis(now), Admin: true}
	return func(tx *store.Tx) error { return putAccount(tx, userID, &row, name) }, nil
}
