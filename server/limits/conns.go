package limits

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// How many connections there can be. Browsers keep six, a crowd behind one address has a thousand; who opens them to hold them gets no more.
const (
	connsOfAddress = 1500
	connsOfAll     = 10_000
)

// Conns bounds the connections of an http.Server: of one address, and in all. It does not count those of proxies, which stand for many, and of the machine itself
// by address.
type Conns struct {
	proxies Proxies

	mu   sync.Mutex
	open map[net.Conn]netip.Prefix
	of   map[netip.Prefix]int
}

// NewConns makes it for a server behind proxies.
func NewConns(proxies Proxies) *Conns {
	return &Conns{proxies: proxies, open: map[net.Conn]netip.Prefix{}, of: map[netip.Prefix]int{}}
}

// Track is an http.Server's ConnState. A connection that is one too many is closed. A nil Conns counts nothing.
func (c *Conns) Track(conn net.Conn, state http.ConnState) {
	if c == nil {
		return
	}
	switch state {
	case http.StateNew:
		if !c.enter(conn) {
			_ = conn.Close() // nothing was promised on it
		}
	case http.StateClosed, http.StateHijacked:
		c.leave(conn)
	default:
	}
}

func (c *Conns) enter(conn net.Conn) bool {
	var prefix netip.Prefix
	if addr := address(conn.RemoteAddr().String()); !addr.IsLoopback() && !c.proxies.contains(addr) {
		prefix = Prefix(addr)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= connsOfAll || prefix.IsValid() && c.of[prefix] >= connsOfAddress {
		return false
	}
	c.open[conn] = prefix
	c.of[prefix]++
	return true
}

func (c *Conns) leave(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	prefix, counted := c.open[conn]
	if !counted {
		return
	}
	delete(c.open, conn)
	if c.of[prefix]--; c.of[prefix] == 0 {
		delete(c.of, prefix)
	}
}
