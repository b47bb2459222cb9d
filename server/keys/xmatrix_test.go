package keys_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"beffroi/server/keys"
	"beffroi/server/merr"
	"beffroi/server/store/storetest"

	"github.com/rs/zerolog"
)

// pair is a server that sends, and one that receives.
func pair(t *testing.T) (a *keys.Own, w *world) {
	t.Helper()
	w = newWorld(t)
	a, err := keys.OpenOwn(t.Context(), storetest.Open(t).DB, "a.fr", w.now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if w.said["a.fr"], err = a.Document(); err != nil {
		t.Fatal(err)
	}
	return a, w
}

// signed is the header of a request, its parameters as the change makes them.
func signed(t *testing.T, a *keys.Own, body string, change ...string) string {
	t.Helper()
	h, err := a.Authorization("PUT", "/_matrix/x?y=%20", "hs", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(change...).Replace(h)
}

func origin(w *world, body string, headers ...string) (string, error) {
	req := httptest.NewRequestWithContext(context.Background(), http.MethodPut, "/_matrix/x?y=%20", strings.NewReader(body))
	for _, h := range headers {
		req.Header.Add("Authorization", h)
	}
	return w.Origin(context.Background(), req, []byte(body))
}

func TestFormsOfTheAuthorizationHeader(t *testing.T) {
	a, w := pair(t)
	body := `{"b":1.50, "a":"é\u00e9"}` // an event of room version 5 may have such a number
	h := signed(t, a, body)
	id := a.Signer().KeyID
	for name, header := range map[string]string{
		"as we write it":       h,
		"no destination":       signed(t, a, body, `destination="hs",`, ""),
		"key without quotes":   signed(t, a, body, `"`+id+`"`, id),
		"origin without":       signed(t, a, body, `"a.fr"`, "a.fr"),
		"nothing quoted":       signed(t, a, body, `"`, ""),
		"spaces":               signed(t, a, body, "X-Matrix ", "X-Matrix   ", ",", " \t, ", "=\"", " = \""),
		"capitals":             signed(t, a, body, "X-Matrix", "x-matrix", "origin", "ORIGIN", "sig", "Sig"),
		"backslashes":          signed(t, a, body, `"a.fr"`, `"\a\.fr"`),
		"something else in it": h + `,other="1,2\"3"`,
		"the name signature":   signed(t, a, body, "sig=", "signature="),
		"empty elements":       signed(t, a, body, ",", ",,"),
	} {
		if got, err := origin(w, body, header); got != "a.fr" {
			t.Errorf("%s: %q, %v: %s", name, got, err, header)
		}
	}
	if got, err := origin(w, body, signed(t, a, body, id, "ed25519:other"), h); got != "a.fr" {
		t.Errorf("the second of two keys: %v", err)
	}
	if w.heard["a.fr"] != 12 || len(w.heard) != 1 {
		t.Errorf("heard: %v", w.heard)
	}
}

func TestRequestsThatAreNotSigned(t *testing.T) {
	a, w := pair(t)
	h := signed(t, a, `{"a":1}`)
	for name, headers := range map[string][]string{
		"none":                 nil,
		"an access token":      {"Bearer abc"},
		"only the scheme":      {"X-Matrix"},
		"nothing behind it":    {"X-Matrix "},
		"no key":               {`X-Matrix origin="a.fr",sig="abc"`},
		"an open quote":        {h[:len(h)-1]},
		"an open backslash":    {h[:len(h)-1] + `\`},
		"no comma":             {signed(t, a, `{"a":1}`, `",`, `" `)},
		"no value":             {`X-Matrix origin=,key=a,sig=b`},
		"origin twice":         {h + `,origin="b.fr"`},
		"two origins":          {h, signed(t, a, `{"a":1}`, `"a.fr"`, `"b.fr"`)},
		"too many":             {h, h, h, h, h},
		"for another":          {signed(t, a, `{"a":1}`, `"hs"`, `"other"`)},
		"another's name":       {signed(t, a, `{"a":1}`, `"a.fr"`, `"b.fr"`)},
		"our own name":         {signed(t, a, `{"a":1}`, `"a.fr"`, `"hs"`)},
		"no name of a server":  {signed(t, a, `{"a":1}`, `"a.fr"`, `"a fr"`)},
		"another key":          {signed(t, a, `{"a":1}`, a.Signer().KeyID, "ed25519:other")},
		"another body":         {signed(t, a, `{"a":2}`)},
		"no body signed":       {signed(t, a, "")},
		"a signature of noise": {`X-Matrix origin="a.fr",key="` + a.Signer().KeyID + `",sig="!!"`},
	} {
		if got, err := origin(w, `{"a":1}`, headers...); !merr.Is(err, "M_UNAUTHORIZED") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if len(w.heard) != 0 {
		t.Errorf("heard: %v", w.heard)
	}
	for _, body := range []string{`{"a":1,"a":2}`, `{"a":1`, "\xff"} {
		if got, err := origin(w, body, h); err == nil {
			t.Errorf("%q: %q", body, got)
		}
	}
	if w.asked["b.fr"] > 1 || w.asked["hs"] > 0 || w.asked["a fr"] > 0 {
		t.Errorf("asked: %v", w.asked)
	}
}

func TestRequestsAreNotSignedWithOldKeys(t *testing.T) {
	a, w := pair(t)
	old := signed(t, a, "")
	if err := a.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.said["a.fr"], _ = a.Document()
	if got, err := origin(w, "", old); err == nil {
		t.Errorf("%q with an old key", got)
	}
	if got, err := origin(w, "", signed(t, a, "")); got != "a.fr" {
		t.Error(err)
	}
	w.clock = w.clock.Add(48 * time.Hour)
	w.said["a.fr"] = nil
	if got, err := origin(w, "", signed(t, a, "")); err == nil {
		t.Errorf("%q with a key that is no more valid", got)
	}
}

func TestRequestsOfServersThatThePolicyRefuses(t *testing.T) {
	a, w := pair(t)
	w.refused["a.fr"] = true
	if _, err := origin(w, "", signed(t, a, "")); !merr.Is(err, "M_FORBIDDEN") {
		t.Error(err)
	}
	if len(w.asked) != 0 {
		t.Errorf("asked: %v", w.asked)
	}
}

func FuzzCredentials(f *testing.F) {
	for _, s := range []string{`X-Matrix origin=a.fr,key="ed25519:a",sig=b`, `X-Matrix origin="\"",,key=`, "X-Matrix \t", `x-matrix a=b=c`} {
		f.Add(s)
	}
	w := &world{said: map[string][]byte{}}
	ring := keys.NewRing(nil, w.now, keys.Config{Own: &keys.Own{}, Admits: func(string) bool { return false }, Log: zerolog.Nop()})
	f.Fuzz(func(t *testing.T, header string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		req.Header["Authorization"] = []string{header}
		if got, err := ring.Origin(t.Context(), req, nil); err == nil {
			t.Errorf("%q: %s", header, got)
		}
	})
}
