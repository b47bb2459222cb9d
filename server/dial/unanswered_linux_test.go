package dial_test

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"beffroi/server/dial"

	"golang.org/x/sys/unix"
)

// The kernel is told how long what is sent may not arrive; that it acts on it, the drill of server/interop/federation shows, where servers are cut from each other.
func TestWhatDoesNotArriveEndsTheConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	rule := dial.Rule{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	conn, err := rule.Dialer(time.Second)(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	if err := raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }); err != nil {
		t.Fatal(err)
	}
	if err != nil || got != 10_000 {
		t.Errorf("%d ms, %v", got, err)
	}
}
