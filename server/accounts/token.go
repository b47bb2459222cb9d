package accounts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"strings"
	"time"

	"beffroi/server/store"
)

// The kinds of tokens, with their version. Source: ARCHITECTURE.md, "Tokens".
const (
	accessKind  = "bfa1_"
	refreshKind = "bfr1_"

	macSize     = 16
	nonceSize   = 4
	maxTokenLen = 128 // the longest one is 69 characters
)

// token is what an access or refresh token says.
type token struct {
	key        store.TokenKey
	generation uint64
	expiry     uint64 // Unix seconds; 0: never
}

func (t token) expired(now time.Time) bool {
	return t.expiry != 0 && now.Unix() >= int64(t.expiry)
}

// tokens makes and checks tokens. None is stored: what they say stands in them, under a MAC.
type tokens struct {
	secret []byte
	random io.Reader
}

func (ts tokens) mint(kind string, t token) (string, error) {
	payload := append([]byte(nil), t.key[:]...)
	payload = binary.AppendUvarint(payload, t.generation)
	payload = binary.AppendUvarint(payload, t.expiry)
	nonce, err := randomBytes(ts.random, nonceSize) // so that no two tokens are equal
	if err != nil {
		return "", err
	}
	payload = append(payload, nonce...)
	return kind + base64.RawURLEncoding.EncodeToString(append(payload, ts.mac(kind, payload)...)), nil
}

// parse gives what a token of this kind says, if this server made it. It says nothing about expiry and generation.
func (ts tokens) parse(kind, text string) (t token, ok bool) {
	encoded, ok := strings.CutPrefix(text, kind)
	if !ok || len(text) > maxTokenLen {
		return t, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) < macSize {
		return t, false
	}
	payload, mac := raw[:len(raw)-macSize], raw[len(raw)-macSize:]
	if !hmac.Equal(mac, ts.mac(kind, payload)) {
		return t, false
	}
	return parsePayload(payload)
}

func parsePayload(payload []byte) (t token, ok bool) {
	if len(payload) < len(t.key) {
		return token{}, false
	}
	rest := payload[copy(t.key[:], payload):]
	for _, field := range []*uint64{&t.generation, &t.expiry} {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			return token{}, false
		}
		*field, rest = v, rest[n:]
	}
	return t, len(rest) == nonceSize
}

func (ts tokens) mac(kind string, payload []byte) []byte {
	h := hmac.New(sha256.New, ts.secret)
	h.Write([]byte(kind))
	h.Write(payload)
	return h.Sum(nil)[:macSize]
}
