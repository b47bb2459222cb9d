// Package discovery finds out where a server name is served.
//
// Spec: server-server API, "Resolving server names"; the numbers of steps are its.
package discovery

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"beffroi/server/pdu"
)

// Route is how a server is reached.
type Route struct {
	Host      string   // the Host header of requests
	TLSName   string   // the name, or the address, that the certificate must be for
	Addresses []string // host:port, in the order in which they are to be tried; the host may be a name
}

// Config is what discovery works with.
type Config struct {
	Client   *http.Client  // for /.well-known: it bounds redirects, time and where connections go
	Resolver *net.Resolver // for SRV records; nil: the system's
	Now      func() time.Time
}

// Resolver finds routes, and remembers them as long as /.well-known allows.
type Resolver struct {
	Config

	living  context.Context //nolint:containedctx // a request outlives who began it; this is what ends it
	end     context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	known   map[string]wellKnown // by host name
	flights map[string]*flight
}

// New makes a resolver. Who calls it calls Close.
func New(c Config) *Resolver {
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	r := &Resolver{Config: c, known: map[string]wellKnown{}, flights: map[string]*flight{}}
	r.living, r.end = context.WithCancel(context.Background())
	return r
}

// Close ends the requests that run, and waits for them.
func (r *Resolver) Close() {
	r.end()
	r.running.Wait()
	r.Client.CloseIdleConnections()
}

const (
	defaultPort = "8448"
	// maxTargets is how many targets of SRV records are tried.
	maxTargets = 8
	// srvTime is how long the look for SRV records may take.
	srvTime = 10 * time.Second
)

// Route finds where a server is.
func (r *Resolver) Route(ctx context.Context, serverName string) (Route, error) {
	if !valid(serverName) {
		return Route{}, fmt.Errorf("%q is no server name", serverName)
	}
	if route, ok := explicit(serverName); ok { // steps 1 and 2
		return route, nil
	}
	name := serverName
	delegated, err := r.delegated(ctx, serverName) // step 3
	switch {
	case ctx.Err() != nil:
		return Route{}, ctx.Err()
	case err == nil:
		name = delegated
	}
	if route, ok := explicit(name); ok { // steps 3.1 and 3.2
		return route, nil
	}
	return r.bySRV(ctx, name) // steps 3.3 to 3.5, and 4 to 6
}

// explicit is the route to an address, or to a name with a port.
func explicit(name string) (Route, bool) {
	host, port := split(name)
	_, err := netip.ParseAddr(host)
	if err != nil && port == "" {
		return Route{}, false
	}
	if port == "" {
		port = defaultPort
	}
	return Route{Host: name, TLSName: host, Addresses: []string{net.JoinHostPort(host, port)}}, true
}

// valid tells whether a name can be looked up: the grammar of server names has ports that don't exist.
func valid(name string) bool {
	if !pdu.ValidServerName(name) {
		return false
	}
	_, port := split(name)
	_, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil
}

// split cuts a valid server name into host, without brackets, and port, which may be "".
func split(name string) (host, port string) {
	if rest, ok := strings.CutPrefix(name, "["); ok {
		host, port, _ = strings.Cut(rest, "]")
		return host, strings.TrimPrefix(port, ":")
	}
	host, port, _ = strings.Cut(name, ":")
	return host, port
}

// bySRV is the route to the targets of SRV records, or to the usual port. The certificate is for the name that was looked up, not for the targets: DNS proves nothing.
func (r *Resolver) bySRV(ctx context.Context, name string) (Route, error) {
	route := Route{Host: name, TLSName: name}
	limited, cancel := context.WithTimeout(ctx, srvTime)
	defer cancel()
	for _, service := range [...]string{"matrix-fed", "matrix"} {
		_, records, _ := r.Resolver.LookupSRV(limited, service, "tcp", name) // by priority, and within one by weight
		if ctx.Err() != nil {
			return Route{}, ctx.Err()
		}
		if len(records) == 1 && records[0].Target == "." {
			return Route{}, fmt.Errorf("%s says that it has no server", name) // RFC 2782
		}
		if len(records) == 0 { // none, or DNS is broken: the certificate decides who answers on the usual port
			continue
		}
		for _, s := range records[:min(len(records), maxTargets)] {
			target := strings.TrimSuffix(s.Target, ".")
			route.Addresses = append(route.Addresses, net.JoinHostPort(target, strconv.Itoa(int(s.Port))))
		}
		return route, nil
	}
	route.Addresses = []string{net.JoinHostPort(name, defaultPort)}
	return route, nil
}
