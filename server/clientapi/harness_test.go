package clientapi

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/accounts"
	"beffroi/server/adminapi"
	"beffroi/server/appservice"
	"beffroi/server/directory"
	"beffroi/server/e2ee"
	"beffroi/server/fedapi"
	"beffroi/server/httpx"
	"beffroi/server/journal"
	"beffroi/server/mail"
	"beffroi/server/media"
	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/push/pusher"
	"beffroi/server/specschema"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
	"beffroi/server/threepid"
)

const (
	testServer = "mairie.test"
	testSecret = "shared secret of the tests"
)

// server is the API over a real database, with rooms that only remember what they were told.
type server struct {
	t     *testing.T
	url   string
	api   *API
	db    *store.DB
	hub   *notify.Hub
	acc   *accounts.Service
	clock *clock
	rooms *roomsTold
	mails *mail.Service
	http  *http.Client
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type roomsTold struct {
	mu      sync.Mutex
	left    []string
	changed []string
}

func (r *roomsTold) LeaveAll(_ context.Context, _ store.Atom, userID string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = append(r.left, userID)
	return nil
}

func (r *roomsTold) ProfileChanged(_ context.Context, _ store.Atom, userID string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = append(r.changed, userID)
	return nil
}

// roomCore is what accounts need of the rooms.
type roomCore interface {
	Leaver
	ProfilePropagator
}

func start(t *testing.T, change ...func(*accounts.Config)) *server {
	t.Helper()
	told := new(roomsTold)
	s := startWith(t, told, change...)
	s.rooms = told
	return s
}

func startWith(t *testing.T, core roomCore, change ...func(*accounts.Config)) *server {
	t.Helper()
	s := &server{t: t, hub: notify.New(), clock: &clock{now: time.Unix(1_800_000_000, 0)}}
	cfg := accounts.Config{
		ServerName: testServer, Custodian: "_commune", Password: accounts.Cost{MemoryKiB: 8, Iterations: 1, Threads: 1},
		Registration: accounts.Registration{Enabled: true, AllowDummy: true, SharedSecret: testSecret},
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	s.db = storetest.Open(t).DB
	threepids := s.openMail()
	cfg.Contacts = threepids
	if s.acc, err = accounts.New(t.Context(), s.db, s.hub, cfg, s.clock.Now, rand.Reader); err != nil {
		t.Fatal(err)
	}
	s.api = &API{DB: s.db, ServerName: testServer, RoomVersion: "12", BaseURL: "https://chat.mairie.test", Accounts: s.acc, Leaver: core, Profiles: core,
		Services:  appservice.New(s.db, s.hub, s.clock.Now, appservice.Config{Set: cfg.Services, ServerName: testServer}),
		Directory: directory.New(s.db, s.clock.Now, directory.Config{Accounts: s.acc, ServerName: testServer, Log: zerolog.Nop()}),
		Journal:   journal.New(s.db, s.clock.Now, zerolog.Nop()),
		E2EE:      e2ee.New(s.db, s.hub, s.clock.Now, e2ee.Config{ServerName: testServer, Log: zerolog.Nop()}),
		Pushers:   pusher.New(s.db, s.hub, pusher.Config{Now: s.clock.Now, Log: zerolog.Nop()}), Threepids: threepids}
	if s.api.Media, err = media.New(s.db, notify.New(), media.Config{DataDir: t.TempDir(), ServerName: testServer, MaxUpload: 1 << 20}, s.clock.Now, rand.Reader); err != nil {
		t.Fatal(err)
	}
	adapter := httpx.New(s.acc, httpx.Gate{}, zerolog.Nop())
	adapter.Mount(s.api.Routes())
	adapter.Mount(adminapi.New(adminapi.API{ServerName: testServer, Accounts: s.acc, Journal: s.api.Journal}).Routes())
	adapter.Mount(fedapi.OpenID{Accounts: s.acc}.Routes())
	web := httptest.NewServer(adapter)
	s.url = web.URL
	s.http = &http.Client{Transport: specschema.Open(t).Transport(t, http.DefaultTransport)}
	t.Cleanup(func() {
		web.Close()
		if err := s.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// openMail makes the service of mails, which sends nothing before a test says where to.
func (s *server) openMail() *threepid.Service {
	s.t.Helper()
	var err error
	s.mails, err = mail.New(s.t.Context(), s.db, mail.Config{ServerName: testServer, Dial: new(net.Dialer).DialContext, Now: s.clock.Now, Log: zerolog.Nop()})
	if err != nil {
		s.t.Fatal(err)
	}
	return threepid.New(s.db, s.mails, "https://chat.mairie.test", s.clock.Now, zerolog.Nop())
}

// object is a JSON object, sent or received.
type object = map[string]any

// user speaks with one device's access token; without one, as a stranger.
type user struct {
	s      *server
	id     string
	device string
	token  string
	refr   string
}

func (s *server) stranger() *user { return &user{s: s} }

// register makes an account by the shared secret; its password is "pass-" and the name.
func (s *server) register(name string) *user {
	s.t.Helper()
	return s.registerAs(name, "notadmin")
}

// admin makes an administrator's account.
func (s *server) admin(name string) *user {
	s.t.Helper()
	return s.registerAs(name, "admin")
}

func (s *server) registerAs(name, role string) *user {
	s.t.Helper()
	u := s.stranger()
	nonce := u.must("GET", "/_synapse/admin/v1/register", nil)["nonce"].(string)
	answer := u.must("POST", "/_synapse/admin/v1/register", object{
		"nonce": nonce, "username": name, "password": "pass-" + name, "admin": role == "admin",
		"mac": secretMAC(testSecret, nonce, name, "pass-"+name, role),
	})
	return s.as(answer)
}

func secretMAC(secret string, parts ...string) string {
	h := hmac.New(sha1.New, []byte(secret))
	_, _ = io.WriteString(h, strings.Join(parts, "\x00"))
	return hex.EncodeToString(h.Sum(nil))
}

func (s *server) login(name string, more object) *user {
	s.t.Helper()
	body := object{"type": "m.login.password", "identifier": object{"type": "m.id.user", "user": name}, "password": "pass-" + name}
	for k, v := range more {
		body[k] = v
	}
	return s.as(s.stranger().must("POST", "/_matrix/client/v3/login", body))
}

func (s *server) as(granted object) *user {
	u := &user{s: s, id: granted["user_id"].(string), device: granted["device_id"].(string), token: granted["access_token"].(string)}
	u.refr, _ = granted["refresh_token"].(string)
	return u
}

// do sends a request: body as JSON, []byte as it is. The answer must be a JSON object.
func (u *user) do(method, path string, body any) (int, object) {
	u.s.t.Helper()
	raw, isRaw := body.([]byte)
	if !isRaw && body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			u.s.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(u.s.t.Context(), method, u.s.url+path, bytes.NewReader(raw))
	if err != nil {
		u.s.t.Fatal(err)
	}
	if u.token != "" {
		req.Header.Set("Authorization", "Bearer "+u.token)
	}
	resp, err := u.s.http.Do(req)
	if err != nil {
		u.s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer object
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		u.s.t.Fatalf("%s %s: %d: %v", method, path, resp.StatusCode, err)
	}
	return resp.StatusCode, answer
}

func (u *user) must(method, path string, body any) object {
	u.s.t.Helper()
	status, answer := u.do(method, path, body)
	if status != http.StatusOK {
		u.s.t.Fatalf("%s %s: %d %v", method, path, status, answer)
	}
	return answer
}

// fails expects an error and gives its body.
func (u *user) fails(status int, errcode, method, path string, body any) object {
	u.s.t.Helper()
	got, answer := u.do(method, path, body)
	if code, _ := answer["errcode"].(string); got != status || code != errcode {
		u.s.t.Fatalf("%s %s: %d %v; want %d %s", method, path, got, answer, status, errcode)
	}
	return answer
}

// loggedOut expects that the token is refused, and in which way.
func (u *user) loggedOut(soft bool) {
	u.s.t.Helper()
	answer := u.fails(401, "M_UNKNOWN_TOKEN", "GET", whoamiPath, nil)
	if answer["soft_logout"] != soft {
		u.s.t.Fatalf("soft_logout is %v, want %v", answer["soft_logout"], soft)
	}
}

const whoamiPath = "/_matrix/client/v3/account/whoami"

// password is the auth object that proves who somebody is.
func password(name string, session any) object {
	auth := object{"type": "m.login.password", "identifier": object{"type": "m.id.user", "user": name}, "password": "pass-" + name}
	if session != nil {
		auth["session"] = session
	}
	return auth
}

// write changes the database behind the server's back, as a restore or an administrator does.
func (s *server) write(fn func(tx *store.Tx) error) {
	s.t.Helper()
	if err := s.db.Write(s.t.Context(), fn); err != nil {
		s.t.Fatal(err)
	}
}

func isInvalid(err error) bool { return merr.Is(err, "M_INVALID_PARAM") }
