package remote_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"beffroi/server/dial"
	"beffroi/server/dial/dnstest"
	"beffroi/server/federation/discovery"
	"beffroi/server/federation/remote"
	"beffroi/server/keys"
	"beffroi/server/rooms"
	"beffroi/server/store/storetest"

	"github.com/rs/zerolog"
)

// other is another server, on loopback, by TLS. Its certificate is for its address and for example.com.
type other struct {
	name string // its address
	port uint16

	mu      sync.Mutex
	answers map[string]http.HandlerFunc // by path
	got     []*http.Request
	bodies  []string
	cert    *x509.Certificate
}

func startOther(t *testing.T) *other {
	t.Helper()
	o := &other{answers: map[string]http.HandlerFunc{}}
	s := httptest.NewUnstartedServer(o)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	o.name, o.cert = s.Listener.Addr().String(), s.Certificate()
	o.port = netip.MustParseAddrPort(o.name).Port()
	return o
}

func (o *other) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	o.mu.Lock()
	o.got, o.bodies = append(o.got, r), append(o.bodies, string(b))
	answer := o.answers[r.URL.EscapedPath()]
	o.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"errcode":"M_UNRECOGNIZED","error":"no"}`)
		return
	}
	answer(w, r)
}

func (o *other) says(path, body string) {
	o.answers[path] = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

// here is our side.
type here struct {
	*remote.Client
	ring  *keys.Ring
	own   *keys.Own
	clock time.Time
	zone  *dnstest.Zone
	rule  dial.Rule

	refused map[string]bool
}

func startHere(t *testing.T, o *other) *here {
	t.Helper()
	h := &here{clock: time.Now(), zone: dnstest.Start(t), refused: map[string]bool{}}
	var err error
	if h.own, err = keys.OpenOwn(t.Context(), storetest.Open(t).DB, "hs", h.now, rand.Reader); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(o.cert)
	h.rule = dial.Rule{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Roots: pool, Resolver: h.zone.Resolver()}
	h.Client = h.client(t, h.rule)
	h.ring = keys.NewRing(storetest.Open(t).DB, h.now, keys.Config{Own: h.own, Fetcher: remote.Keys{Client: h.Client}, Log: zerolog.Nop()})
	return h
}

func (h *here) now() time.Time { return h.clock }

func (h *here) client(t *testing.T, rule dial.Rule) *remote.Client {
	t.Helper()
	d := discovery.New(discovery.Config{Client: rule.Client(dial.Limits{Total: 5 * time.Second, Redirects: 3}), Resolver: rule.Resolver, Now: h.now})
	c := remote.New(remote.Config{Own: h.own, Discovery: d, Rule: rule, Now: h.now, Admits: func(server string) bool { return !h.refused[server] }})
	t.Cleanup(c.Close)
	return c
}

func TestRequestsAreSigned(t *testing.T) {
	o := startOther(t)
	h := startHere(t, o)
	there := keys.NewRing(storetest.Open(t).DB, h.now, keys.Config{Own: ownOf(t, o.name), Fetcher: saying{h.own}, Log: zerolog.Nop()})
	o.says("/_matrix/a/%C3%A9%2F!", `{"ok":true}`)
	for _, body := range []string{"", `{"n":1.5,"é":[]}`} {
		var err error
		if body == "" {
			_, err = h.Get(t.Context(), o.name, "/_matrix/a/%C3%A9%2F!?x=%20&y")
		} else {
			_, err = h.Put(t.Context(), o.name, "/_matrix/a/%C3%A9%2F!?x=%20&y", []byte(body))
		}
		if err != nil {
			t.Fatal(err)
		}
		req := o.got[len(o.got)-1]
		if got, err := there.Origin(t.Context(), req, []byte(o.bodies[len(o.bodies)-1])); got != "hs" {
			t.Errorf("%q: %v", body, err)
		}
		if req.Host != o.name || o.bodies[len(o.bodies)-1] != body || req.ProtoMajor != 1 {
			t.Errorf("host %q, body %q, %s", req.Host, o.bodies[len(o.bodies)-1], req.Proto)
		}
	}
}

func ownOf(t *testing.T, name string) *keys.Own {
	t.Helper()
	own, err := keys.OpenOwn(t.Context(), storetest.Open(t).DB, name, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return own
}

// saying gives the keys of one server.
type saying struct{ own *keys.Own }

func (s saying) ServerKeys(context.Context, string) ([]byte, error) { return s.own.Document() }

func (s saying) QueryKeys(context.Context, string, []byte) ([]byte, error) {
	return nil, errors.New("no notary")
}

func TestSRVTargetsAreTriedInTheirOrder(t *testing.T) {
	o := startOther(t)
	h := startHere(t, o)
	o.says("/x", `{}`)
	h.zone.Address("dead.example", "127.0.0.1")
	h.zone.Address("private.example", "10.0.0.1")
	h.zone.Address("live.example", "127.0.0.1")
	h.zone.Service("_matrix-fed._tcp.example.com", 1, 1, "dead.example") // nobody listens there
	h.zone.Service("_matrix-fed._tcp.example.com", 2, o.port, "private.example")
	h.zone.Service("_matrix-fed._tcp.example.com", 3, o.port, "live.example")
	if _, err := h.Get(t.Context(), "example.com", "/x"); err != nil {
		t.Fatal(err)
	}
	if got := o.got[0]; got.Host != "example.com" || got.TLS.ServerName != "example.com" {
		t.Errorf("Host %q, TLS name %q", got.Host, got.TLS.ServerName)
	}
	h.zone.Service("_matrix-fed._tcp.example.org", 3, o.port, "live.example")
	if _, err := h.Get(t.Context(), "example.org", "/x"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server with another's certificate: %v", err)
	}
}

func TestPrivateAddressesAreNotReached(t *testing.T) {
	o := startOther(t)
	h := startHere(t, o)
	rule := h.rule
	rule.Allow = nil
	c := h.client(t, rule)
	h.zone.Address("inside.example", "127.0.0.1")
	h.zone.Service("_matrix-fed._tcp.example.com", 1, o.port, "inside.example")
	for _, name := range []string{o.name, "example.com", "inside.example:" + strconv.Itoa(int(o.port)), "[::ffff:127.0.0.1]:" + strconv.Itoa(int(o.port)), "10.0.0.1", "[fd00::1]:80"} {
		_, err := c.Get(t.Context(), name, "/x")
		var refusal *dial.Refusal
		if !errors.As(err, &refusal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(o.got) != 0 {
		t.Errorf("%d requests arrived", len(o.got))
	}
}

func TestServersThatThePolicyRefusesAreNotAsked(t *testing.T) {
	o := startOther(t)
	h := startHere(t, o)
	h.refused[o.name] = true
	_, err := h.Get(t.Context(), o.name, "/x")
	_, also := remote.Keys{Client: h.Client}.ServerKeys(t.Context(), o.name)
	if !errors.Is(err, remote.ErrRefused) || !errors.Is(also, remote.ErrRefused) || len(o.got) != 0 {
		t.Errorf("%v, %v, %d requests", err, also, len(o.got))
	}
}

func TestHostileAnswers(t *testing.T) {
	o := startOther(t)
	h := startHere(t, o)
	o.answers["/endless"] = func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	}
	o.answers["/gzip"] = func(w http.ResponseWriter, _ *http.Request) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(make([]byte, 64<<20))
		z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(b.Bytes())
	}
	o.answers["/redirect"] = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) }
	o.answers["/header"] = func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }
	o.answers["/page"] = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<html>"+strings.Repeat("x", 1<<20))
	}
	o.says("/ok", "{}")
	for path, want := range map[string]func(error) bool{
		"/endless":  func(err error) bool { var e *dial.TooLarge; return errors.As(err, &e) },
		"/gzip":     func(err error) bool { var e *dial.TooLarge; return errors.As(err, &e) },
		"/redirect": func(err error) bool { var e *remote.Refused; return errors.As(err, &e) && e.Status == 302 },
		"/header":   func(err error) bool { return err != nil },
		"/page": func(err error) bool {
			var e *remote.Refused
			return errors.As(err, &e) && e.Status == 403 && e.Code == ""
		},
		"/none": func(err error) bool { var e *remote.Refused; return errors.As(err, &e) && e.Code == "M_UNRECOGNIZED" },
		"/ok":   func(err error) bool { return err == nil },
	} {
		h.clock = h.clock.Add(2 * time.Hour) // after a pause
		if _, err := h.Get(t.Context(), o.name, path); !want(err) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestServersThatFailAreLeftAlone(t *testing.T) {
	o := startOther(t)
	h := startHere(t, o)
	down := true
	o.answers["/x"] = func(w http.ResponseWriter, _ *http.Request) {
		if down {
			w.WriteHeader(http.StatusBadGateway)
		}
	}
	asked := func() int { return len(o.got) }
	var pause *remote.Pause
	for range 3 {
		_, err := h.Get(t.Context(), o.name, "/x")
		if errors.As(err, &pause) != (asked() == 1 && pause != nil) || err == nil {
			t.Errorf("%v after %d requests", err, asked())
		}
	}
	if asked() != 1 || pause == nil {
		t.Fatalf("%d requests", asked())
	}
	last := time.Duration(0)
	for range 15 {
		h.clock = h.clock.Add(2 * time.Hour)
		_, _ = h.Get(t.Context(), o.name, "/x")
		_, err := h.Get(t.Context(), o.name, "/x")
		if !errors.As(err, &pause) || pause.Until.Sub(h.clock) < last/2 {
			t.Fatalf("%v after %s", err, last)
		}
		last = pause.Until.Sub(h.clock)
	}
	if last < 45*time.Minute || last > time.Hour {
		t.Errorf("the last pause is %s", last)
	}
	down = false
	h.Heard(o.name)
	if _, err := h.Get(t.Context(), o.name, "/x"); err != nil {
		t.Errorf("after it was heard: %v", err)
	}
}

func TestWhoGivesUpHarmsNobody(t *testing.T) {
	o := startOther(t)
	h := startHere(t, o)
	o.answers["/slow"] = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	o.says("/x", "{}")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := h.Get(ctx, o.name, "/slow"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, err := h.Get(t.Context(), o.name, "/x"); err != nil {
		t.Error(err)
	}
}

func TestKeysOverTheWire(t *testing.T) {
	o := startOther(t)
	h := startHere(t, o)
	own := ownOf(t, o.name)
	d, err := own.Document()
	if err != nil {
		t.Fatal(err)
	}
	o.says("/_matrix/key/v2/server", string(d))
	header, err := own.Authorization("GET", "/x", "hs", nil)
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequestWithContext(t.Context(), "GET", "/x", nil)
	req.Header.Set("Authorization", header)
	if got, err := h.ring.Origin(t.Context(), req, nil); got != o.name {
		t.Error(err)
	}
	if o.got[0].Header.Get("Authorization") != "" {
		t.Error("the request for keys was signed: a ring that must know our key to give us its own would never begin")
	}
}

func TestWhatTheRoomCoreAsks(t *testing.T) {
	o := startOther(t)
	h := startHere(t, o)
	r := remote.Rooms{Client: h.Client, Ring: h.ring}
	const v1 = "/_matrix/federation/v1/"
	o.says(v1+"get_missing_events/%21r", `{"events":[{"a":1},{"a":2},{"a":3}]}`)
	o.says(v1+"event/$1", `{"origin":"o","pdus":[{"b":1}]}`)
	o.says(v1+"event/$2", `{"pdus":[{"b":2},{"b":3}]}`)
	o.says(v1+"state_ids/%21r", `{"pdu_ids":["$1"],"auth_chain_ids":["$2","$3"]}`)
	o.says(v1+"event_auth/%21r/$1", `{"auth_chain":[{"c":1}]}`)
	raws := func(want string, got []json.RawMessage, err error) {
		t.Helper()
		if b, _ := json.Marshal(got); err != nil || string(b) != want {
			t.Errorf("%s, %v; want %s", b, err, want)
		}
	}
	got, err := r.MissingEvents(t.Context(), o.name, "!r", rooms.MissingQuery{Latest: []string{"$9"}, Limit: 2})
	raws(`[{"a":1},{"a":2}]`, got, err)
	if o.bodies[0] != `{"earliest_events":[],"latest_events":["$9"],"limit":2,"min_depth":0}` {
		t.Error(o.bodies[0])
	}
	got, err = r.Events(t.Context(), o.name, "!r", []string{"$2", "$none", "$1"})
	raws(`[{"b":2},{"b":1}]`, got, err)
	got, err = r.AuthChain(t.Context(), o.name, "!r", "$1")
	raws(`[{"c":1}]`, got, err)
	state, chain, err := r.StateIDs(t.Context(), o.name, "!r", "$1")
	if err != nil || !reflect.DeepEqual(state, []string{"$1"}) || !reflect.DeepEqual(chain, []string{"$2", "$3"}) {
		t.Error(state, chain, err)
	}
	for _, body := range []string{`{"pdu_ids":["$1"]}`, `{"pdu_ids":"$1","auth_chain_ids":[]}`, `{"pdu_ids":[1],"auth_chain_ids":[]}`, `[]`, `{`, ``} {
		o.says(v1+"state_ids/%21r", body)
		o.says(v1+"event_auth/%21r/$1", body)
		if _, _, err := r.StateIDs(t.Context(), o.name, "!r", "$1"); err == nil {
			t.Errorf("%q is taken for state ids", body)
		}
		if _, err := r.AuthChain(t.Context(), o.name, "!r", "$1"); err == nil {
			t.Errorf("%q is taken for an auth chain", body)
		}
	}
}
