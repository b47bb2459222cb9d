package setup

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"beffroi/server/store"
)

// The state is what survives a restart of the process: the session and the answers as they were typed, in the database's meta. Nothing secret
// is in it: of the session the hash, of the password what an account keeps. The recovery key is not: an unconfirmed one is made anew.
type state struct {
	Session  string    `json:"session,omitempty"` // hash of the cookie
	Until    time.Time `json:"until"`
	Replaced []string  `json:"replaced,omitempty"` // hashes of the cookies before, the newest last

	Commune   string `json:"commune,omitempty"`
	Address   string `json:"address,omitempty"`
	Mode      string `json:"mode,omitempty"` // with which other servers it speaks; empty: what the page proposes
	Name      string `json:"name,omitempty"`
	Localpart string `json:"localpart,omitempty"` // empty: what the name proposes
	Password  string `json:"password,omitempty"`  // PHC string
}

func loadState(ctx context.Context, db *store.DB) (s state, err error) {
	stored, err := store.Get(ctx, db, func(r *store.Reader) ([]byte, error) { return r.MetaBytes(store.MetaSetup) })
	if err != nil || stored == nil {
		return s, err
	}
	if err := json.Unmarshal(stored, &s); err != nil {
		return s, fmt.Errorf("setup: the answers in the database: %w", err)
	}
	return s, nil
}

func (s *state) save(ctx context.Context, db *store.DB) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return db.Write(ctx, func(tx *store.Tx) error { return tx.PutMeta(store.MetaSetup, b) })
}
