package clientapi_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/clientapi"
	"beffroi/server/ephemeral"
	"beffroi/server/httpx"
	"beffroi/server/media"
	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/push"
	"beffroi/server/specschema"
	"beffroi/server/store"
	"beffroi/server/store/storetest"

	"github.com/rs/zerolog"
)

const (
	alice = "@alice:test"
	bob   = "@bob:test"
	carol = "@carol:test"

	maxUpload = 1 << 20
)

// contentServer serves typing, receipts, media and push rules over real files. An access token is a user id.
type contentServer struct {
	*storetest.File
	t         *testing.T
	hub       *notify.Hub
	ephemeral *ephemeral.Service
	push      *push.Service
	dir       string // the data folder
	url       string
	http      *http.Client
}

func newContentServer(t *testing.T) *contentServer {
	t.Helper()
	s := &contentServer{File: storetest.Open(t), t: t, hub: notify.New()}
	var err error
	if s.ephemeral, err = ephemeral.New(s.DB, s.hub, time.Now, rand.Reader, zerolog.Nop(), false, nil); err != nil {
		t.Fatal(err)
	}
	s.push = push.New(s.DB, s.hub)
	s.dir = t.TempDir()
	content, err := media.New(s.DB, s.hub, media.Config{DataDir: s.dir, ServerName: "test", MaxUpload: maxUpload,
		Remote: farMedia{"far.example/a": "far away", "far.example/large": strings.Repeat("x", maxUpload)}}, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := content.SetLimits(t.Context(), media.Limits{Remote: maxUpload}); err != nil {
		t.Fatal(err)
	}
	api := &clientapi.API{Ephemeral: s.ephemeral, Media: content, Push: s.push}
	adapter := httpx.New[*accounts.Session](s, httpx.Gate{}, zerolog.Nop())
	adapter.Mount(api.Routes())
	web := httptest.NewServer(adapter)
	s.url = web.URL
	s.http = &http.Client{Transport: specschema.Open(t).Transport(t, http.DefaultTransport)}
	t.Cleanup(func() {
		web.Close()
		content.Close()
		s.ephemeral.Close()
	})
	return s
}

// Authenticate takes a user id for a token.
func (s *contentServer) Authenticate(_ context.Context, token, _ string) (*accounts.Session, error) {
	if !strings.HasPrefix(token, "@") {
		return nil, merr.UnknownToken(false)
	}
	return &accounts.Session{User: s.Atom(token), UserID: token, Device: 1, DeviceID: "D"}, nil
}

// Assert lets nobody act as another.
func (s *contentServer) Assert(_ context.Context, session *accounts.Session, _ url.Values) (*accounts.Session, error) {
	return session, nil
}

// answer is an answer, its body read.
type answer struct {
	StatusCode int
	Header     http.Header
}

// send makes a request.
func (s *contentServer) send(user, method, path, contentType string, body io.Reader) (answer, []byte) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if user != "" {
		req.Header.Set("Authorization", "Bearer "+user)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header}, b
}

// want sends JSON and checks the answer's status and errcode ("" where it succeeds). It gives the answer's body.
func (s *contentServer) want(status int, errcode, user, method, path, body string) []byte {
	s.t.Helper()
	resp, got := s.send(user, method, path, "application/json", bytes.NewBufferString(body))
	var e struct{ ErrCode string }
	_ = json.Unmarshal(got, &e)
	if resp.StatusCode != status || e.ErrCode != errcode {
		s.t.Fatalf("%s %s as %s: %d %s; want %d %s", method, path, user, resp.StatusCode, got, status, errcode)
	}
	return got
}

func (s *contentServer) ok(user, method, path, body string) []byte {
	s.t.Helper()
	return s.want(http.StatusOK, "", user, method, path, body)
}

// read runs a read of the store.
func read[T any](s *contentServer, fn func(r *store.Reader) (T, error)) T {
	s.t.Helper()
	v, err := store.Get(s.t.Context(), s.DB, fn)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

// wakes tells whether act wakes a user.
func (s *contentServer) wakes(user string, act func()) bool {
	w := s.hub.Wait(int64(s.Atom(user)))
	defer s.hub.Done(w)
	act()
	select {
	case <-w.C:
		return true
	default:
		return false
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
