// Package keys are the signing keys of servers: our own, which are the town hall's identity in the federation, the ring of the keys of
// others, and the signatures of requests (X-Matrix).
//
// Spec: server-server API, "Retrieving server keys", "Request Authentication".
package keys

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

const (
	// lifetime is how long others may keep our document: a key that was stolen is useless as long after it was replaced.
	lifetime = 24 * time.Hour
	// overlap is how long a replaced key still counts: for what was being signed with it.
	overlap = time.Minute
)

// Own are this server's signing keys.
type Own struct {
	db         *store.DB
	now        func() time.Time
	random     io.Reader
	serverName string

	mu   sync.RWMutex
	keys []store.SigningKey // the one in use first
}

// OpenOwn reads the keys, and makes the first one where there is none: later ones come by Rotate only.
func OpenOwn(ctx context.Context, db *store.DB, serverName string, now func() time.Time, random io.Reader) (*Own, error) {
	o := &Own{db: db, now: now, random: random, serverName: serverName}
	return o, o.change(ctx, func(tx *store.Tx) (bool, error) {
		known, err := tx.SigningKeys()
		return len(known) == 0, err
	})
}

// ReadOwn gives the keys as they are, beside a server that runs or for a command; they can't be rotated.
func ReadOwn(r *store.Reader, serverName string, now func() time.Time) (*Own, error) {
	known, err := r.SigningKeys()
	if err == nil && (len(known) == 0 || known[0].Expired != 0) {
		err = errors.New("no signing key is in use")
	}
	return &Own{now: now, serverName: serverName, keys: known}, err
}

// Rotate takes a new key into use. What the old ones signed stays valid, and they stay in the document. Servers that pinned the old key must be told.
func (o *Own) Rotate(ctx context.Context) error {
	return o.change(ctx, func(tx *store.Tx) (bool, error) { return true, tx.ExpireSigningKeys(o.now().Add(overlap)) })
}

// change adds a key where first says so, and reads them all.
func (o *Own) change(ctx context.Context, first func(*store.Tx) (add bool, err error)) error {
	public, fresh, err := ed25519.GenerateKey(o.random)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var known []store.SigningKey
	err = o.db.Write(ctx, func(tx *store.Tx) error {
		add, err := first(tx)
		if err != nil {
			return err
		}
		if add {
			if err := tx.AddSigningKey("ed25519:"+hex.EncodeToString(public[:4]), fresh, o.now()); err != nil {
				return err
			}
		}
		known, err = tx.SigningKeys()
		return err
	})
	if err != nil {
		return err
	}
	if known[0].Expired != 0 {
		return errors.New("no signing key is in use")
	}
	o.keys = known
	return nil
}

// Signer is the key in use.
func (o *Own) Signer() pdu.Signer {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return pdu.Signer{ServerName: o.serverName, KeyID: o.keys[0].ID, Key: o.keys[0].Key}
}

// find gives the public half of a key of ours, in use or not.
func (o *Own) find(keyID string) (key ed25519.PublicKey, until int64, ok bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, k := range o.keys {
		if k.ID == keyID {
			return k.Key.Public().(ed25519.PublicKey), k.Expired, true
		}
	}
	return nil, 0, false
}

type (
	verifyKey struct {
		Key string `json:"key"`
	}
	oldVerifyKey struct {
		Key     string `json:"key"`
		Expired int64  `json:"expired_ts"`
	}
	ownDocument struct {
		ServerName string                  `json:"server_name"`
		Keys       map[string]verifyKey    `json:"verify_keys"`
		Old        map[string]oldVerifyKey `json:"old_verify_keys"`
		ValidUntil int64                   `json:"valid_until_ts"`
	}
)

// Document is what this server says of its keys, signed.
//
// Spec: server-server API, "Publishing Keys".
func (o *Own) Document() (json.RawMessage, error) {
	signer := o.Signer()
	d := ownDocument{ServerName: o.serverName, Keys: map[string]verifyKey{}, Old: map[string]oldVerifyKey{}, ValidUntil: store.Millis(o.now().Add(lifetime))}
	o.mu.RLock()
	for _, k := range o.keys {
		public := pdu.EncodeBase64(k.Key.Public().(ed25519.PublicKey))
		if k.Expired == 0 {
			d.Keys[k.ID] = verifyKey{public}
		} else {
			d.Old[k.ID] = oldVerifyKey{public, k.Expired}
		}
	}
	o.mu.RUnlock()
	b, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return pdu.SignJSON(b, signer.ServerName, signer.KeyID, signer.Key)
}
