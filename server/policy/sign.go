package policy

import (
	"crypto/ed25519"
	"encoding/hex"
	"io"
	"strings"

	"beffroi/server/keys"
	"beffroi/server/pdu"
)

// SigningKey is what a publisher signs lists with.
type SigningKey struct {
	ID  string // ed25519:abcd
	Key ed25519.PrivateKey
}

// NewSigningKey makes a key.
func NewSigningKey(random io.Reader) (SigningKey, error) {
	public, private, err := ed25519.GenerateKey(random)
	if err != nil {
		return SigningKey{}, err
	}
	return SigningKey{"ed25519:" + hex.EncodeToString(public[:4]), private}, nil
}

// Public is what publishers give to who subscribes.
func (k SigningKey) Public() Key { return Key{k.ID, k.Key.Public().(ed25519.PublicKey)} }

// secretWord begins the line of a key file, so that nobody takes it for a public key.
const secretWord = "beffroi-list-secret"

// Text is the one line of a key file: secret.
func (k SigningKey) Text() string {
	return secretWord + " " + k.ID + " " + pdu.EncodeBase64(k.Key.Seed()) + "\n"
}

// ParseSigningKey reads what Text writes.
func ParseSigningKey(text string) (SigningKey, error) {
	words := strings.Fields(text)
	if len(words) != 3 || words[0] != secretWord || !keys.ValidKeyID(words[1]) {
		return SigningKey{}, problemf("ce n'est pas un fichier de clé de liste")
	}
	seed, err := pdu.DecodeBase64(words[2])
	if err != nil || len(seed) != ed25519.SeedSize {
		return SigningKey{}, problemf("la clé de ce fichier est abîmée")
	}
	return SigningKey{words[1], ed25519.NewKeyFromSeed(seed)}, nil
}

// Sign checks a list as subscribers do and signs it, beside the signatures that it has: signed with two keys, it counts for who pinned either. The error is a
// Problem where the list is wrong.
func Sign(b []byte, k SigningKey) ([]byte, error) {
	l, o, err := ParseList(b)
	if err != nil {
		return nil, err
	}
	return pdu.SignJSON(o.Raw(), l.ID, k.ID, k.Key)
}
