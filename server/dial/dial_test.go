package dial_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"beffroi/server/dial"

	"golang.org/x/net/dns/dnsmessage"
)

func here() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} }

// answer is what was answered; its body is closed at the end of the test.
type answer struct {
	status int
	secure bool
	body   io.Reader
}

func get(t *testing.T, c *http.Client, address string) (answer, error) {
	t.Helper()
	t.Cleanup(c.CloseIdleConnections)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	t.Cleanup(func() { resp.Body.Close() })
	return answer{resp.StatusCode, resp.TLS != nil, resp.Body}, nil
}

// refused holds an error to be a refusal.
func refused(t *testing.T, err error, why string) {
	t.Helper()
	var r *dial.Refusal
	if !errors.As(err, &r) || !strings.Contains(r.Why, why) {
		t.Errorf("%v: want a refusal: %s", err, why)
	}
}

// serve counts the requests that reach a server.
func serve(t *testing.T, answer http.HandlerFunc) (address string, reached *atomic.Int32) {
	t.Helper()
	reached = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, reached
}

func fine(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") }

func TestAddressesThatAreNotPublicAreRefused(t *testing.T) {
	d := dial.Rule{}.Dialer(time.Second)
	for address, why := range map[string]string{
		"127.0.0.1": "loopback", "127.8.8.8": "loopback", "0.0.0.0": "this network", "10.1.2.3": "private", "172.31.255.255": "private",
		"192.168.1.1": "private", "169.254.169.254": "link-local", "100.64.0.1": "CGNAT", "192.0.2.1": "documentation",
		"198.51.100.7": "documentation", "203.0.113.7": "documentation", "198.19.0.1": "measurements", "224.0.0.1": "multicast",
		"255.255.255.255": "broadcast", "240.0.0.1": "reserved", "192.0.0.8": "protocols", "192.88.99.1": "6to4",
		"::1": "loopback", "::": "unspecified", "fe80::1": "link-local", "fd00::1": "ULA", "ff02::1": "multicast", "2001:db8::1": "documentation",
		"3fff::1": "documentation", "2001::1": "Teredo", "2002:7f00:1::": "6to4", "2002:0808:0808::": "6to4", "::ffff:127.0.0.1": "loopback", "::ffff:a00:1": "private",
		"64:ff9b::127.0.0.1": "loopback", "64:ff9b::c0a8:101": "private", "64:ff9b:1::1": "NAT64", "::7f00:1": "global unicast", "fec0::1": "global unicast", "5f00::1": "global unicast",
	} {
		_, err := d(t.Context(), "tcp", net.JoinHostPort(address, "9"))
		refused(t, err, why)
	}
}

func TestPublicAddressesAreNotRefused(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context()) // nothing is sent: the socket is judged, and then not connected
	cancel()
	d := dial.Rule{Refuse: []netip.Prefix{netip.MustParsePrefix("9.9.9.9/32")}}
	for _, address := range []string{"1.1.1.1", "2a01:e0a::1", "2606:4700::1111", "64:ff9b::1.1.1.1"} {
		_, err := d.Dialer(time.Second)(ctx, "tcp", net.JoinHostPort(address, "443"))
		if r := new(dial.Refusal); err == nil || errors.As(err, &r) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"9.9.9.9", "64:ff9b::9.9.9.9"} {
		_, err := d.Dialer(time.Second)(t.Context(), "tcp", net.JoinHostPort(address, "443"))
		refused(t, err, "the address is refused")
	}
}

func TestOddFormsOfAddressesReachNothing(t *testing.T) {
	address, reached := serve(t, fine)
	port := address[strings.LastIndexByte(address, ':'):]
	c := dial.Rule{Plain: true, Resolver: resolver(t, nil)}.Client(dial.Limits{Connect: 2 * time.Second})
	for _, host := range []string{"2130706433", "0177.0.0.1", "0x7f.1", "127.1", "017700000001", "0x7f000001", "127.0.0.1.", "[::ffff:127.0.0.1]", "[::1]", "[::ffff:7f00:1]", "①②⑦.0.0.1"} {
		if resp, err := get(t, c, "http://"+host+port); err == nil {
			t.Errorf("%s: %d", host, resp.status)
		}
	}
	if reached.Load() != 0 {
		t.Errorf("%d requests arrived", reached.Load())
	}
}

func TestAllowedAddressesAreReached(t *testing.T) {
	address, _ := serve(t, fine)
	c := dial.Rule{Plain: true, Allow: here()}.Client(dial.Limits{})
	resp, err := get(t, c, address)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := dial.ReadAll(resp.body, 4); err != nil || string(b) != "fine" {
		t.Fatalf("%q, %v", b, err)
	}
}

func TestRedirects(t *testing.T) {
	inside, reached := serve(t, fine) // where the rule does not allow to go
	inside = strings.Replace(inside, "127.0.0.1", "127.0.0.2", 1)
	var outside string
	var referer atomic.Value
	outside, _ = serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/inside":
			http.Redirect(w, r, inside, http.StatusFound)
		case "/named":
			http.Redirect(w, r, "http://www.commune.example/", http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/password":
			http.Redirect(w, r, strings.Replace(outside, "//", "//a:b@", 1), http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/once":
			http.Redirect(w, r, "/there", http.StatusFound)
		default:
			referer.Store(r.Header.Get("Referer"))
		}
	})
	rule := dial.Rule{Plain: true, Allow: here(), Names: []string{"Commune.example."}}
	c := rule.Client(dial.Limits{Redirects: 3})
	for path, why := range map[string]string{"/inside": "loopback", "/named": "name", "/file": "scheme", "/password": "password"} {
		_, err := get(t, c, outside+path)
		refused(t, err, why)
	}
	if reached.Load() != 0 {
		t.Error("a redirect reached what is inside")
	}
	if _, err := get(t, c, outside+"/loop"); !errors.Is(err, dial.ErrRedirects) {
		t.Errorf("a loop: %v", err)
	}
	if resp, err := get(t, c, outside+"/once"); err != nil || resp.status != http.StatusOK || referer.Load() != "" {
		t.Errorf("one redirect: %v, Referer %v", err, referer.Load())
	}
	if resp, err := get(t, rule.Client(dial.Limits{}), outside+"/once"); err != nil || resp.status != http.StatusFound {
		t.Errorf("none is followed: %v", err)
	}
}

// resolver answers with the addresses of names in turn, the last one for ever.
func resolver(t *testing.T, answers map[string][]string) *net.Resolver {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { udp.Close() })
	go answerAll(udp, answers)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", udp.LocalAddr().String())
	}}
}

func answerAll(udp net.PacketConn, answers map[string][]string) {
	packet := make([]byte, 1500)
	for {
		n, from, err := udp.ReadFrom(packet)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(packet[:n]) != nil {
			continue
		}
		m.Response, m.RCode, m.Additionals = true, dnsmessage.RCodeNameError, nil
		name := strings.TrimSuffix(m.Questions[0].Name.String(), ".")
		if left, known := answers[name]; known {
			m.RCode = dnsmessage.RCodeSuccess
			if m.Questions[0].Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr(left[0]).As4()},
				}}
				answers[name] = left[min(1, len(left)-1):]
			}
		}
		if b, err := m.Pack(); err == nil {
			_, _ = udp.WriteTo(b, from)
		}
	}
}

// TestANameThatChangesItsAddress: the first answer is an address that may be reached, the next one another (DNS rebinding).
func TestANameThatChangesItsAddress(t *testing.T) {
	address, reached := serve(t, fine)
	port := address[strings.LastIndexByte(address, ':'):]
	rule := dial.Rule{Plain: true, Allow: here(), Resolver: resolver(t, map[string][]string{"rebind.example": {"127.0.0.1", "127.0.0.2"}, "inside.example": {"10.0.0.1"}})}
	c := rule.Client(dial.Limits{})
	if _, err := get(t, c, "http://rebind.example"+port); err != nil {
		t.Fatal(err)
	}
	c.CloseIdleConnections()
	_, err := get(t, rule.Client(dial.Limits{}), "http://rebind.example"+port)
	refused(t, err, "loopback")
	_, err = get(t, c, "http://inside.example/")
	refused(t, err, "private")
	if reached.Load() != 1 {
		t.Errorf("%d requests arrived", reached.Load())
	}
}

func TestNamesPortsAndSchemes(t *testing.T) {
	address, reached := serve(t, fine)
	rule := dial.Rule{Plain: true, Allow: here(), Names: []string{"commune.example"}, Resolver: resolver(t, nil)}
	for _, name := range []string{"commune.example", "COMMUNE.example.", "www.commune.example"} {
		_, err := get(t, rule.Client(dial.Limits{}), "http://"+name)
		refused(t, err, "name")
	}
	if _, err := get(t, rule.Client(dial.Limits{}), "http://notcommune.example"); err == nil || strings.Contains(err.Error(), "refused") {
		t.Errorf("another name: %v", err)
	}
	rule.Ports = []uint16{80, 443}
	_, err := get(t, rule.Client(dial.Limits{}), address)
	refused(t, err, "port")
	_, err = get(t, dial.Rule{Allow: here()}.Client(dial.Limits{}), address)
	refused(t, err, "scheme")
	_, err = get(t, rule.Client(dial.Limits{}), strings.Replace(address, "//", "//user:secret@", 1))
	refused(t, err, "password")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is told: %v", err)
	}
	if reached.Load() != 0 {
		t.Error("a request arrived")
	}
}

func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	proxy, reached := serve(t, fine)
	t.Setenv("HTTP_PROXY", proxy)
	t.Setenv("http_proxy", proxy)
	_, err := get(t, dial.Rule{Plain: true}.Client(dial.Limits{}), "http://192.0.2.1/")
	refused(t, err, "documentation")
	if reached.Load() != 0 {
		t.Error("the proxy was asked")
	}
}

func TestBoundsOfAnExchange(t *testing.T) {
	ends := make(chan struct{})
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/header":
			w.Header().Set("X-Large", strings.Repeat("x", 8<<10))
		case "/long":
			_, _ = w.Write(bytes.Repeat([]byte("x"), 100))
		case "/cookie":
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			_, _ = io.WriteString(w, r.Header.Get("Cookie"))
		case "/slow":
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			<-ends
		}
	})
	t.Cleanup(func() { close(ends) })
	rule := dial.Rule{Plain: true, Allow: here()}
	if _, err := get(t, rule.Client(dial.Limits{Header: 4 << 10}), address+"/header"); err == nil {
		t.Error("a long header was taken")
	}
	c := rule.Client(dial.Limits{Total: 200 * time.Millisecond})
	resp, err := get(t, c, address+"/slow")
	if err != nil {
		t.Fatal(err)
	}
	var late net.Error
	if _, err := dial.ReadAll(resp.body, 10); !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("a slow body: %v", err)
	}
	c = rule.Client(dial.Limits{})
	if resp, err = get(t, c, address+"/long"); err != nil {
		t.Fatal(err)
	}
	var large *dial.TooLarge
	if _, err := dial.ReadAll(resp.body, 99); !errors.As(err, &large) || large.Max != 99 {
		t.Errorf("a long body: %v", err)
	}
	for range 2 {
		if resp, err = get(t, c, address+"/cookie"); err != nil {
			t.Fatal(err)
		}
		if b, _ := dial.ReadAll(resp.body, 10); len(b) != 0 {
			t.Errorf("a cookie came back: %s", b)
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(fine))
	s.TLS = &tls.Config{MaxVersion: tls.VersionTLS11} //nolint:gosec // what must not be spoken
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	if _, err := get(t, dial.Rule{Allow: here(), Roots: pool}.Client(dial.Limits{}), s.URL); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
	s = httptest.NewTLSServer(http.HandlerFunc(fine))
	t.Cleanup(s.Close)
	if resp, err := get(t, dial.Rule{Allow: here(), Roots: pool}.Client(dial.Limits{}), s.URL); err != nil || !resp.secure {
		t.Errorf("TLS: %v", err)
	}
	if _, err := get(t, dial.Rule{Allow: here()}.Client(dial.Limits{}), s.URL); err == nil {
		t.Error("an unknown certificate was taken")
	}
}

func FuzzURLsReachNothingInside(f *testing.F) {
	for _, s := range []string{"http://127.0.0.1/", "http://[::1]/", "http://2130706433/", "http://localhost/", "http://a@[::ffff:10.0.0.1]:80/", "gopher://127.0.0.1"} {
		f.Add(s)
	}
	none := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no DNS") }}
	everywhere := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")} // public ones too, so that nothing is sent
	c := dial.Rule{Plain: true, Refuse: everywhere, Resolver: none}.Client(dial.Limits{})
	f.Fuzz(func(t *testing.T, address string) {
		if _, err := url.Parse(address); err != nil {
			return
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			return
		}
		if resp, err := c.Do(req); err == nil {
			resp.Body.Close()
			t.Errorf("%q was reached", address)
		}
	})
}
