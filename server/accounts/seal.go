package accounts

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
)

// sealer keeps short secrets of which people must see the text again, such as registration tokens: they are found by a hash and stored encrypted, so
// that no dump, log or copy of the table alone shows them.
type sealer struct {
	hashKey []byte
	aead    cipher.AEAD
}

func newSealer(secret []byte, purpose string) (*sealer, error) {
	block, err := aes.NewCipher(derive(secret, purpose+" key"))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &sealer{hashKey: derive(secret, purpose+" hash"), aead: aead}, err
}

func (s *sealer) hash(text string) []byte { return derive(s.hashKey, text) }

// seal takes the nonce from the hash: one text, one nonce.
func (s *sealer) seal(text string) []byte {
	hash := s.hash(text)
	return s.aead.Seal(nil, hash[:s.aead.NonceSize()], []byte(text), hash)
}

func (s *sealer) open(hash, sealed []byte) (string, error) {
	if len(hash) != sha256.Size {
		return "", fmt.Errorf("a hash of %d bytes", len(hash))
	}
	text, err := s.aead.Open(nil, hash[:s.aead.NonceSize()], sealed, hash)
	return string(text), err
}

func derive(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
