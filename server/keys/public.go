package keys

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"

	"beffroi/server/pdu"
)

// PublicKey is the public half of a signing key of ours, as people compare it with what a partner noted.
type PublicKey struct {
	KeyID       string `json:"key_id"`
	VerifyKey   string `json:"verify_key"`  // unpadded Base64
	Fingerprint string `json:"fingerprint"` // SHA-256 of the key in hexadecimal
	Expired     int64  `json:"expired_ts"`  // milliseconds since 1970; 0: it is in use
}

// Public are our keys, the one in use first.
func (o *Own) Public() (all []PublicKey) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, k := range o.keys {
		public := k.Key.Public().(ed25519.PublicKey)
		sum := sha256.Sum256(public)
		all = append(all, PublicKey{k.ID, pdu.EncodeBase64(public), hex.EncodeToString(sum[:]), k.Expired})
	}
	return all
}
