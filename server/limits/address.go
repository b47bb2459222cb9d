package limits

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Prefix is what counts as one address: a /24, or a /64, which is what one line gets. The prefix of no address is invalid.
func Prefix(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits) // of the invalid address: the invalid prefix
	return p
}

// Proxies are the machines whose word counts on who asks.
type Proxies []netip.Prefix

// ParseProxies reads addresses and networks, such as "127.0.0.1, fd00::/8".
func ParseProxies(list string) (p Proxies, err error) {
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if addr, single := netip.ParseAddr(part); single == nil {
			prefix, err = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is no address and no network", part)
		}
		p = append(p, prefix.Masked())
	}
	return p, nil
}

// maxHops is how many proxies may stand behind each other.
const maxHops = 16

// Client gives the address that a request comes from: of the connection or, where that is a proxy's, the last one in X-Forwarded-For that is no proxy's.
// What stands before it in the header anybody can have written.
func (p Proxies) Client(r *http.Request) netip.Addr {
	addr := address(r.RemoteAddr)
	if !p.contains(addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= max(0, len(hops)-maxHops); i-- {
		hop := address(strings.TrimSpace(hops[i]))
		if !hop.IsValid() {
			return addr
		}
		if addr = hop; !p.contains(addr) {
			return addr
		}
	}
	return addr
}

func (p Proxies) contains(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// address reads an address with or without a port.
func address(text string) netip.Addr {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	a, _ := netip.ParseAddr(strings.Trim(text, "[]")) // not an address: unknown
	return a.Unmap().WithZone("")
}
