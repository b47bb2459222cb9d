package setup

import (
	"net"
	"net/http"
	"net/netip"
	"time"
)

const (
	freeTries    = 3           // wrong tokens that cost nothing: people mistype
	longestWait  = time.Minute // the wait doubles from one second up to this
	triesForgot  = time.Hour
	maxAddresses = 1024 // that are remembered
)

// A throttle slows wrong tries down, per address: IPv4, or the /64 of IPv6. It never locks: whoever waits may try again.
// The wizard's lock guards it.
type throttle struct {
	now   func() time.Time
	wrong map[netip.Prefix]tries
}

type tries struct {
	count int
	last  time.Time
	until time.Time // nothing is looked at before
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, wrong: map[netip.Prefix]tries{}}
}

// wait is how long an address has to wait before its next try; 0: it may try.
func (t *throttle) wait(address netip.Prefix) time.Duration {
	return max(0, t.wrong[address].until.Sub(t.now()))
}

// failed notes a wrong try.
func (t *throttle) failed(address netip.Prefix) {
	now := t.now()
	entry := t.wrong[address]
	if now.Sub(entry.last) > triesForgot {
		entry.count = 0
	}
	entry.count, entry.last = entry.count+1, now
	if over := entry.count - freeTries; over > 0 {
		entry.until = now.Add(min(longestWait, time.Second<<min(over-1, 10)))
	}
	t.makeRoom()
	t.wrong[address] = entry
}

// makeRoom forgets the address that tried least recently.
func (t *throttle) makeRoom() {
	if len(t.wrong) < maxAddresses {
		return
	}
	var oldest netip.Prefix
	for address, entry := range t.wrong {
		if !oldest.IsValid() || entry.last.Before(t.wrong[oldest].last) {
			oldest = address
		}
	}
	delete(t.wrong, oldest)
}

// succeeded forgets an address's wrong tries.
func (t *throttle) succeeded(address netip.Prefix) {
	delete(t.wrong, address)
}

// addressOf is what a request's tries are counted under.
func addressOf(r *http.Request) netip.Prefix {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	ip = ip.Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	prefix, _ := ip.Prefix(bits) // these bits fit
	return prefix
}
