package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/e2ee"
	"beffroi/server/federation/remote"
	"beffroi/server/merr"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// world is an outbox over a real database, other servers that take or refuse transactions, and a clock.
type world struct {
	*storetest.File
	t    testing.TB
	s    *Service
	room *storetest.Room

	mu     sync.Mutex
	clock  time.Time
	paused map[string]remote.Pause
	got    map[string][]sent // by server
	ids    map[string]string // bodies without time by server and transaction id
	answer func(server string, t sent) error
	refuse func(server string) error // before anything is sent
	hangs  string                    // a server that takes and says nothing
	came   chan struct{}
}

// sent is a transaction as the other server reads it.
type sent struct {
	ID     string
	Origin string            `json:"origin"`
	PDUs   []json.RawMessage `json:"pdus"`
	EDUs   []struct {
		Type    string          `json:"edu_type"`
		Content json.RawMessage `json:"content"`
	} `json:"edus"`
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{File: storetest.Open(t), t: t, clock: time.UnixMilli(1_700_000_000_000), paused: map[string]remote.Pause{}, got: map[string][]sent{}, ids: map[string]string{},
		came: make(chan struct{}, 1)}
	if err := w.Write(t.Context(), func(tx *store.Tx) error { return tx.PutMeta(store.MetaServerName, "x") }); err != nil {
		t.Fatal(err)
	}
	w.room = w.Room("a")
	w.room.Join("@alice:x", "Alice")
	w.start()
	return w
}

// start makes the outbox anew, as a start of the server does.
func (w *world) start() {
	w.s = New(w.DB, w.now, Config{ServerName: "x", Client: w, Devices: w, Presence: true, Log: zerolog.Nop()})
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

// Put implements Client.
func (w *world) Put(ctx context.Context, server, uri string, body []byte) ([]byte, error) {
	if server == w.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse != nil {
		if err := w.refuse(server); err != nil {
			return nil, err
		}
	}
	if p, there := w.paused[server]; there && w.clock.Before(p.Until) {
		return nil, &p
	}
	var t sent
	if err := json.Unmarshal(body, &t); err != nil || t.PDUs == nil || t.EDUs == nil || t.Origin != "x" {
		w.t.Errorf("%v: %s", err, body)
	}
	t.ID = strings.TrimPrefix(uri, "/_matrix/federation/v1/send/")
	if len(t.PDUs) > maxPDUs || len(t.EDUs) > maxEDUs {
		w.t.Errorf("%d events, %d EDUs", len(t.PDUs), len(t.EDUs))
	}
	plain := fmt.Sprintf("%s %s", t.PDUs, t.EDUs)
	if before, again := w.ids[server+t.ID]; again && before != plain {
		w.t.Errorf("%s was another one:\n%s\n%s", t.ID, before, plain)
	}
	w.ids[server+t.ID] = plain
	if w.answer != nil {
		if err := w.answer(server, t); err != nil {
			var refused *remote.Refused
			if !errors.As(err, &refused) {
				p := w.paused[server]
				w.paused[server] = remote.Pause{Server: server, Failed: p.Failed + 1, Since: w.clock, Until: w.clock.Add(30 * time.Second)}
			}
			return nil, err
		}
	}
	delete(w.paused, server)
	w.got[server] = append(w.got[server], t)
	select {
	case w.came <- struct{}{}:
	default:
	}
	return []byte("{}"), nil
}

// Paused implements Client.
func (w *world) Paused(server string) (remote.Pause, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, there := w.paused[server]
	return p, there
}

// Pause implements Client.
func (w *world) Pause(p remote.Pause) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused[p.Server] = p
}

// Heard implements Client.
func (w *world) Heard(server string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.paused, server)
}

// UserDevices implements Devices: everybody has one device.
func (w *world) UserDevices(_ context.Context, userID string) (*e2ee.UserDevices, error) {
	if userID == "@gone:x" {
		return nil, merr.NotFound("none")
	}
	return &e2ee.UserDevices{UserID: userID, Devices: []e2ee.UserDevice{{ID: "D", Keys: []byte(`{}`)}}, Master: []byte(`{}`)}, nil
}

// join lets somebody of another server join, as the room core stores it.
func (w *world) join(user string) { w.room.Join(user, user) }

// say sends a message of a user of this server.
func (w *world) say(text string) {
	w.t.Helper()
	w.post(w.room, "@alice:x", text)
}

func (w *world) post(room *storetest.Room, sender, text string) {
	w.t.Helper()
	s := room.Message(sender, text)
	w.write(func(tx *store.Tx) error {
		pos, err := tx.NextPos() // the message's own was published before
		if err != nil {
			return err
		}
		return tx.SendEvent(room.Ref, s.NID, pos)
	})
}

func (w *world) write(fn func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.Write(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// settle lets the outbox work until nothing more is to be done now.
func (w *world) settle() {
	w.t.Helper()
	for {
		if err := w.s.round(w.t.Context(), w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		w.s.jobs.Wait()
		w.s.mu.Lock()
		busy := len(w.s.ready) > 0 || len(w.s.spoken) > 0 || w.s.looked != w.Visible()
		for _, d := range w.s.all {
			busy = busy || d.waits && !w.now().Before(d.until)
		}
		w.s.mu.Unlock()
		if !busy {
			return
		}
	}
}

// begin loads what is there, as Run does.
func (w *world) begin() {
	w.t.Helper()
	if err := w.s.load(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// restart stops the outbox, in order or by a crash, and starts it.
func (w *world) restart(inOrder bool) {
	w.t.Helper()
	if inOrder {
		if err := w.s.save(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
	w.mu.Lock()
	clear(w.paused)
	w.mu.Unlock()
	w.start()
	w.begin()
}

// texts are the messages that a server got.
func (w *world) texts(server string) (texts []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.got[server] {
		texts = append(texts, textsIn(t)...)
	}
	return texts
}

func textsIn(t sent) (texts []string) {
	for _, p := range t.PDUs {
		var e struct{ Content struct{ Body string } }
		if json.Unmarshal(p, &e) == nil && e.Content.Body != "" {
			texts = append(texts, e.Content.Body)
		}
	}
	return texts
}

func (w *world) want(server string, want ...string) {
	w.t.Helper()
	if got := w.texts(server); !slices.Equal(got, want) {
		w.t.Errorf("%s got %d messages, want %d: %q", server, len(got), len(want), got[:min(len(got), 60)])
	}
}

// edus are the EDUs of a type that a server got.
func (w *world) edus(server, kind string) (contents []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.got[server] {
		for _, e := range t.EDUs {
			if e.Type == kind {
				contents = append(contents, string(e.Content))
			}
		}
	}
	return contents
}

func numbers(prefix string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(prefix, i))
	}
	return all
}

var errDown = errors.New("connection refused")

// Messages arrive in order, once, at who is in the room, in transactions of bounded size; a join is not sent back to where it comes from.
func TestMessagesArriveInOrder(t *testing.T) {
	w := newWorld(t)
	w.begin()
	w.say("before")
	w.join("@bob:b")
	w.join("@carl:c")
	for _, text := range numbers("m", 120) {
		w.say(text)
	}
	w.settle()
	for _, server := range []string{"b", "c"} {
		w.want(server, numbers("m", 120)...)
		if n := len(w.got[server]); n != 3 {
			t.Errorf("%d transactions", n)
		}
	}
	w.restart(true)
	w.settle()
	w.want("b", numbers("m", 120)...)
}

// A server that fails gets everything in order when its pause is over, or when it is heard from; others don't wait for it.
func TestAFailingServer(t *testing.T) {
	w := newWorld(t)
	w.begin()
	w.join("@bob:b")
	w.join("@carl:c")
	down := true
	w.answer = func(server string, _ sent) error {
		if down && server == "b" {
			return errDown
		}
		return nil
	}
	w.say("0")
	w.settle()
	w.say("1")
	w.settle()
	w.want("b")
	w.want("c", "0", "1")
	down = false
	w.settle()
	w.want("b")
	if d := w.s.all["b"]; d.failed != 1 || d.lastError == "" || !d.waits {
		t.Errorf("%+v", d)
	}
	w.restart(true)
	w.settle()
	w.want("b") // the pause outlives a restart
	w.Heard("b")
	w.s.Heard("b")
	w.settle()
	w.want("b", "0", "1")
	if n := len(w.s.all); n != 0 {
		w.pass(2 * saveAfter)
		w.settle()
		if n = len(w.s.all); n != 0 {
			t.Errorf("%d destinations are remembered", n)
		}
	}
}

// What was sent and not written down is sent again after a crash, under the same number and in order; nothing is lost.
func TestACrash(t *testing.T) {
	w := newWorld(t)
	w.begin()
	w.join("@bob:b")
	w.say("0")
	w.settle()
	w.pass(2 * saveAfter)
	w.settle() // written
	w.say("1")
	w.settle()
	w.restart(false)
	w.say("2")
	w.settle()
	got := w.texts("b")
	if !slices.Equal(slices.Compact(slices.Sorted(slices.Values(got))), numbers("", 3)) || got[len(got)-1] != "2" {
		t.Error(got)
	}
}

// An event over which a server fails is left out; all others arrive, once and in order.
func TestPoison(t *testing.T) {
	for _, status := range []int{400, 413, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			w := newWorld(t)
			w.begin()
			w.join("@bob:b")
			w.answer = func(_ string, t sent) error {
				if slices.Contains(textsIn(t), "poison") {
					return &remote.Refused{Server: "b", Status: status}
				}
				return nil
			}
			var want []string
			for i := range 100 {
				if i == 30 {
					w.say("poison")
				} else {
					want = append(want, fmt.Sprint("m", i))
					w.say(want[len(want)-1])
				}
			}
			for range 60 {
				w.settle()
				w.pass(time.Minute)
			}
			w.want("b", want...)
			w.s.mu.Lock()
			defer w.s.mu.Unlock()
			if d := w.s.all["b"]; d != nil && (d.waits || d.dropped != 1) {
				t.Errorf("%+v", d)
			}
		})
	}
}

// A server that refuses everything loses next to nothing: it gets the newest and asks for the rest when it works again.
func TestAServerThatRefusesAll(t *testing.T) {
	for _, status := range []int{400, 403, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			w := newWorld(t)
			w.begin()
			w.join("@bob:b")
			broken := true
			w.answer = func(string, sent) error {
				if broken {
					return &remote.Refused{Server: "b", Status: status, Code: "M_UNKNOWN"}
				}
				return nil
			}
			w.write(func(tx *store.Tx) error {
				for i := range 20 {
					if err := tx.QueueEDU("b", "m.direct_to_device", "", fmt.Appendf(nil, `{"n":%d}`, i)); err != nil {
						return err
					}
				}
				return nil
			})
			w.say("0")
			for range 300 {
				w.settle()
				w.pass(time.Minute)
			}
			broken = false
			w.say("1")
			for range 70 {
				w.settle()
				w.pass(time.Minute)
			}
			if n := len(w.edus("b", "m.direct_to_device")); n < 20-mostLeftOut || status == 403 && n != 20 {
				t.Errorf("%d messages to devices arrived", n)
			}
			if got := w.texts("b"); len(got) == 0 || got[len(got)-1] != "1" {
				t.Error(got)
			}
		})
	}
}

// After a long outage a server is told the newest of each room, the end of its stay in one, the receipts as they stand, and a device of each user that makes it
// ask for all; messages to devices are all there, and what comes then comes as usual.
func TestCatchingUp(t *testing.T) {
	w := newWorld(t)
	w.begin()
	w.join("@bob:b")
	other := w.Room("other")
	other.Join("@alice:x", "Alice")
	other.Join("@bob:b", "Bob")
	quiet := w.Room("quiet")
	quiet.Join("@bob:b", "Bob")
	w.write(func(tx *store.Tx) error {
		alice, err := tx.Atom("@alice:x")
		if err != nil {
			return err
		}
		if _, err := tx.PutAccount(store.Account{User: alice}); err != nil {
			return err
		}
		return tx.DeviceChanged(alice, "D")
	})
	w.settle()
	down := true
	w.answer = func(string, sent) error {
		if down {
			return errDown
		}
		return nil
	}
	w.write(func(tx *store.Tx) error {
		alice, err := tx.FindAtom("@alice:x")
		if err != nil {
			return err
		}
		return errors.Join(tx.QueueEDU("b", "m.direct_to_device", "", []byte(`{"a":1}`)), tx.DeviceChanged(alice, "D"), tx.DeviceChanged(alice, "E"))
	})
	for _, text := range numbers("m", 30) {
		w.say(text)
		w.post(other, "@alice:x", "other "+text)
	}
	for range 100 {
		w.settle()
		w.pass(time.Minute)
	}
	w.write(func(tx *store.Tx) error { return tx.QueueEDU("b", "m.direct_to_device", "", []byte(`{"a":2}`)) })
	before := w.s.all["b"].missed
	if before == 0 {
		t.Fatal("it is kept everything")
	}
	if n := count(w, "b"); n != 0 {
		t.Errorf("%d rows are kept", n)
	}
	w.restart(true)
	down = false
	w.pass(time.Hour)
	w.mu.Lock()
	clear(w.got)
	w.mu.Unlock()
	w.settle()
	w.say("after")
	w.settle()
	w.want("b", "m29", "other m29", "after")
	if got := w.edus("b", "m.direct_to_device"); !slices.Equal(got, []string{`{"a":1}`, `{"a":2}`}) {
		t.Error(got)
	}
	lists := w.edus("b", "m.device_list_update")
	if len(lists) != 1 || !strings.Contains(lists[0], `"prev_id":[0]`) {
		t.Error(lists)
	}
}

// count counts the rows that are kept for a server, after pruning.
func count(w *world, server string) (n int) {
	w.t.Helper()
	w.s.pruned = time.Time{}
	if err := errors.Join(w.s.save(w.t.Context()), w.s.prune(w.t.Context())); err != nil {
		w.t.Fatal(err)
	}
	err := w.Read(w.t.Context(), func(r *store.Reader) error {
		atom, err := r.FindAtom(server)
		if err == nil {
			n, err = r.CountOutgoing(atom, 0, 10_000)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// What everybody has got is removed; what one server waits for is kept.
func TestPruning(t *testing.T) {
	w := newWorld(t)
	w.begin()
	w.join("@bob:b")
	w.join("@carl:c")
	w.answer = func(server string, t sent) error {
		if server == "b" && slices.Contains(textsIn(t), "5") {
			return errDown
		}
		return nil
	}
	for _, text := range numbers("", 10) {
		w.say(text)
		w.settle()
	}
	if n := count(w, "c"); n != 5 {
		t.Errorf("%d rows are kept, want 5", n)
	}
	w.answer = nil
	w.pass(time.Minute)
	w.settle()
	if n := count(w, "c"); n != 0 {
		t.Errorf("%d rows are kept", n)
	}
	w.want("b", numbers("", 10)...)
}

// Receipts go merged, as they stand, public ones of this server's users only; a user's in several threads go apart.
func TestReceipts(t *testing.T) {
	w := newWorld(t)
	w.begin()
	w.join("@bob:b")
	users := map[string]store.Atom{}
	for _, u := range []string{"@alice:x", "@ada:x", "@bob:b"} {
		users[u] = w.Atom(u)
	}
	move := func(user, event, thread string, kind store.Atom, ord int64) {
		w.write(func(tx *store.Tx) error {
			if _, err := tx.MoveReceipt(w.room.Ref, store.Receipt{User: users[user], Type: kind, Thread: thread, EventID: event, Ord: ord, TS: 5}); err != nil {
				return err
			}
			return tx.SendReceipts(w.room.Ref, users[user])
		})
	}
	move("@alice:x", "$1", "", store.AtomReceiptRead, 1)
	move("@alice:x", "$2", "", store.AtomReceiptRead, 2)
	move("@alice:x", "$3", "main", store.AtomReceiptRead, 3)
	move("@ada:x", "$2", "", store.AtomReceiptRead, 2)
	move("@ada:x", "$4", "", store.AtomReceiptReadPrivate, 4)
	move("@bob:b", "$2", "", store.AtomReceiptRead, 2)
	w.settle()
	got := map[string]string{}
	all := w.edus("b", "m.receipt")
	for _, raw := range all {
		var c receipts
		if err := json.Unmarshal([]byte(raw), &c); err != nil {
			t.Fatal(err)
		}
		for user, one := range c[w.room.ID]["m.read"] {
			got[one.EventIDs[0]] += user + one.Data.ThreadID + " "
		}
	}
	if len(all) != 2 || !maps.Equal(got, map[string]string{"$2": got["$2"], "$3": "@alice:xmain "}) || len(got["$2"]) != len("@alice:x @ada:x ") {
		t.Errorf("%v %v", got, all)
	}
	w.settle()
	if n := len(w.edus("b", "m.receipt")); n != 2 {
		t.Errorf("%d", n)
	}
}

// Typing and presence go to who shares a room, the latest only, and wait for nobody.
func TestWhatIsSaid(t *testing.T) {
	w := newWorld(t)
	w.begin()
	w.join("@bob:b")
	w.s.Typing(w.room.Ref, "@alice:x", true)
	w.s.Typing(w.room.Ref, "@alice:x", false)
	w.s.Typing(w.room.Ref, "@bob:b", true)
	w.s.Typing(w.Room("alone").Ref, "@alice:x", true)
	w.settle()
	want := `{"room_id":"` + w.room.ID + `","user_id":"@alice:x","typing":false}`
	if got := w.edus("b", "m.typing"); !slices.Equal(got, []string{want}) {
		t.Error(got)
	}
	w.answer = func(string, sent) error { return errDown }
	w.s.Typing(w.room.Ref, "@alice:x", true)
	w.settle()
	w.answer = nil
	w.pass(time.Hour)
	w.settle()
	w.s.Typing(w.room.Ref, "@alice:x", false)
	w.settle()
	if n := len(w.edus("b", "m.typing")); n != 1 && n != 2 {
		t.Errorf("%d", n)
	}
	if d := w.s.all["b"]; d != nil && d.waits {
		t.Error("typing waits")
	}
}

// Devices go with the chain of their changes, as they are now; those that are gone are told as deleted.
func TestDevices(t *testing.T) {
	w := newWorld(t)
	w.begin()
	alice := w.Atom("@alice:x")
	w.write(func(tx *store.Tx) error { return tx.DeviceChanged(alice, "D") })
	w.join("@bob:b")
	w.write(func(tx *store.Tx) error { return tx.DeviceChanged(alice, "D") })
	w.write(func(tx *store.Tx) error { return tx.DeviceChanged(alice, "GONE") })
	w.write(func(tx *store.Tx) error { return tx.SigningKeysChanged(alice) })
	w.settle()
	var last int64
	for i, raw := range w.edus("b", "m.device_list_update") {
		var u deviceUpdate
		if err := json.Unmarshal([]byte(raw), &u); err != nil || len(u.PrevID) != 1 || u.Deleted != (i == 1) || i == 1 && u.PrevID[0] != last {
			t.Errorf("%v %s", err, raw)
		}
		last = u.StreamID
	}
	if got := w.edus("b", "m.signing_key_update"); last == 0 || !slices.Equal(got, []string{`{"user_id":"@alice:x","master_key":{}}`}) {
		t.Error(got)
	}
}

// The loop itself: what is queued is on its way at once, and a stop keeps what is not.
func TestRun(t *testing.T) {
	w := newWorld(t)
	w.join("@bob:b")
	w.s.now = time.Now
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.s.Run(ctx) }()
	w.say("0")
	<-w.came
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	w.restart(false)
	w.settle()
	w.want("b", "0")
}

// A server that hangs holds up nobody, nor a stop for long, and nothing is lost.
func TestAServerThatHangs(t *testing.T) {
	w := newWorld(t)
	w.hangs = "b"
	w.join("@bob:b")
	w.join("@carl:c")
	w.s.now = time.Now
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.s.Run(ctx) }()
	for _, text := range numbers("", 3) {
		w.say(text)
		<-w.came
	}
	begun := time.Now()
	stop()
	if err := <-ended; err != nil || time.Since(begun) > 4*grace {
		t.Errorf("%v after %s", err, time.Since(begun))
	}
	w.hangs = ""
	w.restart(false)
	w.settle()
	w.want("b", "0", "1", "2")
	w.want("c", "0", "1", "2")
}

// What comes for a server while it is told that somebody types comes once.
func TestAMessageBesideTyping(t *testing.T) {
	w := newWorld(t)
	w.begin()
	w.join("@bob:b")
	w.say("0")
	w.settle()
	w.pass(2 * saveAfter)
	w.settle() // it is forgotten
	once := true
	w.answer = func(string, sent) error {
		if once {
			once = false
			w.mu.Unlock()
			w.say("1")
			if err := w.s.look(w.t.Context()); err != nil {
				w.t.Error(err)
			}
			w.mu.Lock()
		}
		return nil
	}
	w.s.Typing(w.room.Ref, "@alice:x", true)
	w.settle()
	for len(w.texts("b")) < 2 {
		w.settle()
	}
	w.want("b", "0", "1")
}
