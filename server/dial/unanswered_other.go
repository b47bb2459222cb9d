//go:build !linux

package dial

import (
	"syscall"
	"time"
)

// endUnanswered does nothing where the system has no such option.
func endUnanswered(time.Duration) func(syscall.RawConn) error {
	return func(syscall.RawConn) error { return nil }
}
