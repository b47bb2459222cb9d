package inbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"beffroi/server/federation/inbox"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/store/storetest"

	"github.com/rs/zerolog"
)

const far = "far"

// core is a room core that does what the room's name says, and notes what it was given.
type core struct {
	gate chan struct{} // what rooms named !slow wait for

	mu   sync.Mutex
	more *sync.Cond
	got  []string
}

func newCore() *core {
	c := &core{gate: make(chan struct{})}
	c.more = sync.NewCond(&c.mu)
	return c
}

// wait waits until an event was given.
func (c *core) wait(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !slices.Contains(c.got, name) {
		c.more.Wait()
	}
}

func (c *core) Admits(context.Context, string, string) (store.Room, error) {
	return store.Room{}, merr.Forbidden("nobody")
}

func (c *core) Receive(ctx context.Context, _ string, pdus ...[]byte) (all []rooms.Outcome) {
	for _, raw := range pdus {
		room, _ := rooms.RoomIDOf(raw)
		o := rooms.Outcome{EventID: "$" + nameOf(raw)}
		switch {
		case strings.HasPrefix(room, "!slow"):
			select {
			case <-c.gate:
			case <-ctx.Done():
				o.Err = ctx.Err()
			}
		case strings.HasPrefix(room, "!full"):
			o.Err = fmt.Errorf("writing: %w", syscall.ENOSPC)
		case nameOf(raw) == "poison":
			panic("poison")
		case nameOf(raw) == "secret":
			o.Err = errors.New("table event: row 12")
		case nameOf(raw) == "unsigned":
			o.Err = pdu.ErrSignature
		}
		c.mu.Lock()
		c.got = append(c.got, nameOf(raw))
		c.more.Broadcast()
		c.mu.Unlock()
		all = append(all, o)
	}
	return all
}

func (c *core) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got)
}

func nameOf(raw []byte) string {
	var e struct{ Name string }
	_ = json.Unmarshal(raw, &e)
	return e.Name
}

func open(t *testing.T, db *store.DB, c *core, hold time.Duration) *inbox.Service {
	t.Helper()
	s := inbox.New(db, inbox.Config{Rooms: c, Hold: hold, Log: zerolog.Nop()})
	t.Cleanup(s.Close)
	return s
}

// body is a transaction of events given as room and name.
func body(events ...string) []byte {
	var pdus []string
	for _, e := range events {
		room, name, _ := strings.Cut(e, " ")
		pdus = append(pdus, fmt.Sprintf(`{"room_id":%q,"name":%q}`, room, name))
	}
	return []byte(`{"origin":"far","pdus":[` + strings.Join(pdus, ",") + `]}`)
}

func take(t *testing.T, s *inbox.Service, txnID string, events ...string) inbox.Answer {
	t.Helper()
	a, _, err := s.Take(t.Context(), far, txnID, body(events...))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A room in which something is being waited for holds up no other, and no answer for longer than is said; what waits is durable then.
func TestWhatWaitsHoldsUpNobody(t *testing.T) {
	db, c := storetest.Open(t).DB, newCore()
	s := open(t, db, c, 20*time.Millisecond)
	a := take(t, s, "1", "!slow a", "!quick b", "!slow c")
	if _, ok := a.PDUs["$b"]; !ok || len(a.PDUs) != 1 {
		t.Errorf("%v", a)
	}
	if got := kept(t, db); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("kept: %v", got)
	}
	a = take(t, s, "2", "!slow d", "!other e")
	if _, ok := a.PDUs["$e"]; !ok {
		t.Errorf("%v", a)
	}
	s.Close() // before they came to an end
	if got := kept(t, db); !slices.Equal(got, []string{"a", "c", "d"}) {
		t.Errorf("kept: %v", got)
	}
	again := newCore()
	close(again.gate)
	s = open(t, db, again, time.Minute)
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	take(t, s, "3", "!slow f") // behind those
	if got := again.names(); !slices.Equal(got, []string{"a", "c", "d", "f"}) {
		t.Errorf("after the restart: %v", got)
	}
	if got := kept(t, db); len(got) > 0 {
		t.Errorf("kept for ever: %v", got)
	}
}

func kept(t *testing.T, db *store.DB) (names []string) {
	t.Helper()
	rows, err := store.Get(t.Context(), db, func(r *store.Reader) ([]store.Incoming, error) { return r.IncomingAfter(0, 1000) })
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range rows {
		names = append(names, nameOf(e.JSON))
	}
	return names
}

// What is kept and never comes to an end may be what ends the process.
func TestWhatIsNeverJudgedIsDropped(t *testing.T) {
	db, c := storetest.Open(t).DB, newCore()
	s := open(t, db, c, time.Millisecond)
	take(t, s, "1", "!slow a")
	for range 3 {
		s.Close()
		s = open(t, db, newCore(), time.Millisecond)
		if err := s.Run(t.Context()); err != nil || len(kept(t, db)) != 1 {
			t.Fatal(err, kept(t, db))
		}
	}
	s.Close()
	if err := open(t, db, newCore(), time.Millisecond).Run(t.Context()); err != nil || len(kept(t, db)) != 0 {
		t.Error(err, kept(t, db))
	}
}

func TestPoisonIsAlone(t *testing.T) {
	c := newCore()
	s := open(t, storetest.Open(t).DB, c, time.Minute)
	a := take(t, s, "1", "!r a", "!r poison", "!r b", "!r secret", "!r unsigned")
	want := map[string]inbox.Result{"$a": {}, "$b": {}, "$secret": {Error: "It could not be taken"}, "$unsigned": {Error: "The signatures do not hold"}}
	if fmt.Sprint(a.PDUs) != fmt.Sprint(want) {
		t.Errorf("%v; want %v", a.PDUs, want)
	}
}

// An answer that would be untrue is none: the server sends the transaction again.
func TestAFullDiskIsNoAnswer(t *testing.T) {
	s := open(t, storetest.Open(t).DB, newCore(), time.Minute)
	for range 2 {
		if _, _, err := s.Take(t.Context(), far, "1", body("!full a")); merr.From(err).Status != 507 {
			t.Error(err)
		}
	}
}

func TestATransactionSentAgainIsWorkedOnOnce(t *testing.T) {
	c := newCore()
	s := open(t, storetest.Open(t).DB, c, time.Minute)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if a := take(t, s, "1", "!slow a"); len(a.PDUs) != 1 {
				t.Error(a)
			}
		})
	}
	close(c.gate)
	all.Wait()
	take(t, s, "1", "!slow a")
	take(t, s, "2", "!slow a") // what a transaction brings again is for the room core to see
	take(t, s, "1", "!slow b") // a server that was restored counts anew
	if got := c.names(); !slices.Equal(got, []string{"a", "a", "b"}) {
		t.Errorf("%v", got)
	}
}

func TestOneServerHasNoMoreThanItsShare(t *testing.T) {
	c := newCore()
	s := open(t, storetest.Open(t).DB, c, time.Minute)
	var all sync.WaitGroup
	defer all.Wait()
	defer close(c.gate)
	refused := make(chan error, 5)
	for i := range 5 {
		all.Go(func() {
			_, _, err := s.Take(context.Background(), far, fmt.Sprint(i), body("!slow a"))
			if err != nil {
				refused <- err
			}
		})
	}
	if err := <-refused; !merr.Is(err, "M_LIMIT_EXCEEDED") || merr.From(err).Extra["retry_after_ms"] == nil {
		t.Error(err)
	}
	other := []byte(`{"origin":"other","pdus":[{"room_id":"!slow","name":"x"},{"room_id":"!r","name":"y"}]}`)
	done, cancel := context.WithCancel(context.Background())
	all.Go(func() { _, _, _ = s.Take(done, "other", "1", other) })
	c.wait("y") // another server's is worked on
	cancel()
}

func FuzzTransaction(f *testing.F) {
	for _, seed := range []string{`{"origin":"far","pdus":[]}`, `{"origin":"far","pdus":[{"room_id":"!r","name":"a"},1,null],"edus":[{"edu_type":"m.typing","content":{}}]}`,
		`{"origin":"far","pdus":[{"room_id":"\ud800"}],"edus":[[]]}`, `{"pdus":{}}`, `[]`} {
		f.Add([]byte(seed))
	}
	db := storetest.Open(f).DB
	s := inbox.New(db, inbox.Config{Rooms: newCore(), Hold: time.Millisecond, Log: zerolog.Nop()})
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _, err := s.Take(context.Background(), far, "x", raw)
		if err != nil && merr.From(err).Status >= 500 && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
}
