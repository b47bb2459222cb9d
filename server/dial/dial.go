// Package dial opens connections to what strangers name: sites to preview, push gateways, bridges, mail servers. Each purpose has a Rule and clients of
// its own, and shares no connection, cookie or proxy with another.
//
// An address is judged when the socket is about to be connected, after DNS and for each attempt: a name that answers with another
// address the second time, or a redirect, comes no further than one that was private to begin with.
package dial

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Rule says where connections of one purpose may go. The zero Rule: HTTPS to every port of the public Internet.
type Rule struct {
	Allow    []netip.Prefix // addresses that may be reached although they are not public: a bridge on this machine, a mail server in the town hall
	Refuse   []netip.Prefix // addresses that may not be reached although they are public
	Names    []string       // names that may not be reached, with all below them
	Ports    []uint16       // the ports that may be reached; none given: all
	Plain    bool           // http:// may be asked, too
	Resolver *net.Resolver  // nil: the system's
	Roots    *x509.CertPool // who vouches for certificates; nil: the system's
}

// A Refusal is the error of connections that a rule does not allow; errors.As finds it in what clients and dialers return.
type Refusal struct {
	Target string // address, name or URL
	Why    string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s is not reached from here: %s", r.Target, r.Why)
}

// unanswered is for how long what is sent may not arrive.
const unanswered = 10 * time.Second

// Dialer gives the function that opens connections under the rule, for protocols other than HTTP. Connecting, DNS included, takes no longer than within.
func (r Rule) Dialer(within time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{Timeout: within, Resolver: r.Resolver}
	bounded := endUnanswered(unanswered)
	d.ControlContext = func(_ context.Context, network, address string, c syscall.RawConn) error {
		if err := r.judge(address); err != nil || !strings.HasPrefix(network, "tcp") {
			return err
		}
		return bounded(c)
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if r.named(host) {
			return nil, &Refusal{address, "the name is refused"}
		}
		return d.DialContext(ctx, network, address)
	}
}

// judge refuses an address that a socket is about to be connected to.
func (r Rule) judge(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return &Refusal{address, "no address and port"}
	}
	if len(r.Ports) > 0 && !slices.Contains(r.Ports, to.Port()) {
		return &Refusal{address, "the port is refused"}
	}
	within := func(p netip.Prefix) bool { return p.Contains(plain(to.Addr())) }
	switch why := special(to.Addr()); {
	case slices.ContainsFunc(r.Refuse, within):
		return &Refusal{address, "the address is refused"}
	case why != "" && !slices.ContainsFunc(r.Allow, within):
		return &Refusal{address, why}
	}
	return nil
}

// named tells whether a host is one of the refused names or below one. Non-ASCII names were made ASCII by net/http.
func (r Rule) named(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return slices.ContainsFunc(r.Names, func(name string) bool {
		name = strings.ToLower(strings.Trim(name, "."))
		return host == name || strings.HasSuffix(host, "."+name)
	})
}
