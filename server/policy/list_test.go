package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"beffroi/server/policy"
	"beffroi/server/specschema"
)

// Whatever a list says: it is refused with a sentence, or it is read, signed and verified, and its servers come back as they were.
func FuzzParseList(f *testing.F) {
	w := &world{clock: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	list := w.draft(1, server("a.fr", m{"verify_keys": m{"ed25519:k": verifyKey("k")}, "since_ts": 1, "until_ts": 2, "notary": true}), server("b.fr", m{"status": "suspended"}))
	good, err := json.Marshal(list)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(bytes.Replace(good, []byte("active"), []byte("exiled"), 1))
	f.Add([]byte(`{"format":"fr.beffroi.trust-list.v1","servers":[[[[[[`))
	f.Add([]byte(`{"signatures":{"x":1},"servers":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, _, err := policy.ParseList(b)
		var problem policy.Problem
		if err != nil {
			if !errors.As(err, &problem) {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		signed, err := policy.Sign(b, key("list"))
		if err != nil {
			return // the signatures that it has are none
		}
		again, err := policy.Verify(signed, key("list").Public())
		if err != nil || len(again.Servers) != len(l.Servers) || again.Number != l.Number {
			t.Fatalf("%v: %s", err, signed)
		}
		for i, one := range l.Servers {
			b, err := json.Marshal(one)
			if err != nil {
				t.Fatal(err)
			}
			back, err := policy.ParseServer(b)
			if err != nil || back.Name != again.Servers[i].Name || back.Status != one.Status || len(back.Keys) != len(one.Keys) {
				t.Fatalf("%v: %s", err, b)
			}
		}
	})
}

func TestKeysOfPublishers(t *testing.T) {
	k := key("list")
	back, err := policy.ParseSigningKey(k.Text())
	if err != nil || back.ID != k.ID || !back.Key.Equal(k.Key) {
		t.Error(back, err)
	}
	public, err := policy.ParseKey(k.Public().String())
	if err != nil || public.ID != k.ID || !public.Key.Equal(k.Public().Key) {
		t.Error(public, err)
	}
	for _, text := range []string{"", "x", k.Text(), "ed25519:a AAAA", "rsa:a " + strings.Repeat("A", 43), "ed25519:a/b " + strings.Repeat("A", 43)} {
		if _, err := policy.ParseKey(text); err == nil {
			t.Errorf("%q is a key", text)
		}
	}
	for _, text := range []string{"", k.Public().String(), strings.Replace(k.Text(), "ed25519:list ", "ed25519:list A", 1)} {
		if _, err := policy.ParseSigningKey(text); err == nil {
			t.Errorf("%q is a signing key", text)
		}
	}
}

// What the gateway lets through is the specification's operations, /policy/v1/sign left out, and two of its past.
func TestTheGatewayIsTheSpecification(t *testing.T) {
	spec := specschema.Open(t)
	if spec == nil {
		t.Fatal("the specification is not here")
	}
	w := newWorld(t, policy.Open)
	passed := false
	gateway := policy.NewGateway(w.Service, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true }), func(*http.Request) (string, bool) { return "", false })
	ask := func(method, path string) int {
		passed = false
		rec := httptest.NewRecorder()
		gateway.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		return rec.Code
	}
	n := 0
	for _, op := range spec.Ops {
		path := strings.NewReplacer("{", "", "}", "").Replace(op.Path)
		if op.API != "server-server" || op.Path == "/_matrix/policy/v1/sign" {
			continue
		}
		if n++; ask(op.Method, path) != http.StatusOK || !passed {
			t.Errorf("%s %s is held back", op.Method, op.Path)
		}
	}
	if n != 35 {
		t.Errorf("%d operations", n)
	}
	for _, old := range []string{"/_matrix/federation/v1/send_join/r/e", "/_matrix/federation/v1/send_leave/r/e"} {
		if ask("PUT", old); !passed {
			t.Errorf("%s is held back", old)
		}
	}
	for call, want := range map[string]int{"POST /_matrix/policy/v1/sign": 404, "GET /_matrix/federation/v1/event/a%2Fb": 200, "GET /_matrix/federation/v1/event/": 404,
		"GET /_matrix/federation/v1/event/a/": 404, "GET /_matrix/federation/v2/event/a": 404, "PATCH /_matrix/key/v2/server": 405, "GET /_matrix/client/versions": 200, "GET /": 200} {
		method, path, _ := strings.Cut(call, " ")
		if got := ask(method, path); got != want || passed != (want == 200) {
			t.Errorf("%s: %d, want %d", call, got, want)
		}
	}
}
