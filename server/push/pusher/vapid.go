package pusher

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"beffroi/server/store"
)

// tokenLives is how long a token is good that names this server to a push service. RFC 8292 allows 24 hours.
const tokenLives = 12 * time.Hour

// vapid is the key by which push services know this server. Source: RFC 8292.
type vapid struct {
	key    *ecdsa.PrivateKey
	public string // uncompressed, in URL-safe base64
}

// VAPIDKey is the public key of this server for push services: clients subscribe with it. It is made at first need.
// Source: MSC4174, "New entry in capabilities list".
func (s *Service) VAPIDKey(ctx context.Context) (string, error) {
	v, err := s.vapidKey(ctx)
	if err != nil {
		return "", err
	}
	return v.public, nil
}

func (s *Service) vapidKey(ctx context.Context) (*vapid, error) {
	s.vapidMu.Lock()
	defer s.vapidMu.Unlock()
	if s.vapid != nil {
		return s.vapid, nil
	}
	secret, err := store.Get(ctx, s.db, func(r *store.Reader) ([]byte, error) { return r.MetaBytes(store.MetaVAPIDKey) })
	if err != nil {
		return nil, err
	}
	if secret == nil {
		if secret, err = s.makeVAPID(ctx); err != nil {
			return nil, err
		}
	}
	s.vapid, err = newVAPID(secret)
	return s.vapid, err
}

func (s *Service) makeVAPID(ctx context.Context) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	secret, err := key.Bytes()
	if err != nil {
		return nil, err
	}
	return secret, s.db.Write(ctx, func(tx *store.Tx) error { return tx.PutMeta(store.MetaVAPIDKey, secret) })
}

func newVAPID(secret []byte) (*vapid, error) {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), secret)
	if err != nil {
		return nil, fmt.Errorf("stored VAPID key: %w", err)
	}
	public, err := key.PublicKey.Bytes()
	return &vapid{key, base64.RawURLEncoding.EncodeToString(public)}, err
}

// authorization is the header that names this server to the push service of an endpoint.
func (v *vapid) authorization(endpoint *url.URL, contact string, now time.Time) (string, error) {
	claims, err := json.Marshal(map[string]any{"aud": endpoint.Scheme + "://" + endpoint.Host, "exp": now.Add(tokenLives).Unix(), "sub": contact})
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	r, t, err := ecdsa.Sign(rand.Reader, v.key, sum[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	t.FillBytes(signature[32:])
	return "vapid t=" + signed + "." + base64.RawURLEncoding.EncodeToString(signature) + ", k=" + v.public, nil
}
