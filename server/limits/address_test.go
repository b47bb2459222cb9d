package limits

import (
	"net/http"
	"testing"
)

func TestClientAddress(t *testing.T) {
	proxies, err := ParseProxies(" 127.0.0.1, 10.0.0.0/8 ,fd00::/8,")
	if err != nil || len(proxies) != 3 {
		t.Fatal(proxies, err)
	}
	for _, c := range []struct {
		remote string
		header []string
		want   string
	}{
		{"192.0.2.7:4000", nil, "192.0.2.7"},
		{"192.0.2.7:4000", []string{"198.51.100.1"}, "192.0.2.7"}, // no proxy: it may write what it likes
		{"127.0.0.1:4000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"127.0.0.1:4000", []string{"203.0.113.9, 198.51.100.1, 10.1.2.3"}, "198.51.100.1"}, // what the client wrote stands before
		{"127.0.0.1:4000", []string{"203.0.113.9", "198.51.100.1"}, "198.51.100.1"},
		{"127.0.0.1:4000", []string{"203.0.113.9, junk"}, "127.0.0.1"},
		{"127.0.0.1:4000", []string{""}, "127.0.0.1"},
		{"127.0.0.1:4000", []string{"10.1.1.1"}, "10.1.1.1"}, // all are proxies: the farthest
		{"[fd00::1%eth0]:4000", []string{"[2001:db8::1]:99"}, "2001:db8::1"},
		{"[::ffff:127.0.0.1]:4000", []string{"198.51.100.1:80"}, "198.51.100.1"},
		{"@", nil, "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.header}}
		if got := proxies.Client(r).String(); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.remote, c.header, got, c.want)
		}
	}
	if _, err := ParseProxies("example.org"); err == nil {
		t.Error("a name is taken for an address")
	}
}

func FuzzClientAddress(f *testing.F) {
	f.Add("127.0.0.1:1", "198.51.100.1, [2001:db8::1%a]:3")
	f.Fuzz(func(t *testing.T, remote, header string) {
		proxies, _ := ParseProxies("127.0.0.1")
		a := proxies.Client(&http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {header}}})
		if p := Prefix(a); p.IsValid() != a.IsValid() {
			t.Errorf("%v is counted as %v", a, p)
		}
	})
}
