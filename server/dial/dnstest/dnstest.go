// Package dnstest is a DNS server for tests.
package dnstest

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A Zone is what a DNS server on loopback knows. Names that it doesn't know don't exist.
type Zone struct {
	mu        sync.Mutex
	addresses map[string]netip.Addr
	services  map[string][]dnsmessage.SRVResource
	broken    bool
	asked     []string
	at        net.Addr
}

// Start starts the server of a zone, until the test ends.
func Start(t testing.TB) *Zone {
	t.Helper()
	udp, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { udp.Close() })
	z := &Zone{addresses: map[string]netip.Addr{}, services: map[string][]dnsmessage.SRVResource{}, at: udp.LocalAddr()}
	go z.serve(udp)
	return z
}

// Resolver asks the server.
func (z *Zone) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", z.at.String())
	}}
}

// Address gives a name an IPv4 address.
func (z *Zone) Address(name, address string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.addresses[name] = netip.MustParseAddr(address)
}

// Service adds an SRV record, for a name such as "_matrix-fed._tcp.a.fr"; the target "" is "no such service".
func (z *Zone) Service(name string, priority, port uint16, target string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.services[name] = append(z.services[name], dnsmessage.SRVResource{Priority: priority, Weight: 1, Port: port, Target: dnsmessage.MustNewName(target + ".")})
}

// Asked is how often this name was asked for, or one below it.
func (z *Zone) Asked(name string) (n int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, asked := range z.asked {
		if asked == name || strings.HasSuffix(asked, "."+name) {
			n++
		}
	}
	return n
}

// Break makes the server answer SERVFAIL.
func (z *Zone) Break() {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.broken = true
}

func (z *Zone) serve(udp net.PacketConn) {
	packet := make([]byte, 1500)
	for {
		n, from, err := udp.ReadFrom(packet)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(packet[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		z.answer(&m)
		if b, err := m.Pack(); err == nil {
			_, _ = udp.WriteTo(b, from)
		}
	}
}

func (z *Zone) answer(m *dnsmessage.Message) {
	z.mu.Lock()
	defer z.mu.Unlock()
	q := m.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	z.asked = append(z.asked, name)
	header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET}
	m.Response, m.RCode, m.Additionals = true, dnsmessage.RCodeNameError, nil
	address, named := z.addresses[name]
	if named || z.services[name] != nil {
		m.RCode = dnsmessage.RCodeSuccess
	}
	if z.broken {
		m.RCode = dnsmessage.RCodeServerFailure
		return
	}
	switch {
	case q.Type == dnsmessage.TypeSRV:
		for _, s := range z.services[name] {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &s})
		}
	case q.Type == dnsmessage.TypeA && named:
		m.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AResource{A: address.As4()}}}
	}
}
