package accounts

import (
	"bytes"
	"crypto/rand"
	"math"
	"strings"
	"testing"

	"beffroi/server/store"
)

func testTokens() tokens { return tokens{secret: bytes.Repeat([]byte{7}, 32), random: rand.Reader} }

func TestTokenSaysWhatWasMinted(t *testing.T) {
	ts := testTokens()
	for _, want := range []token{
		{}, {key: store.TokenKey{1, 2, 3, 4, 5, 6, 7, 8}, generation: 1},
		{key: store.TokenKey{255}, generation: math.MaxUint64, expiry: math.MaxUint64},
	} {
		text, err := ts.mint(accessKind, want)
		if err != nil || len(text) > maxTokenLen {
			t.Fatalf("%q, %v", text, err)
		}
		if got, ok := ts.parse(accessKind, text); !ok || got != want {
			t.Errorf("%v became %v, %v", want, got, ok)
		}
		if _, ok := ts.parse(refreshKind, text); ok {
			t.Error("an access token passes for a refresh token")
		}
		if _, ok := ts.parse(refreshKind, refreshKind+strings.TrimPrefix(text, accessKind)); ok {
			t.Error("an access token with another prefix passes for a refresh token")
		}
		if _, ok := (tokens{secret: []byte("another"), random: rand.Reader}).parse(accessKind, text); ok {
			t.Error("a token of another server passes")
		}
	}
}

func TestTokenWithAnyBitChangedIsRefused(t *testing.T) {
	ts := testTokens()
	text, err := ts.mint(accessKind, token{generation: 300, expiry: 1_800_000_000})
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		for bit := range 8 {
			changed := []byte(text)
			changed[i] ^= 1 << bit
			if _, ok := ts.parse(accessKind, string(changed)); ok {
				t.Fatalf("bit %d of byte %d", bit, i)
			}
		}
	}
}

// FuzzToken parses anything, and payloads that have a good MAC but were never minted.
func FuzzToken(f *testing.F) {
	ts := testTokens()
	ts.random = bytes.NewReader([]byte("abcd")) // the same token in each of the fuzzer's processes
	good, err := ts.mint(accessKind, token{generation: 5, expiry: 9})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, []byte("12345678\x05\x09abcd"))
	f.Add("bfa1_", []byte{})
	f.Add("bfr1_AAAA", bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, text string, payload []byte) {
		if got, ok := ts.parse(accessKind, text); ok && text != good {
			t.Fatalf("%q passes as %v", text, got)
		}
		if got, ok := parsePayload(payload); ok && len(payload) < len(got.key)+2+nonceSize {
			t.Fatalf("%x is too short for %v", payload, got)
		}
	})
}
