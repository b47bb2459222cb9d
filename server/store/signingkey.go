package store

import (
	"crypto/ed25519"
	"database/sql"
	"fmt"
	"time"
)

const (
	signingKeys = `SELECT key_id, seed, coalesce(expired, 0) FROM signing_key ORDER BY expired IS NOT NULL, created DESC`
	insertKey   = `INSERT INTO signing_key (key_id, seed, created) VALUES (?, ?, ?)`
	expireKeys  = `UPDATE signing_key SET expired = ? WHERE expired IS NULL`
)

// SigningKey is a key with which this server signs, or signed.
type SigningKey struct {
	ID      string // ed25519:abcd
	Key     ed25519.PrivateKey
	Expired int64 // milliseconds; 0: it is in use
}

// SigningKeys gives this server's signing keys: the one in use first, none where none was made yet.
func (r *Reader) SigningKeys() ([]SigningKey, error) {
	return list(r, signingKeys, nil, func(rows *sql.Rows) (k SigningKey, err error) {
		var seed []byte
		if err = rows.Scan(&k.ID, &seed, &k.Expired); err != nil {
			return k, err
		}
		if len(seed) != ed25519.SeedSize {
			return k, fmt.Errorf("signing key %s has %d bytes", k.ID, len(seed))
		}
		k.Key = ed25519.NewKeyFromSeed(seed)
		return k, nil
	})
}

// AddSigningKey stores a new signing key.
func (tx *Tx) AddSigningKey(keyID string, key ed25519.PrivateKey, now time.Time) error {
	return tx.exec(insertKey, keyID, key.Seed(), Millis(now))
}

// ExpireSigningKeys says when the keys in use are in use no more.
func (tx *Tx) ExpireSigningKeys(at time.Time) error { return tx.exec(expireKeys, Millis(at)) }
