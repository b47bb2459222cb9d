package limits

import (
	"net"
	"net/http"
	"testing"
)

// conn is a connection from an address, which knows whether it was closed.
type conn struct {
	net.Conn
	addr   string
	closed bool
}

func (c *conn) RemoteAddr() net.Addr {
	a, _ := net.ResolveTCPAddr("tcp", c.addr)
	return a
}

func (c *conn) Close() error {
	c.closed = true
	return nil
}

// opened opens n connections from an address, and gives those that were let in.
func opened(c *Conns, addr string, n int) (in []*conn) {
	for range n {
		conn := &conn{addr: addr}
		c.Track(conn, http.StateNew)
		c.Track(conn, http.StateActive)
		if !conn.closed {
			in = append(in, conn)
		} else {
			c.Track(conn, http.StateClosed)
		}
	}
	return in
}

func TestConnectionsAreBounded(t *testing.T) {
	proxies, err := ParseProxies("10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	c := NewConns(proxies)
	first := opened(c, "192.0.2.1:1", 2000)
	if len(first) != connsOfAddress {
		t.Errorf("one address has %d", len(first))
	}
	if n := len(opened(c, "192.0.2.2:1", 1)); n != 0 {
		t.Error("its neighbour has one more")
	}
	for _, free := range []string{"10.0.0.1:1", "127.0.0.1:1", "[::1]:1"} {
		if n := len(opened(c, free, 2000)); n != 2000 {
			t.Errorf("%s has %d", free, n)
		}
	}
	if n := len(opened(c, "198.51.100.1:1", 1000)) + len(opened(c, "203.0.113.1:1", 1500)); n != 2500 {
		t.Errorf("others have %d", n)
	}
	if n := len(opened(c, "127.0.0.1:1", 1)); n != 0 {
		t.Errorf("in all there are %d", len(c.open))
	}
	for _, conn := range first {
		c.Track(conn, http.StateClosed)
		c.Track(conn, http.StateClosed)
	}
	if n := len(opened(c, "192.0.2.2:1", 3)); n != 3 || c.of[Prefix(address("192.0.2.1"))] != 3 {
		t.Errorf("when they are closed %d are let in", n)
	}
	var off *Conns
	if n := len(opened(off, "192.0.2.1:1", 20_000)); n != 20_000 {
		t.Error("switched off it counts")
	}
}
