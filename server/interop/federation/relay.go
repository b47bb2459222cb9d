//go:build interop

package federation

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"beffroi/server/servertest"
)

// A relay stands before a server as a town hall's reverse proxy does: what other servers ask comes to it, and it can be cut. Its address is the server's name.
type relay struct {
	name string

	t       testing.TB
	tls     *tls.Config
	handler http.Handler
	server  *http.Server
}

// newRelay listens for a server that does not serve yet: who needs its name gets that first.
func newRelay(t testing.TB, network *servertest.Network) *relay {
	t.Helper()
	crt, key := network.Certificate("127.0.0.1")
	pair, err := tls.LoadX509KeyPair(crt, key)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{name: "127.0.0.1:0", t: t, tls: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}}
	r.mend()
	t.Cleanup(r.cut)
	return r
}

// to says whom it relays to, and what watches each exchange.
func (r *relay) to(target string, watch func(exchange)) {
	transport := &http.Transport{}
	r.t.Cleanup(transport.CloseIdleConnections)
	address, err := url.Parse(target)
	if err != nil {
		r.t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(address)
			p.Out.Host = p.In.Host
		},
		ModifyResponse: func(resp *http.Response) error {
			if e, ok := resp.Request.Context().Value(exchangeKey{}).(exchange); ok {
				e.status = resp.StatusCode
				if err := e.hear(resp); err != nil {
					return err
				}
				watch(e)
			}
			return nil
		},
		ErrorLog: log.New(io.Discard, "", 0), // who asked has gone, or the server is down
	}
	r.handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // who asked has gone
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		e := exchange{from: origin(req), to: r.name, method: req.Method, path: req.URL.EscapedPath(), body: body}
		proxy.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), exchangeKey{}, e)))
	})
}

// The context's key of the exchange under way.
type exchangeKey struct{}

// cut ends all connections to the server, and refuses new ones.
func (r *relay) cut() { _ = r.server.Close() }

// mend lets others come to the server, again.
func (r *relay) mend() {
	r.t.Helper()
	l, err := new(net.ListenConfig).Listen(r.t.Context(), "tcp", r.name)
	if err != nil {
		r.t.Fatal(err)
	}
	r.name = l.Addr().String()
	r.server = &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.handler.ServeHTTP(w, req) }),
		TLSConfig:         r.tls,
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	go func(s *http.Server) {
		if err := s.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
			r.t.Error(err)
		}
	}(r.server)
}
