package servertest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"beffroi/server/config"
)

// A Bridge is an application service played by a test: an HTTP server on loopback with a registration file. It has the users @_ID_… and the aliases
// #_ID_…, which belong to nobody else, and acts as @_ID itself.
type Bridge struct {
	ID      string
	ASToken string
	HSToken string
	File    string
	URL     string

	t       testing.TB
	address string
	server  *http.Server

	mu     sync.Mutex
	answer func(w http.ResponseWriter, r *http.Request, body []byte) bool
	calls  []Call
	came   chan struct{} // closed and replaced with each call
}

// Call is a request of the server to a bridge.
type Call struct {
	Method, Path, Query, Token string
	Body                       []byte
	Refused                    bool // it was answered with an error
}

// NewBridge starts a bridge. more is YAML, a line for each key, that is added to its registration; a key that it repeats is replaced.
func NewBridge(t testing.TB, id, more string) *Bridge {
	t.Helper()
	b := &Bridge{ID: id, ASToken: "as_token-of-" + id + "-in-tests", HSToken: "hs_token-of-" + id + "-in-tests", t: t, address: "127.0.0.1:0", came: make(chan struct{})}
	b.Up()
	t.Cleanup(b.Down)
	b.URL = "http://" + b.address
	b.File = filepath.Join(t.TempDir(), id+".yaml")
	text := fmt.Sprintf(`
id: %[1]s
url: http://%[2]s
as_token: %[3]s
hs_token: %[4]s
sender_localpart: _%[1]s
namespaces: {users: [{exclusive: true, regex: '@_%[1]s_.*'}], aliases: [{exclusive: true, regex: '#_%[1]s_.*'}]}
`, id, b.address, b.ASToken, b.HSToken)
	for line := range strings.Lines(more) {
		key, _, _ := strings.Cut(line, ":")
		if i := strings.Index(text, "\n"+key+":"); i >= 0 {
			end := i + 1 + strings.Index(text[i+1:], "\n")
			text = text[:i] + text[end:]
		}
	}
	if err := os.WriteFile(b.File, []byte(text+more), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

// Configure is the option that lets a server know the bridge.
func (b *Bridge) Configure(c *config.Config) { c.AppServices = append(c.AppServices, b.File) }

// Up listens, again after Down at the address that it had.
func (b *Bridge) Up() {
	b.t.Helper()
	l := listenOn(b.t, b.address)
	b.address = l.Addr().String()
	b.server = &http.Server{Handler: http.HandlerFunc(b.serve), ReadHeaderTimeout: time.Minute}
	go func(s *http.Server, l net.Listener) { _ = s.Serve(l) }(b.server, l)
}

// Down ends listening, and what is being answered.
func (b *Bridge) Down() { _ = b.server.Close() }

// Answer sets who answers; false leaves it to the bridge, which says 200 {} to everything. Wrong tokens it refuses itself.
func (b *Bridge) Answer(answer func(w http.ResponseWriter, r *http.Request, body []byte) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = answer
}

func (b *Bridge) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	seen := &statusSeen{ResponseWriter: w}
	b.mu.Lock()
	answer := b.answer
	b.mu.Unlock()
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	w.Header().Set("Content-Type", "application/json")
	switch {
	case token != b.HSToken:
		seen.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(seen, `{"errcode":"M_FORBIDDEN"}`)
	case answer == nil || !answer(seen, r, body):
		_, _ = io.WriteString(seen, `{}`)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, Call{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, token, body, seen.status >= 300})
	close(b.came)
	b.came = make(chan struct{})
}

type statusSeen struct {
	http.ResponseWriter
	status int
}

func (s *statusSeen) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Calls are the requests until now.
func (b *Bridge) Calls() []Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls)
}

// Wait waits until the requests that came fulfil a condition, half a minute at most.
func (b *Bridge) Wait(what string, fulfilled func([]Call) bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		b.mu.Lock()
		calls, came := slices.Clone(b.calls), b.came
		b.mu.Unlock()
		if fulfilled(calls) {
			return
		}
		select {
		case <-came:
		case <-ctx.Done():
			b.t.Fatalf("the bridge waits in vain for %s; it was called %d times: %.2000s", what, len(calls), fmt.Sprint(calls))
		}
	}
}

// BridgeEvent is an event, or what is said beside events, as a bridge gets it.
type BridgeEvent struct {
	ID       string `json:"event_id"`
	Type     string
	RoomID   string  `json:"room_id"`
	Sender   string  `json:"sender"`
	StateKey *string `json:"state_key"`
	TS       int64   `json:"origin_server_ts"`
	Content  map[string]any
	Unsigned map[string]any
}

// Transaction is what a bridge gets at once.
type Transaction struct {
	ID     string
	Events []BridgeEvent
	Beside []BridgeEvent `json:"ephemeral"`
}

// Transactions are those that the bridge took, each once.
func Transactions(t testing.TB, calls []Call) (all []Transaction) {
	t.Helper()
	for _, c := range calls {
		id, ok := strings.CutPrefix(c.Path, "/_matrix/app/v1/transactions/")
		if !ok || c.Refused || slices.ContainsFunc(all, func(x Transaction) bool { return x.ID == id }) {
			continue
		}
		one := Transaction{ID: id}
		if err := json.Unmarshal(c.Body, &one); err != nil {
			t.Errorf("%.200s: %v", c.Body, err)
		}
		all = append(all, one)
	}
	return all
}

// Bodies are the texts of the messages that the bridge took, in order.
func Bodies(t testing.TB, calls []Call) (texts []string) {
	t.Helper()
	for _, x := range Transactions(t, calls) {
		for _, e := range x.Events {
			if body, ok := e.Content["body"].(string); ok {
				texts = append(texts, body)
			}
		}
	}
	return texts
}

// WaitBodies waits for messages: these, in this order, each once.
func (b *Bridge) WaitBodies(texts ...string) {
	b.t.Helper()
	b.Wait(fmt.Sprint(texts), func(calls []Call) bool { return len(Bodies(b.t, calls)) >= len(texts) })
	if got := Bodies(b.t, b.Calls()); !slices.Equal(got, texts) {
		b.t.Fatalf("the bridge got %q, want %q", got, texts)
	}
}

// On is the bridge's own account on a server.
func (b *Bridge) On(t testing.TB, c *Client) *User {
	return &User{Localpart: "_" + b.ID, UserID: "@_" + b.ID + ":" + c.ServerName, AccessToken: b.ASToken, t: t, c: c}
}

// Ghost is a user of the bridge, whom it registers and acts as.
func (b *Bridge) Ghost(t testing.TB, c *Client, name string) *User {
	t.Helper()
	bot := b.On(t, c)
	localpart := "_" + b.ID + "_" + name
	bot.Must("POST", client+"/register", map[string]any{"type": "m.login.application_service", "username": localpart, "inhibit_login": true}, nil)
	return bot.As("@" + localpart + ":" + c.ServerName)
}

// As is the same token acting as somebody else: an application service's.
func (u *User) As(userID string) *User {
	other := *u
	other.UserID, other.asserted = userID, userID
	return &other
}
