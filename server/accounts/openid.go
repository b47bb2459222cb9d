package accounts

import (
	"context"
	"net/http"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
)

const (
	openIDKind     = "bfo1_"
	openIDLifetime = time.Hour
)

// OpenIDToken gives a token that proves to a third party who its bearer is, and for how long; it opens nothing else. Like access tokens it is not stored,
// and it ends with the device.
// Source: client-server API, "OpenID".
func (s *Service) OpenIDToken(session *Session) (text string, lifetime time.Duration, err error) {
	text, err = s.tokens.mint(openIDKind, token{key: session.key, expiry: uint64(s.now().Add(openIDLifetime).Unix())})
	return text, openIDLifetime, err
}

// OpenIDUser gives the user id of a token of OpenIDToken, or 401 M_UNKNOWN_TOKEN, also where the account is locked.
// Source: server-server API, "OpenID".
func (s *Service) OpenIDUser(ctx context.Context, text string) (userID string, err error) {
	unknown := merr.New(http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "This token is unknown or has expired")
	t, ok := s.tokens.parse(openIDKind, text)
	if !ok || t.expired(s.now()) {
		return "", unknown
	}
	b, err := s.bearer(ctx, t.key)
	if merr.Is(err, "M_UNKNOWN_TOKEN") || err == nil && b.State.Is(store.AccountLocked) {
		return "", unknown
	}
	if err != nil {
		return "", err
	}
	return b.UserID, nil
}
