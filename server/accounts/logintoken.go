package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
)

const (
	loginTokenKind     = "bfl1_"
	loginTokenSize     = 24
	loginTokenLifetime = 2 * time.Minute
	maxLoginTokens     = 1024 // in a generation
)

// loginToken is what a device gave to another, to log in as the same user. It lives in memory, since two minutes are soon over, under the token's hash.
type loginToken struct {
	session *Session // who gave it
	expiry  time.Time
}

// LoginToken gives a token with which one other device can log in as the session's user, and for how long.
// Source: client-server API, POST /login/get_token.
func (s *Service) LoginToken(session *Session) (token string, lifetime time.Duration, err error) {
	b, err := randomBytes(s.random, loginTokenSize)
	if err != nil {
		return "", 0, err
	}
	token = loginTokenKind + base64.RawURLEncoding.EncodeToString(b)
	s.loginTokens.put(sha256.Sum256([]byte(token)), loginToken{session: session, expiry: s.now().Add(loginTokenLifetime)})
	return token, loginTokenLifetime, nil
}

// LoginByToken logs a device in with a token of LoginToken, once. It refuses with 403 M_FORBIDDEN a token that is nobody's, was used, or has expired, or
// whose giver was logged out meanwhile; with 401 M_USER_LOCKED a locked account.
// Source: client-server API, "Token-based".
func (s *Service) LoginByToken(ctx context.Context, token string, client NewDevice) (Grant, error) {
	device, err := s.prepareDevice(client)
	if err != nil {
		return Grant{}, err
	}
	given, ok := s.loginTokens.take(sha256.Sum256([]byte(token)))
	if !ok || !s.now().Before(given.expiry) {
		return Grant{}, errNoLoginToken()
	}
	device.User = given.session.User
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		b, err := findBearer(&tx.Reader, given.session.key)
		if merr.Is(err, "M_UNKNOWN_TOKEN") {
			return errNoLoginToken()
		}
		if err != nil {
			return err
		}
		if b.State.Is(store.AccountLocked) {
			return errLocked()
		}
		return s.putDevice(tx, &device)
	})
	if err != nil {
		return Grant{}, err
	}
	return s.grant(given.session.UserID, device, client.Refresh)
}

func errNoLoginToken() error {
	return merr.Forbidden("This login token is unknown, was used or has expired")
}
