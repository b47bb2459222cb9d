package clientapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/accounts"
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/specschema"
	"beffroi/server/store"
)

// exhausted is a limiter under which an account, and strangers of its address, may ask for nothing more.
func exhausted(t *testing.T, s *server, userID string, routes []route) *limits.Limiter {
	t.Helper()
	l, addr := limits.New(s.clock.Now), netip.MustParseAddr("127.0.0.1")
	for _, r := range routes {
		for _, account := range []string{"", userID} {
			for _, err := l.Admit(r.Class, limits.Caller{Account: account, Addr: addr}); err == nil; {
				_, err = l.Admit(r.Class, limits.Caller{Account: account, Addr: addr})
			}
		}
	}
	return l
}

// Every route is held by its class, those that the specification calls rate-limited and the others: 429 M_LIMIT_EXCEEDED, with the time to wait.
func TestEveryRouteIsLimited(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	routes := s.api.Routes()
	adapter := httpx.New[*accounts.Session](s.acc, httpx.Gate{Limits: exhausted(t, s, alice.id, routes)}, zerolog.Nop())
	adapter.Mount(routes)
	spec, limited := specschema.Open(t), map[*specschema.Operation]bool{}
	for _, r := range routes {
		path := strings.NewReplacer("{$}", "", "{", "", "}", "").Replace(r.Path)
		req := httptest.NewRequestWithContext(t.Context(), r.Method, path, strings.NewReader("{}"))
		req.RemoteAddr = "127.0.0.1:1"
		req.Header.Set("Authorization", "Bearer "+alice.token)
		w := httptest.NewRecorder()
		adapter.ServeHTTP(w, req)
		if body := w.Body.String(); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" ||
			!strings.Contains(body, `"M_LIMIT_EXCEEDED"`) || !strings.Contains(body, `"retry_after_ms":`) {
			t.Errorf("%s %s: %d %s", r.Method, r.Path, w.Code, body)
		}
		if spec != nil {
			if faults := spec.Check(r.Method, path, w.Code, w.Header(), w.Body.Bytes()); len(faults) > 0 {
				t.Errorf("%s %s: %q", r.Method, r.Path, faults)
			}
			limited[spec.Find(r.Method, path)] = true
		}
	}
	if spec == nil {
		t.Skip("the specification is not here")
	}
	rated := 0
	for op := range limited {
		if op != nil && op.Responses["429"] != nil {
			rated++
		}
	}
	if rated < 50 {
		t.Errorf("only %d operations that the specification calls rate-limited were asked for", rated)
	}
}

// What changes something for others, or costs much, has a class of its own: a new route of these kinds must not be taken for a cheap one.
func TestCostlyRoutesAreNotGeneral(t *testing.T) {
	s := start(t)
	cheap := map[string]bool{"/_matrix/client/v3/logout": true, "/_matrix/client/v3/logout/all": true, "/_matrix/client/v3/refresh": true}
	for _, r := range s.api.Routes() {
		path := strings.Replace(r.Path, "/r0/", "/v3/", 1)
		if r.Auth == httpx.None && r.Method != "GET" && r.Class == limits.General && !cheap[path] && !strings.HasSuffix(path, "/msisdn/requestToken") {
			t.Errorf("%s %s: strangers may ask for it, and it has no class", r.Method, r.Path)
		}
	}
}

// limited serves the API once more, with limits.
func (s *server) limited() {
	adapter := httpx.New[*accounts.Session](s.acc, httpx.Gate{Limits: limits.New(s.clock.Now)}, zerolog.Nop())
	adapter.Mount(s.api.Routes())
	web := httptest.NewServer(adapter)
	s.t.Cleanup(web.Close)
	s.url = web.URL
}

// An administrator's word on one account counts at once.
func TestRateOverrides(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	s.limited()
	user, err := store.Get(t.Context(), s.db, func(r *store.Reader) (store.Atom, error) { return r.FindAtom(alice.id) })
	if err != nil {
		t.Fatal(err)
	}
	passes := func(n int) (passed int) {
		for range n {
			status, _ := alice.do("PUT", "/_matrix/client/v3/rooms/%21r/send/m.x/1", []byte("no JSON"))
			if status != 429 {
				passed++
			}
		}
		return passed
	}
	for _, c := range []struct {
		override *store.RateOverride
		passed   int
	}{
		{nil, 100},
		{&store.RateOverride{}, 300},
		{&store.RateOverride{PerSecond: 1, Burst: 7}, 7},
		{nil, 100},
	} {
		if err := s.acc.SetRateOverride(t.Context(), user, c.override); err != nil {
			t.Fatal(err)
		}
		s.clock.advance(time.Hour)
		if n := passes(300); n != c.passed {
			t.Errorf("%+v: %d of 300 passed", c.override, n)
		}
		got, found, err := s.acc.RateOverride(t.Context(), user)
		if err != nil || found != (c.override != nil) || found && got != *c.override {
			t.Errorf("%+v: kept as %+v, %v", c.override, got, err)
		}
	}
	for _, wrong := range []store.RateOverride{{PerSecond: -1}, {Burst: -1}, {PerSecond: 1e9}, {Burst: 1e9}} {
		if err := s.acc.SetRateOverride(t.Context(), user, &wrong); !merr.Is(err, "M_INVALID_PARAM") {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

// A user's account data is bounded in all; what is there can be made smaller, and what is small is always taken.
func TestAccountDataIsBoundedInAll(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	path := func(n int) string {
		return fmt.Sprint("/_matrix/client/v3/user/", alice.id, "/account_data/org.example.", n)
	}
	large := object{"x": strings.Repeat("x", 250<<10)}
	n := 0
	for ; n < 200; n++ {
		if status, answer := alice.do("PUT", path(n), large); status == 413 && answer["errcode"] == "M_TOO_LARGE" {
			break
		} else if status != 200 {
			t.Fatal(status, answer)
		}
	}
	if n != 131 {
		t.Errorf("%d pieces of 250 KiB were taken", n)
	}
	alice.must("PUT", path(n), object{"small": true})
	alice.must("PUT", path(0), large)
	alice.fails(413, "M_TOO_LARGE", "PUT", path(n), large)
	alice.must("PUT", path(0), object{})
	alice.must("PUT", path(n), large)
}

// Requests that move much count for more: keys and messages to devices are bounded in bytes, too.
func TestLargeRequestsCountForMore(t *testing.T) {
	s := start(t)
	alice, bob := s.register("alice"), s.register("bob")
	for range 20 {
		s.login("bob", nil)
	}
	s.limited()
	content := object{"x": strings.Repeat("x", 60<<10)}
	sent := 0
	for ; sent < 500; sent++ {
		if status, _ := alice.do("PUT", fmt.Sprint("/_matrix/client/v3/sendToDevice/m.x/", sent), object{"messages": object{bob.id: object{"*": content}}}); status == 429 {
			break
		}
	}
	if sent < 15 || sent > 30 { // each counts for twenty
		t.Errorf("%d messages of 60 KiB to 21 devices were taken at once", sent)
	}
}

func TestFiltersAreBounded(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	path := "/_matrix/client/v3/user/" + alice.id + "/filter"
	for n := range 200 {
		alice.must("POST", path, object{"room": object{"timeline": object{"limit": n + 1}}})
	}
	alice.must("POST", path, object{"room": object{"timeline": object{"limit": 1}}}) // it is there
	alice.fails(400, "M_UNKNOWN", "POST", path, object{"room": object{"timeline": object{"limit": 1000}}})
}
