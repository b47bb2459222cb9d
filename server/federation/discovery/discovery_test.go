package discovery_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"beffroi/server/dial/dnstest"
	"beffroi/server/federation/discovery"
)

// network is a DNS server and web servers, one for each host name.
type network struct {
	*discovery.Resolver
	clock time.Time
	zone  *dnstest.Zone

	mu    sync.Mutex
	sites map[string]http.HandlerFunc
	asked map[string]int // host names of which /.well-known was asked for
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{clock: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), zone: dnstest.Start(t), sites: map[string]http.HandlerFunc{}, asked: map[string]int{}}
	s := httptest.NewTLSServer(n)
	t.Cleanup(s.Close)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // certificates are the matter of package dial
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if !strings.HasSuffix(address, ":443") {
				return nil, errors.New("not the port of a web site: " + address)
			}
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		}}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) > 3 {
			return errors.New("too many redirects")
		}
		return nil
	}}
	n.Resolver = discovery.New(discovery.Config{Client: client, Resolver: n.zone.Resolver(), Now: func() time.Time { return n.clock }})
	t.Cleanup(n.Close)
	return n
}

func (n *network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	n.asked[r.Host]++
	site := n.sites[r.Host]
	n.mu.Unlock()
	if site == nil || r.URL.Path != "/.well-known/matrix/server" {
		http.NotFound(w, r)
		return
	}
	site(w, r)
}

func delegates(to string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		fmt.Fprintf(w, `{"m.server":%q,"other":1.5}`, to)
	}
}

func (n *network) leads(t *testing.T, serverName, host, tlsName string, addresses ...string) {
	t.Helper()
	got, err := n.Route(t.Context(), serverName)
	if want := (discovery.Route{Host: host, TLSName: tlsName, Addresses: addresses}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %+v, %v; want %+v", serverName, got, err, want)
	}
}

func TestAllSteps(t *testing.T) {
	n := newNetwork(t)
	n.leads(t, "1.2.3.4", "1.2.3.4", "1.2.3.4", "1.2.3.4:8448")
	n.leads(t, "1.2.3.4:5", "1.2.3.4:5", "1.2.3.4", "1.2.3.4:5")
	n.leads(t, "[2a01::1]", "[2a01::1]", "2a01::1", "[2a01::1]:8448")
	n.leads(t, "[2a01::1]:5", "[2a01::1]:5", "2a01::1", "[2a01::1]:5")
	n.leads(t, "a.fr:5", "a.fr:5", "a.fr", "a.fr:5")
	if len(n.asked) != 0 {
		t.Errorf("asked: %v", n.asked)
	}
	n.sites["address.fr"] = delegates("1.2.3.4")
	n.leads(t, "address.fr", "1.2.3.4", "1.2.3.4", "1.2.3.4:8448")
	n.sites["address5.fr"] = delegates("[2a01::1]:5")
	n.leads(t, "address5.fr", "[2a01::1]:5", "2a01::1", "[2a01::1]:5")
	n.sites["port.fr"] = delegates("matrix.port.fr:5")
	n.leads(t, "port.fr", "matrix.port.fr:5", "matrix.port.fr", "matrix.port.fr:5")
	n.sites["name.fr"] = delegates("matrix.name.fr")
	n.leads(t, "name.fr", "matrix.name.fr", "matrix.name.fr", "matrix.name.fr:8448")
	n.leads(t, "plain.fr", "plain.fr", "plain.fr", "plain.fr:8448")
	n.zone.Service("_matrix._tcp.matrix.name.fr", 1, 6, "old.host.fr")
	n.leads(t, "name.fr", "matrix.name.fr", "matrix.name.fr", "old.host.fr:6")
	n.zone.Service("_matrix-fed._tcp.matrix.name.fr", 20, 7, "second.host.fr")
	n.zone.Service("_matrix-fed._tcp.matrix.name.fr", 10, 8, "first.host.fr")
	n.leads(t, "name.fr", "matrix.name.fr", "matrix.name.fr", "first.host.fr:8", "second.host.fr:7")
	n.zone.Service("_matrix._tcp.plain.fr", 1, 6, "old.host.fr")
	n.leads(t, "plain.fr", "plain.fr", "plain.fr", "old.host.fr:6")
	n.zone.Service("_matrix-fed._tcp.plain.fr", 1, 9, "new.host.fr")
	n.leads(t, "plain.fr", "plain.fr", "plain.fr", "new.host.fr:9")
}

func TestSRVRecords(t *testing.T) {
	n := newNetwork(t)
	n.zone.Service("_matrix-fed._tcp.none.fr", 0, 0, "")
	if got, err := n.Route(t.Context(), "none.fr"); err == nil {
		t.Errorf("of a server that is not there: %+v", got)
	}
	for i := range uint16(12) {
		n.zone.Service("_matrix-fed._tcp.many.fr", i, 1000+i, "h.fr")
	}
	if got, err := n.Route(t.Context(), "many.fr"); err != nil || len(got.Addresses) != 8 || got.Addresses[7] != "h.fr:1007" {
		t.Errorf("of many: %+v, %v", got, err)
	}
	n.zone.Break()
	n.leads(t, "broken.fr", "broken.fr", "broken.fr", "broken.fr:8448")
}

func TestWellKnownsThatDoNotCount(t *testing.T) {
	n := newNetwork(t)
	for host, site := range map[string]http.HandlerFunc{
		"none.fr": http.NotFound,
		"error.fr": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			_, _ = io.WriteString(w, `{"m.server":"x.fr"}`)
		},
		"html.fr":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"empty.fr":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") },
		"number.fr": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"m.server":1}`) },
		"path.fr":   delegates("x.fr/path"),
		"user.fr":   delegates("a@x.fr"),
		"scheme.fr": delegates("https://x.fr"),
		"port.fr":   delegates("x.fr:99999"),
		"loop.fr":   func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
		"large.fr": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"m.server":"x.fr","x":"`+strings.Repeat("x", 20<<10)+`"}`)
		},
		"endless.fr": endless,
	} {
		n.sites[host] = site
		n.leads(t, host, host, host, host+":8448")
	}
}

func TestASlowWellKnownIsGivenUp(t *testing.T) {
	n := newNetwork(t)
	n.Client.Timeout = 100 * time.Millisecond
	n.sites["slow.fr"] = func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	n.leads(t, "slow.fr", "slow.fr", "slow.fr", "slow.fr:8448")
}

func endless(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := w.Write(make([]byte, 4096)); err != nil {
			return
		}
	}
}

func TestRedirectsAreFollowed(t *testing.T) {
	n := newNetwork(t)
	n.sites["a.fr"] = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://b.fr"+r.URL.Path, http.StatusFound)
	}
	n.sites["b.fr"] = delegates("c.fr:5")
	n.leads(t, "a.fr", "c.fr:5", "c.fr", "c.fr:5")
}

func TestHowLongAnswersAreKept(t *testing.T) {
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		headers []string
		life    time.Duration
	}{
		"nothing said":  {nil, 24 * time.Hour},
		"max-age":       {[]string{"Cache-Control", "public, Max-Age=7200"}, 2 * time.Hour},
		"too long":      {[]string{"Cache-Control", "max-age=99999999"}, 48 * time.Hour},
		"none":          {[]string{"Cache-Control", "max-age=0"}, 5 * time.Minute},
		"no-store":      {[]string{"Cache-Control", "max-age=7200, no-store"}, 5 * time.Minute},
		"nonsense":      {[]string{"Cache-Control", "max-age=-1"}, 5 * time.Minute},
		"Expires":       {[]string{"Expires", start.Add(3 * time.Hour).Format(http.TimeFormat)}, 3 * time.Hour},
		"Expires 0":     {[]string{"Expires", "0"}, 5 * time.Minute},
		"both":          {[]string{"Expires", "0", "Cache-Control", "max-age=3600"}, time.Hour},
		"another thing": {[]string{"Cache-Control", "private"}, 24 * time.Hour},
	} {
		n := newNetwork(t)
		n.sites["a.fr"] = delegates("b.fr:5", c.headers...)
		for _, at := range []time.Duration{0, c.life - time.Second} {
			n.clock = start.Add(at)
			n.leads(t, "a.fr", "b.fr:5", "b.fr", "b.fr:5")
		}
		if n.asked["a.fr"] != 1 {
			t.Errorf("%s: asked %d times within %s", name, n.asked["a.fr"], c.life)
		}
		n.clock = start.Add(c.life)
		n.leads(t, "a.fr", "b.fr:5", "b.fr", "b.fr:5")
		if n.asked["a.fr"] != 2 {
			t.Errorf("%s: asked %d times after %s", name, n.asked["a.fr"], c.life)
		}
	}
}

func TestFailuresAreKeptLongerAndLonger(t *testing.T) {
	n := newNetwork(t)
	var asked []time.Duration
	start := n.clock
	for before := 0; n.clock.Before(start.Add(5 * time.Hour)); n.clock = n.clock.Add(30 * time.Second) {
		n.leads(t, "a.fr", "a.fr", "a.fr", "a.fr:8448")
		if n.asked["a.fr"] > before {
			before = n.asked["a.fr"]
			asked = append(asked, n.clock.Sub(start))
		}
	}
	want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 123, 183, 243}
	for i := range want {
		want[i] *= time.Minute
	}
	if !reflect.DeepEqual(asked, want) {
		t.Errorf("asked at %v", asked)
	}
	n.sites["a.fr"] = delegates("b.fr:5")
	n.clock = n.clock.Add(time.Hour)
	n.leads(t, "a.fr", "b.fr:5", "b.fr", "b.fr:5")
}

func TestWhoWaitsMayGo(t *testing.T) {
	n := newNetwork(t)
	reached, ends := make(chan struct{}), make(chan struct{})
	n.sites["slow.fr"] = func(w http.ResponseWriter, r *http.Request) {
		close(reached) // only one comes
		<-ends
		delegates("b.fr:5")(w, r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	var all sync.WaitGroup
	all.Go(func() {
		_, err := n.Route(ctx, "slow.fr")
		gone <- err
	})
	<-reached
	for range 5 {
		all.Go(func() { n.leads(t, "slow.fr", "b.fr:5", "b.fr", "b.fr:5") })
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(ends)
	all.Wait()
}

func TestNamesThatAreNone(t *testing.T) {
	n := newNetwork(t)
	for _, name := range []string{"", "a b", "a.fr/", "user@a.fr", "a.fr:0x5", "[::1", "http://a.fr", "a.fr:70000"} {
		if got, err := n.Route(t.Context(), name); err == nil {
			t.Errorf("%q: %+v", name, got)
		}
	}
}
