package interop

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// A relay stands between the clients and the server, and keeps what the server refused.
type relay struct {
	URL string

	mu       sync.Mutex
	refusals []refusal
}

type refusal struct {
	status  int
	request string // method, path and body
	answer  string
}

func (r refusal) String() string { return fmt.Sprintf("%s\n\t%d %s", r.request, r.status, r.answer) }

// startRelay relays to a server until the test ends. If the test failed it tells all refusals.
func startRelay(t testing.TB, server string) *relay {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(p *httputil.ProxyRequest) { p.SetURL(target) },
		ModifyResponse: r.record,
		ErrorLog:       log.New(io.Discard, "", 0), // clients give up their long polls
	}
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // the client is gone
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), bodyKey{}, body)))
	}))
	t.Cleanup(func() {
		listener.CloseClientConnections()
		listener.Close()
		if t.Failed() {
			for _, refusal := range r.refused() {
				t.Log("refused: ", refusal)
			}
		}
	})
	r.URL = listener.URL
	return r
}

// The context's key of a request's body, to be told when the request is refused.
type bodyKey struct{}

func (r *relay) record(resp *http.Response) error {
	if resp.StatusCode < 400 {
		return nil
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	body, _ := resp.Request.Context().Value(bodyKey{}).([]byte)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !utf8.Valid(body) {
		body = fmt.Appendf(nil, "(%d bytes)", len(body))
	}
	request := fmt.Sprintf("%s %s %.2000s", resp.Request.Method, resp.Request.URL.RequestURI(), body)
	r.refusals = append(r.refusals, refusal{resp.StatusCode, request, string(answer)})
	return nil
}

func (r *relay) refused() []refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]refusal(nil), r.refusals...)
}

// verify fails the test for each answer that a client of the specification never deserves: a failure of the server, or an
// endpoint that it does not know.
func (r *relay) verify(t testing.TB) {
	t.Helper()
	for _, refusal := range r.refused() {
		unstable := strings.Contains(refusal.request, "/_matrix/client/unstable/")
		if refusal.status >= 500 || strings.Contains(refusal.answer, "M_UNRECOGNIZED") && !unstable {
			t.Error(refusal)
		}
	}
}
