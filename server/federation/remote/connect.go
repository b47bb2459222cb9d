package remote

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"net"
	"strings"

	"beffroi/server/federation/discovery"
)

type (
	routeKey struct{} // of a request's context
	route    struct{ discovery.Route }
)

// name stands for a route where the transport wants the name of a host.
func (r route) name() string {
	sum := sha256.Sum256([]byte(r.TLSName + " " + strings.Join(r.Addresses, " ")))
	return hex.EncodeToString(sum[:16])
}

// connect opens the connection of a request: to the first address of its route where there is a server with the right certificate. The transport is told a name for the
// route instead of an address, so that connections of different routes are never mixed.
func (c *Client) connect(ctx context.Context, network, _ string) (net.Conn, error) {
	route, _ := ctx.Value(routeKey{}).(route)
	var failed error
	for _, address := range route.Addresses {
		conn, err := c.connectTo(ctx, network, address, route.TLSName)
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

func (c *Client) connectTo(ctx context.Context, network, address, name string) (net.Conn, error) {
	plain, err := c.Rule.Dialer(connectTime)(ctx, network, address)
	if err != nil {
		return nil, err
	}
	// Not HTTP/2: it takes 4 MiB of each answer before anybody reads them.
	conn := tls.Client(plain, &tls.Config{ServerName: name, RootCAs: c.Rule.Roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = plain.Close() // the other error says more
		return nil, err
	}
	return conn, nil
}
