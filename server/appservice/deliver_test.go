package appservice

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/ephemeral"
	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/registrations"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// world is a server's side over a real database, and a bridge that fails over some messages.
type world struct {
	*storetest.File
	t      testing.TB
	s      *Service
	room   *storetest.Room
	poison string // a transaction with this in it is refused

	mu     sync.Mutex
	taken  []string          // bodies
	bodies map[string][]byte // by the ids of transactions
}

const file = `{id: irc, url: '%s', as_token: as_token-in-tests, hs_token: hs_token-in-tests, sender_localpart: bot, namespaces: {users: [], rooms: [], aliases: []}}`

func newWorld(t testing.TB, poison string) *world {
	t.Helper()
	w := &world{File: storetest.Open(t), t: t, poison: poison, bodies: map[string][]byte{}}
	web := httptest.NewServer(w)
	t.Cleanup(web.Close)
	name := filepath.Join(t.TempDir(), "irc.yaml")
	if err := os.WriteFile(name, fmt.Appendf(nil, file, web.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := registrations.Load([]string{name}, "x")
	if err != nil {
		t.Fatal(err)
	}
	hub := notify.New()
	talk, err := ephemeral.New(w.DB, hub, time.Now, rand.Reader, zerolog.Nop(), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(talk.Close)
	w.s = New(w.DB, hub, time.Now, Config{Set: set, ServerName: "x", Ephemeral: talk, Log: zerolog.Nop()})
	w.s.pause = func(int) time.Duration { return time.Microsecond }
	w.room = w.Room("a")
	w.room.Join("@bot:x", "Bot")
	return w
}

// ServeHTTP implements http.Handler: the bridge. It fails where the same transaction brings something else.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if before, again := w.bodies[r.URL.Path]; again && !bytes.Equal(withoutAge(before), withoutAge(body)) {
		w.t.Errorf("%s was another one before:\n%s\n%s", r.URL.Path, before, body)
	}
	w.bodies[r.URL.Path] = body
	if w.poison != "" && strings.Contains(string(body), w.poison) {
		rw.WriteHeader(http.StatusInternalServerError)
		return
	}
	var got struct {
		Events []struct{ Content struct{ Body string } }
	}
	if err := json.Unmarshal(body, &got); err != nil {
		w.t.Error(err)
	}
	for _, e := range got.Events {
		if e.Content.Body != "" {
			w.taken = append(w.taken, e.Content.Body)
		}
	}
	_, _ = io.WriteString(rw, "{}")
}

// withoutAge leaves out what passes with time.
func withoutAge(body []byte) []byte {
	parts := bytes.Split(body, []byte(`"age":`))
	for i := range parts[1:] {
		parts[i+1] = bytes.TrimLeft(parts[i+1], "-0123456789")
	}
	return bytes.Join(parts, nil)
}

// until delivers until everything that is committed was looked at.
func (w *world) until() {
	w.t.Helper()
	deliveries, err := w.s.begin(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for d := deliveries[0]; d.cursor.Pos < w.Visible(); {
		t, err := d.next(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if t == nil {
			return
		}
		d.send(w.t.Context(), t)
	}
}

// One event over which a bridge fails is left out after all patience; what stands around it arrives, once.
func TestAnEventThatABridgeFailsOver(t *testing.T) {
	w := newWorld(t, "poison")
	if _, err := w.s.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 350 {
		text := fmt.Sprint("message ", i)
		if i == 30 || i == 155 || i == 156 {
			text = "poison"
		} else {
			want = append(want, text)
		}
		w.room.Message("@alice:x", text)
	}
	w.until()
	if !slices.Equal(w.taken, want) {
		t.Errorf("the bridge took %d messages, want %d: %q", len(w.taken), len(want), w.taken)
	}
}

// A server that stops between the sending and the noting sends the same again under the same number; one that has read and not claimed reads again.
func TestASendingIsCutOff(t *testing.T) {
	w := newWorld(t, "")
	if _, err := w.s.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.room.Message("@alice:x", "one")
	deliveries, err := w.s.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, err := deliveries[0].next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.room.Message("@alice:x", "two") // it does not come into the first one
	if deliveries, err = w.s.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, err := deliveries[0].next(t.Context())
	if err != nil || again.id != first.id || !bytes.Equal(withoutAge(again.body), withoutAge(first.body)) {
		t.Fatalf("%v: %+v, want %+v", err, again, first)
	}
	w.until()
	if !slices.Equal(w.taken, []string{"one", "two"}) {
		t.Errorf("%q", w.taken)
	}
}

// The cursor passes what does not concern the service without a write for each look, and without being left behind for ever.
func TestACursorPasses(t *testing.T) {
	w := newWorld(t, "")
	other := w.Room("b")
	deliveries, err := w.s.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d := deliveries[0]
	stands := func() store.ServiceCursor {
		c, _, err := get(w, func(r *store.Reader) (store.ServiceCursor, bool, error) { return r.ServiceCursor("irc") })
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	begin := stands().Pos
	for range 20 {
		other.Message("@alice:x", "not for the bridge")
	}
	if x, err := d.next(t.Context()); err != nil || x != nil {
		t.Fatal(x, err)
	}
	if d.cursor.Pos != w.Visible() || stands().Pos != begin {
		t.Errorf("in memory %d, want %d; in the database %d, want %d", d.cursor.Pos, w.Visible(), stands().Pos, begin)
	}
	if err := d.pass(t.Context(), store.ServiceCursor{ID: "irc", Pos: begin + maxUnsaved}); err != nil || stands().Pos != begin+maxUnsaved {
		t.Error(stands(), err)
	}
}

func get[A any](w *world, fn func(*store.Reader) (A, bool, error)) (a A, ok bool, err error) {
	err = w.Read(context.Background(), func(r *store.Reader) error {
		a, ok, err = fn(r)
		return err
	})
	return a, ok, err
}

// The pause doubles to five minutes and never is nothing.
func TestPause(t *testing.T) {
	for failures, most := range map[int]time.Duration{0: time.Second, 3: 8 * time.Second, 9: maxPause, 1000: maxPause} {
		for range 20 {
			if p := pause(failures); p < most/2 || p > most {
				t.Errorf("after %d failures: %s", failures, p)
			}
		}
	}
}

// A service that does not answer in time, and one that is not there.
func TestPingErrors(t *testing.T) {
	w := newWorld(t, "")
	service := w.s.Set.All()[0]
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := w.s.Ping(ctx, service, ""); !merr.Is(err, "M_CONNECTION_TIMEOUT") || merr.From(err).Status != http.StatusGatewayTimeout {
		t.Error(err)
	}
	if took, err := w.s.Ping(t.Context(), service, ""); err != nil || took <= 0 {
		t.Error(took, err)
	}
}

// A token that old services get in the query is in no error.
func TestErrorsHideTokens(t *testing.T) {
	r, err := registrations.Parse(fmt.Appendf(nil, file, "http://127.0.0.1:1"), "x")
	if err != nil {
		t.Fatal(err)
	}
	_, err = newPeer(r).once(t.Context(), call{method: http.MethodGet}, "/users/a", map[string][]string{"access_token": {"secret"}})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

// What following costs: messages in rooms that do not concern the service, and in one that does, in transactions.
func BenchmarkFollow(b *testing.B) {
	for name, own := range map[string]bool{"others": false, "own": true} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, "")
			if _, err := w.s.begin(b.Context()); err != nil {
				b.Fatal(err)
			}
			room := w.room
			if !own {
				room = w.Room("b")
				for i := range 200 {
					room.Join(fmt.Sprintf("@agent%d:x", i), "Agent")
				}
			}
			for range 1000 {
				room.Message("@alice:x", "bonjour")
			}
			stands := store.ServiceCursor{ID: "irc"}
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Write(b.Context(), func(tx *store.Tx) error { return tx.PutServiceCursor(stands) }); err != nil {
					b.Fatal(err)
				}
				w.until()
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "µs/message")
		})
	}
}
