package httpx

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// impatient is a server that waits so long for a client, with an answer that no buffer takes.
func impatient(t *testing.T, patience time.Duration, answered chan<- struct{}) *httptest.Server {
	t.Helper()
	a := New[who](tokens{}, Gate{}, zerolog.Nop())
	a.pace = pace{patience: patience, rate: 1 << 30}
	a.Mount([]Route[who]{
		{Method: "POST", Path: "/body", Auth: None, Handle: func(r *Request[who]) (any, error) { return nil, r.Decode(&struct{}{}) }},
		{Method: "GET", Path: "/late", Auth: None, Handle: func(r *Request[who]) (any, error) {
			if err := r.DecodeOptional(&struct{}{}); err != nil {
				return nil, err
			}
			select {
			case <-r.Context().Done():
				return nil, r.Context().Err()
			case <-time.After(4 * a.pace.patience):
				return nil, nil
			}
		}},
		{Method: "GET", Path: "/large", Auth: None, Handle: func(*Request[who]) (any, error) { return Raw(strings.Repeat(" ", 20<<20)), nil }},
	})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.ServeHTTP(w, r)
		if answered != nil {
			answered <- struct{}{}
		}
	}))
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func dial(t *testing.T, s *httptest.Server, request string) net.Conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestABodyThatDoesNotComeIsNotWaitedFor(t *testing.T) {
	s := impatient(t, time.Second, nil)
	type call struct {
		net.Conn
		path   string
		status int
	}
	var calls []call
	for path, status := range map[string]int{"/body": 408, "/nowhere": 404, "/large": 405} {
		for _, header := range []string{"Content-Length: 10", "Content-Length: 99999999999999", "Transfer-Encoding: chunked"} {
			calls = append(calls, call{dial(t, s, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", path, header)), path, status})
		}
	}
	for _, c := range calls {
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(c.path, err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != c.status {
			t.Errorf("%s: %d, %v, want %d", c.path, resp.StatusCode, err, c.status)
		}
		_ = resp.Body.Close()
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%s: the connection is not closed: %v", c.path, err)
		}
	}
}

func TestAnAnswerMayComeLateAndAConnectionIsUsedAgain(t *testing.T) {
	s := impatient(t, 50*time.Millisecond, nil)
	for range 2 {
		for _, body := range []string{"", "{}"} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/late", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := s.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || string(b) != "{}" {
				t.Errorf("%q: %d %s %v", body, resp.StatusCode, b, err)
			}
			_ = resp.Body.Close()
		}
	}
}

func TestAnAnswerThatNobodyTakesIsGivenUp(t *testing.T) {
	answered := make(chan struct{}, 1)
	s := impatient(t, 50*time.Millisecond, answered)
	dial(t, s, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
	<-answered
}
