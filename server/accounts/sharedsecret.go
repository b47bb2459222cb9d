package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"beffroi/server/limits"
	"beffroi/server/merr"
)

const (
	nonceLifetime = time.Minute
	maxNonces     = 1024 // in a generation
)

// SharedSecretRegistration is a request to make an account by whoever knows the shared secret.
// Source: Synapse's admin API, "Shared-Secret Registration".
type SharedSecretRegistration struct {
	Nonce       string `json:"nonce"`
	Username    string `json:"username"`
	Password    string `json:"password"`
	Admin       bool   `json:"admin"`
	UserType    string `json:"user_type"` // only part of what is authenticated
	DisplayName string `json:"displayname"`
	MAC         string `json:"mac"` // hexadecimal
}

// Nonce gives what one shared-secret registration must contain, within a minute.
func (s *Service) Nonce() (string, error) {
	if err := s.sharedSecretOn(); err != nil {
		return "", err
	}
	b, err := randomBytes(s.random, 32)
	if err != nil {
		return "", err
	}
	nonce := hex.EncodeToString(b)
	s.nonces.put(nonce, s.now().Add(nonceLifetime))
	return nonce, nil
}

// RegisterBySharedSecret makes the account and a device of it. limits.WithClient says in ctx who guesses at the secret.
func (s *Service) RegisterBySharedSecret(ctx context.Context, req SharedSecretRegistration) (Grant, error) {
	if err := s.sharedSecretOn(); err != nil {
		return Grant{}, err
	}
	a := limits.Attempt{Addr: limits.ClientOf(ctx)}
	if err := s.cfg.Guesses.Admit(a); err != nil {
		return Grant{}, err
	}
	expiry, ok := s.nonces.take(req.Nonce)
	if !ok || !s.now().Before(expiry) {
		return Grant{}, merr.New(http.StatusBadRequest, "M_UNKNOWN", "Unrecognised nonce")
	}
	mac, err := hex.DecodeString(req.MAC)
	if err != nil || !hmac.Equal(mac, req.mac(s.cfg.Registration.SharedSecret)) {
		s.cfg.Guesses.Wrong(a)
		return Grant{}, merr.Forbidden("HMAC incorrect")
	}
	account := NewAccount{Localpart: req.Username, Password: req.Password, DisplayName: req.DisplayName, Admin: req.Admin}
	if account.Localpart == "" {
		return Grant{}, merr.MissingParam("username is missing")
	}
	return s.Register(ctx, account, NewDevice{})
}

func (req SharedSecretRegistration) mac(secret string) []byte {
	role := "notadmin"
	if req.Admin {
		role = "admin"
	}
	parts := []string{req.Nonce, req.Username, req.Password, role}
	if req.UserType != "" {
		parts = append(parts, req.UserType)
	}
	h := hmac.New(sha1.New, []byte(secret)) // the protocol's; an HMAC does not need a hash without collisions
	h.Write([]byte(strings.Join(parts, "\x00")))
	return h.Sum(nil)
}

func (s *Service) sharedSecretOn() error {
	if s.cfg.Registration.SharedSecret == "" {
		return merr.New(http.StatusBadRequest, "M_UNKNOWN", "Shared secret registration is not enabled")
	}
	return nil
}
