// Package sheet makes the connection sheet ("fiche de raccordement"): what a partner, and the gateway at their border, must know of this server to let it pass.
package sheet

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Sheet is what stands on it. It holds nothing secret.
type Sheet struct {
	Commune    string    `json:"commune,omitempty" toml:"commune,omitempty"`
	ServerName string    `json:"server_name" toml:"server_name"`
	Federation string    `json:"federation_address,omitempty" toml:"federation_address,omitempty"` // host:port; none where the name itself is served
	Client     string    `json:"client_address" toml:"client_address"`                             // https://…
	Made       time.Time `json:"made" toml:"made"`
	Keys       []Key     `json:"verify_keys" toml:"verify_keys"` // the one in use first
	Contacts   []Contact `json:"contacts" toml:"contacts"`
	Support    string    `json:"support_page,omitempty" toml:"support_page,omitempty"` // https://…
}

// Key is the public half of a signing key.
type Key struct {
	ID          string     `json:"key_id" toml:"key_id"`
	Key         string     `json:"key" toml:"key"` // unpadded Base64
	Fingerprint string     `json:"fingerprint" toml:"fingerprint"`
	Expired     *time.Time `json:"expired,omitempty" toml:"expired,omitempty"` // none: it is in use
}

// Contact is somebody of the town hall.
type Contact struct {
	Role     string `json:"role" toml:"role"`
	MatrixID string `json:"matrix_id,omitempty" toml:"matrix_id,omitempty"`
	Email    string `json:"email_address,omitempty" toml:"email_address,omitempty"`
}

// Fingerprint is a key for people to compare: the SHA-256 of its 32 bytes, in hexadecimal groups of four.
func Fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	text := hex.EncodeToString(sum[:])
	var groups []string
	for i := 0; i < len(text); i += 4 {
		groups = append(groups, text[i:i+4])
	}
	return strings.Join(groups, " ")
}

// Place is where the server is found; the configuration says it.
type Place struct{ ServerName, Federation, Client string }

// Make fills in the sheet of a server.
func Make(r *store.Reader, place Place, now time.Time) (*Sheet, error) {
	s := &Sheet{ServerName: place.ServerName, Federation: place.Federation, Client: place.Client, Made: now.UTC().Truncate(time.Second), Contacts: []Contact{}}
	var err error
	if s.Commune, err = r.MetaText(store.MetaCommuneName); err != nil {
		return nil, err
	}
	if s.Keys, err = verifyKeys(r); err != nil {
		return nil, err
	}
	return s, s.contacts(r)
}

// Of is Make in a transaction of its own.
func Of(ctx context.Context, db *store.DB, place Place, now time.Time) (*Sheet, error) {
	return store.Get(ctx, db, func(r *store.Reader) (*Sheet, error) { return Make(r, place, now) })
}

func verifyKeys(r *store.Reader) ([]Key, error) {
	keys, err := r.SigningKeys()
	all := make([]Key, len(keys))
	for i, k := range keys {
		public := k.Key.Public().(ed25519.PublicKey)
		all[i] = Key{ID: k.ID, Key: pdu.EncodeBase64(public), Fingerprint: Fingerprint(public)}
		if k.Expired != 0 {
			at := time.UnixMilli(k.Expired).UTC().Truncate(time.Second)
			all[i].Expired = &at
		}
	}
	return all, err
}

// contacts are those of /.well-known/matrix/support.
func (s *Sheet) contacts(r *store.Reader) error {
	text, err := r.MetaText(store.MetaSupport)
	if err != nil || text == "" {
		return err
	}
	var support accounts.Support
	if err := json.Unmarshal([]byte(text), &support); err != nil {
		return err
	}
	for _, c := range support.Contacts {
		s.Contacts = append(s.Contacts, Contact{c.Role, c.MatrixID, c.Email})
	}
	s.Support = support.Page
	return nil
}
