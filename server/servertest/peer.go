package servertest

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"beffroi/server/keys"
	"beffroi/server/specschema"
	"beffroi/server/store/storetest"
)

// A Peer is another server of a network whose requests and answers the test writes: honest or not.
type Peer struct {
	Name string // its address
	Own  *keys.Own
	Mux  *http.ServeMux // what it answers; its keys are there already

	Document func() (json.RawMessage, error) // what it says of its keys: the truth, unless a test sets another

	t      testing.TB
	http   *http.Client
	roots  *x509.CertPool
	called atomic.Int64
}

// Called is how many connections were made to it.
func (p *Peer) Called() int64 { return p.called.Load() }

// Peer starts one.
func (n *Network) Peer() *Peer {
	n.t.Helper()
	p := &Peer{Mux: http.NewServeMux(), t: n.t}
	s := httptest.NewUnstartedServer(p.Mux)
	crt, key := n.Certificate("127.0.0.1")
	pair, err := tls.LoadX509KeyPair(crt, key)
	if err != nil {
		n.t.Fatal(err)
	}
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			p.called.Add(1)
		}
	}
	s.StartTLS()
	n.t.Cleanup(s.Close)
	p.Name = s.Listener.Addr().String()
	if p.Own, err = keys.OpenOwn(n.t.Context(), storetest.Open(n.t).DB, p.Name, time.Now, rand.Reader); err != nil {
		n.t.Fatal(err)
	}
	p.Document = p.Own.Document
	p.Mux.HandleFunc("GET /_matrix/key/v2/server", func(w http.ResponseWriter, _ *http.Request) {
		d, err := p.Document()
		if err != nil {
			n.t.Error(err)
		}
		_, _ = w.Write(d)
	})
	pem, err := os.ReadFile(n.authorities)
	if err != nil {
		n.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	p.roots = pool
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	n.t.Cleanup(transport.CloseIdleConnections)
	p.http = &http.Client{Transport: specschema.Open(n.t).Transport(n.t, transport)}
	return p
}

// Do sends a signed request, with body as JSON (none when nil), to a server whose name is its address, and gives the answer.
func (p *Peer) Do(to *Server, method, uri string, body any) (status int, answer []byte) {
	p.t.Helper()
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			p.t.Fatal(err)
		}
	}
	header, err := p.Own.Authorization(method, uri, to.ServerName, raw)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.Send(to, method, uri, raw, header)
}

// Ask is Do without a body that gives the header of the answer, too.
func (p *Peer) Ask(to *Server, method, uri string) (status int, header http.Header, answer []byte) {
	p.t.Helper()
	authorization, err := p.Own.Authorization(method, uri, to.ServerName, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.send(to, method, uri, nil, authorization)
}

// Send is Do with bytes and an Authorization header that the test makes; "" for none.
func (p *Peer) Send(to *Server, method, uri string, body []byte, authorization string) (status int, answer []byte) {
	p.t.Helper()
	status, _, answer = p.send(to, method, uri, body, authorization)
	return status, answer
}

func (p *Peer) send(to *Server, method, uri string, body []byte, authorization string) (status int, header http.Header, answer []byte) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, "https://"+to.cfg.Listen.TLS+uri, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := p.http.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, answer
}
