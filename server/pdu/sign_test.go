package pdu

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"testing"
)

// vectorSigner is that of the specification's test vectors.
//
// Spec: appendices, "Cryptographic Test Vectors".
func vectorSigner(t testing.TB) Signer {
	t.Helper()
	seed, err := DecodeBase64("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1")
	if err != nil {
		t.Fatal(err)
	}
	return Signer{ServerName: "domain", KeyID: "ed25519:1", Key: ed25519.NewKeyFromSeed(seed)}
}

func TestSignJSONVectors(t *testing.T) {
	s := vectorSigner(t)
	for in, want := range map[string]string{
		`{}`:                       `{"signatures":{"domain":{"ed25519:1":"K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"}}}`,
		`{"two":"Two", "one": 1 }`: `{"one":1,"signatures":{"domain":{"ed25519:1":"KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"}},"two":"Two"}`,
	} {
		got, err := SignJSON([]byte(in), s.ServerName, s.KeyID, s.Key)
		if err != nil || string(got) != want {
			t.Errorf("SignJSON(%s)\n got %s %v\nwant %s", in, got, err, want)
		}
		if err := VerifyJSON(got, s.ServerName, s.KeyID, s.Key.Public().(ed25519.PublicKey)); err != nil {
			t.Errorf("VerifyJSON(%s): %v", got, err)
		}
	}
}

// The event vectors are of room version 1, whose redaction keeps `origin`.
//
// Spec: appendices, "Event Signing".
func TestEventSigningVectors(t *testing.T) {
	s := vectorSigner(t)
	v1 := rulesOf(t, "1")
	for _, c := range []struct{ in, eventType, hash, sig string }{
		{`{"room_id":"!x:domain","sender":"@a:domain","origin":"domain","origin_server_ts":1000000,"signatures":{},"hashes":{},"type":"X","content":{},"prev_events":[],"auth_events":[],"depth":3,"unsigned":{"age_ts":1000000}}`,
			"X", "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos", "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg"},
		{`{"content":{"body":"Here is the message content"},"event_id":"$0:domain","origin":"domain","origin_server_ts":1000000,"type":"m.room.message","room_id":"!r:domain","sender":"@u:domain","signatures":{},"unsigned":{"age_ts":1000000}}`,
			"m.room.message", "onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g", "Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA"},
	} {
		raw, err := Canonical([]byte(c.in))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(without(raw, "hashes", "signatures", "unsigned"))
		if got := EncodeBase64(sum[:]); got != c.hash {
			t.Errorf("%s: content hash %s, want %s", c.eventType, got, c.hash)
		}
		raw = with(raw, "hashes", with(nil, "sha256", appendString(nil, EncodeBase64(sum[:]))))
		f := &fields{rules: v1, raw: raw, eventType: c.eventType}
		if got := EncodeBase64(ed25519.Sign(s.Key, f.essential())); got != c.sig {
			t.Errorf("%s: signature %s, want %s", c.eventType, got, c.sig)
		}
	}
}

func TestSignJSONKeepsTheRest(t *testing.T) {
	s := vectorSigner(t)
	pub := s.Key.Public().(ed25519.PublicKey)
	signed, err := SignJSON([]byte(`{"a":1,"unsigned":{"age":2},"signatures":{"other":{"ed25519:x":"abc"},"domain":{"ed25519:0":"old"}}}`), s.ServerName, s.KeyID, s.Key)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := ParseObject(signed)
	sigs := o.Object("signatures")
	if x, _ := sigs.Object("other").Text("ed25519:x"); x != "abc" {
		t.Errorf("another server's signature is lost: %s", signed)
	}
	if x, _ := sigs.Object("domain").Text("ed25519:0"); x != "old" {
		t.Errorf("another key's signature is lost: %s", signed)
	}
	changed := with(signed, "unsigned", []byte(`{"age":3}`))
	if err := VerifyJSON(changed, "domain", "ed25519:1", pub); err != nil {
		t.Errorf("unsigned is not signed, yet: %v", err)
	}
	for what, b := range map[string][]byte{
		"content":  with(signed, "a", []byte("2")),
		"addition": with(signed, "b", []byte("2")),
		"entity":   with(signed, "signatures", with(nil, "else", sigs.Object("domain").raw)),
		"base64":   with(signed, "signatures", []byte(`{"domain":{"ed25519:1":"!"}}`)),
		"empty":    with(signed, "signatures", []byte(`{"domain":{"ed25519:1":""}}`)),
	} {
		if err := VerifyJSON(b, "domain", "ed25519:1", pub); !errors.Is(err, ErrSignature) {
			t.Errorf("changed %s: %v", what, err)
		}
	}
	if err := VerifyJSON(signed, "domain", "ed25519:1", pub[:31]); !errors.Is(err, ErrSignature) {
		t.Errorf("a short key: %v", err)
	}
	if _, err := SignJSON([]byte(`{"a":1.5}`), "domain", "ed25519:1", s.Key); !errors.Is(err, ErrBadJSON) {
		t.Errorf("signing a float: %v", err)
	}
}

func TestDecodeBase64(t *testing.T) {
	for _, s := range []string{"+/8", "-_8", "+/8=", "-_8="} {
		if b, err := DecodeBase64(s); err != nil || string(b) != "\xfb\xff" {
			t.Errorf("%s: %x %v", s, b, err)
		}
	}
}
