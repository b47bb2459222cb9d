package dial

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// endUnanswered lets the kernel end a connection on which nothing that is sent arrives for so long. Without it, TCP asks again less and less often: who comes back after
// half a minute away would be heard half a minute later. Source: RFC 5482, tcp(7), "TCP_USER_TIMEOUT".
func endUnanswered(after time.Duration) func(syscall.RawConn) error {
	return func(c syscall.RawConn) (err error) {
		control := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(after.Milliseconds()))
		})
		if control != nil {
			return control
		}
		return err
	}
}
