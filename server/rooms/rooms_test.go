package rooms_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver, for an error of its own

	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/pdu"
	"beffroi/server/pdu/pdutest"
	"beffroi/server/push"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// world is a room core on a database of its own.
type world struct {
	testing.TB
	db     *store.DB
	hub    *notify.Hub
	people people
	*rooms.Service
}

// people are the accounts that tests name: all that are asked for.
type people struct{ db *store.DB }

func (p people) FindLocal(ctx context.Context, userID string) (user store.Atom, ok bool, err error) {
	err = p.db.Write(ctx, func(tx *store.Tx) error {
		user, err = tx.Atom(userID)
		return err
	})
	return user, userID != "@nobody:hs", err
}

func (people) MemberProfile(context.Context, store.Atom) (string, string, error) {
	return "Name", "", nil
}

func open(t testing.TB, path string) *world {
	t.Helper()
	db := storetest.OpenAt(t, path)
	w := &world{TB: t, db: db, hub: notify.New(), people: people{db}}
	signer := pdutest.Signer("hs")
	w.Service = rooms.New(db, w.hub, time.Now, rooms.Config{ServerName: signer.ServerName, Signer: func() pdu.Signer { return signer }, People: w.people, Custodian: w.user("_commune"), Custody: true, Counts: push.New(db, w.hub)})
	return w
}

func start(t testing.TB) *world { return open(t, filepath.Join(t.TempDir(), "b.db")) }

func (w *world) user(name string) rooms.User {
	w.Helper()
	id := "@" + name + ":hs"
	atom, _, err := w.people.FindLocal(context.Background(), id)
	w.ok(err)
	return rooms.User{Atom: atom, ID: id, Device: int64(atom)}
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) create(u rooms.User, q rooms.CreateRequest) string {
	w.Helper()
	id, err := w.Create(context.Background(), u, &q)
	w.ok(err)
	return id
}

func (w *world) say(u rooms.User, room, txn string) (string, error) {
	body, _ := json.Marshal(map[string]string{"msgtype": "m.text", "body": txn})
	return w.Send(context.Background(), u, room, "m.room.message", txn, body)
}

// sees lists the ids of what a user sees of a room, the earliest first.
func (w *world) sees(u rooms.User, room string) (ids []string) {
	w.Helper()
	w.ok(w.db.Read(context.Background(), func(r *store.Reader) error {
		found, v, err := rooms.Look(r, room, u.Atom)
		if err != nil {
			return err
		}
		page, err := rooms.Messages(r, found, v, rooms.PageQuery{From: store.OrdMin, To: store.OrdMax, Limit: 500,
			Match: func(*store.Event) (bool, error) { return true, nil }})
		for _, e := range page.Events {
			ids = append(ids, e.ID)
		}
		return err
	}))
	return ids
}

func contains(ids []string, id string) int {
	n := 0
	for _, x := range ids {
		if x == id {
			n++
		}
	}
	return n
}

func TestEightSendersInOneRoomMakeOneLine(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{Preset: "public_chat"})
	var all sync.WaitGroup
	sent := make([][]string, 8)
	for i := range sent {
		u := w.user(fmt.Sprint("u", i))
		w.ok(w.Join(context.Background(), u, room, ""))
		all.Go(func() {
			for n := range 25 {
				id, err := w.say(u, room, fmt.Sprint(n))
				if err != nil {
					t.Error(err)
				}
				sent[i] = append(sent[i], id)
			}
		})
	}
	all.Wait()
	seen := w.sees(alice, room)
	for _, ids := range sent {
		for _, id := range ids {
			if contains(seen, id) != 1 {
				t.Fatalf("%s is there %d times", id, contains(seen, id))
			}
		}
	}
	checkLine(w, room)
}

// checkLine checks that the timeline is one line: each event's only predecessor is the one before it.
func checkLine(w *world, room string) {
	w.Helper()
	w.ok(w.db.Read(context.Background(), func(r *store.Reader) error {
		found, _, err := r.FindRoom(room)
		if err != nil {
			return err
		}
		events, err := r.EventsForward(found.Ref, store.OrdMin, store.OrdMax, 10000)
		rules, _ := pdu.RulesFor(found.Version)
		prev := ""
		for i, row := range events {
			e, err := row.PDU(rules)
			if err != nil {
				return err
			}
			if i > 0 && (len(e.PrevEvents()) != 1 || e.PrevEvents()[0] != prev) {
				w.Fatalf("event %d follows %v, not %s", i, e.PrevEvents(), prev)
			}
			if row.Ord != int64(i+1) {
				w.Fatalf("event %d has place %d", i, row.Ord)
			}
			prev = e.ID()
		}
		return err
	}))
}

func TestTransactionIDGivesTheSameEvent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.db")
	w := open(t, path)
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{})
	var all sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		all.Go(func() { ids[i], _ = w.say(alice, room, "same") })
	}
	all.Wait()
	w.ok(w.db.Close())
	w = open(t, path)
	again, err := w.say(alice, room, "same")
	w.ok(err)
	for _, id := range ids {
		if id != again {
			t.Fatalf("%v, and after a restart %s", ids, again)
		}
	}
	other := alice
	other.Device++
	if id, _ := w.say(other, room, "same"); id == again {
		t.Fatal("another device's transaction id is another transaction")
	}
	if contains(w.sees(alice, room), again) != 1 {
		t.Fatal("the event is not there once")
	}
}

func TestTransactionIDsAreForgottenAfterAWeek(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{})
	const many = 1100 // more than one write forgets
	w.ok(w.db.Write(ctx, func(tx *store.Tx) (err error) {
		for i := range many {
			err = errors.Join(err, tx.AddTxn(alice.Device, "toDevice/m.x", fmt.Sprint(i), 0, store.Millis(time.Now())))
		}
		return err
	}))
	first, err := w.say(alice, room, "same")
	w.ok(err)
	for _, c := range []struct {
		days   int
		forgot bool
	}{{6, false}, {8, true}} {
		later := rooms.New(w.db, w.hub, func() time.Time { return time.Now().AddDate(0, 0, c.days) }, w.Config)
		w.ok(later.ForgetTxns(ctx))
		known := 0
		w.ok(w.db.Read(ctx, func(r *store.Reader) error {
			for i := range many {
				if ok, err := r.TxnKnown(alice.Device, "toDevice/m.x", fmt.Sprint(i)); err != nil {
					return err
				} else if ok {
					known++
				}
			}
			return nil
		}))
		_, err := w.say(alice, room, fmt.Sprint("another", c.days)) // the room in memory lets go of what is settled
		w.ok(err)
		again, err := w.say(alice, room, "same")
		w.ok(err)
		if forgot := again != first; forgot != c.forgot || known != many && !c.forgot || known != 0 && c.forgot {
			t.Fatalf("after %d days: forgotten %t, %d of %d known", c.days, forgot, known, many)
		}
	}
}

func TestAFailedWriteFailsAloneAndTheRoomGoesOn(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{})
	// A row that the write of transaction "1" will collide with; that it stands there can't be seen before.
	hold := make(chan struct{})
	collide := w.db.Submit(ctx, func(tx *store.Tx) error {
		<-hold
		found, _, err := tx.FindRoom(room)
		return errors.Join(err, tx.AddTxn(alice.Device, fmt.Sprintf("send/m.room.message/%d", found.Ref), "1", 0, 0))
	})
	var waits []func() error
	for i := range 4 {
		wait, err := w.BeginSend(ctx, alice, room, "m.room.message", fmt.Sprint(i), []byte(`{}`))
		w.ok(err)
		waits = append(waits, wait)
	}
	close(hold)
	w.ok(collide.Wait())
	for i, wait := range waits {
		err := wait()
		if i == 0 && err != nil || i == 1 && (err == nil || rooms.IsStale(err)) || i > 1 && !rooms.IsStale(err) {
			t.Errorf("write %d: %v", i, err)
		}
	}
	// Those who were behind the failed one try again without being told.
	for i := 2; i < 4; i++ {
		if _, err := w.say(alice, room, fmt.Sprint(i)); err != nil {
			t.Error(err)
		}
	}
	checkLine(w, room)
}

// A disk that is full fails the whole group, writes that did not run yet among them. The same request succeeds once there is room.
func TestARetryAfterAFullDiskSucceeds(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{})
	full := diskFull(t)
	running, hold := make(chan struct{}), make(chan struct{})
	held := w.db.Submit(context.Background(), func(*store.Tx) error {
		close(running)
		<-hold
		return nil
	})
	<-running // so that the next two share a group
	failing := w.db.Submit(context.Background(), func(*store.Tx) error { return full })
	wait, err := w.BeginSend(context.Background(), alice, room, "m.room.message", "1", []byte(`{}`))
	w.ok(err)
	close(hold)
	w.ok(held.Wait())
	if err := wait(); merr.From(err).Status != 507 || merr.From(failing.Wait()).Status != 507 {
		t.Error("what clients are told of a full disk:", merr.From(err))
	}
	if failing.Wait() == nil || wait() == nil {
		t.Fatal("a write of the group that found the disk full succeeded")
	}
	for range 2 {
		if _, err := w.say(alice, room, "1"); err != nil {
			t.Error("again:", err)
		}
	}
	checkLine(w, room)
}

// diskFull is the error that SQLite gives when a disk is full.
func diskFull(t *testing.T) error {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "full.db")+"?_pragma=max_page_count(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err = db.ExecContext(context.Background(), "CREATE TABLE t (x)"); err == nil {
		t.Fatal("one page was enough")
	}
	return err
}

// Two create events of one person with the same content and time would be one event, and so one room.
func TestRoomsMadeInTheSameMillisecondAreTwo(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	now := time.Now()
	signer := pdutest.Signer("hs")
	w.Service = rooms.New(w.db, w.hub, func() time.Time { return now }, rooms.Config{ServerName: signer.ServerName, Signer: func() pdu.Signer { return signer }, People: w.people, Counts: push.New(w.db, w.hub)})
	made := map[string]bool{}
	for range 3 {
		made[w.create(alice, rooms.CreateRequest{})] = true
	}
	if len(made) != 3 {
		t.Error(made)
	}
}

func TestWhatOneRequestMayBringIsBounded(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	alice := w.user("alice")
	many := make([]rooms.InitialState, 1000)
	for i := range many {
		many[i] = rooms.InitialState{Type: "fr.x", StateKey: fmt.Sprint(i), Content: []byte("{}")}
	}
	room := w.create(alice, rooms.CreateRequest{InitialState: many})
	q := rooms.CreateRequest{InitialState: many, Invite: []string{"@bob:hs"}}
	if _, err := w.Create(ctx, alice, &q); !merr.Is(err, "M_TOO_LARGE") {
		t.Errorf("a room with 1001: %v", err)
	}
	if _, err := w.say(alice, room, strings.Repeat("t", 255)); err != nil {
		t.Error(err)
	}
	if _, err := w.say(alice, room, strings.Repeat("t", 256)); !merr.Is(err, "M_INVALID_PARAM") {
		t.Errorf("a transaction id of 256 bytes: %v", err)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	alice, bob, carol := w.user("alice"), w.user("bob"), w.user("carol")
	room := w.create(alice, rooms.CreateRequest{Preset: "private_chat", Invite: []string{bob.ID}})

	refused := func(what string, err error, errcode string) {
		t.Helper()
		if !merr.Is(err, errcode) {
			t.Errorf("%s: %v, want %s", what, err, errcode)
		}
	}
	refused("join without invitation", w.Join(ctx, carol, room, ""), "M_FORBIDDEN")
	refused("invite by somebody who isn't in", w.Invite(ctx, carol, room, carol.ID, "", false), "M_FORBIDDEN")
	w.ok(w.Join(ctx, bob, room, ""))
	w.ok(w.Join(ctx, bob, room, ""))
	refused("invite who is in", w.Invite(ctx, bob, room, alice.ID, "", false), "M_FORBIDDEN")
	refused("invite nobody", w.Invite(ctx, bob, room, "@nobody:hs", "", false), "M_NOT_FOUND")
	refused("invite elsewhere", w.Invite(ctx, bob, room, "@a:other", "", false), "M_NOT_FOUND")
	refused("invite nonsense", w.Invite(ctx, bob, room, "bob", "", false), "M_INVALID_PARAM")
	refused("kick without power", w.Kick(ctx, bob, room, alice.ID, ""), "M_FORBIDDEN")
	_, err := w.SetState(ctx, bob, room, "m.room.name", "", []byte(`{"name":"x"}`))
	refused("name without power", err, "M_FORBIDDEN")
	_, err = w.SetState(ctx, alice, room, "m.room.name", "", []byte(`{"name":1.5}`))
	refused("float", err, "M_BAD_JSON")
	w.ok(w.Ban(ctx, alice, room, bob.ID, "spam"))
	refused("join when banned", w.Join(ctx, bob, room, ""), "M_FORBIDDEN")
	refused("unban who isn't banned", w.Unban(ctx, alice, room, carol.ID, ""), "M_FORBIDDEN")
	w.ok(w.Unban(ctx, alice, room, bob.ID, ""))
	refused("unknown room", w.Leave(ctx, bob, "!nowhere:hs", ""), "M_FORBIDDEN")
	refused("forget while in", w.Forget(ctx, alice, room), "M_UNKNOWN")
	w.ok(w.Leave(ctx, alice, room, ""))
	w.ok(w.Forget(ctx, alice, room))
	_, err = w.say(alice, room, "gone")
	refused("send after leaving", err, "M_FORBIDDEN")
}

func TestSalonHasACustodianAndAConversationHasNone(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	salon := w.create(alice, rooms.CreateRequest{Name: "Conseil", Topic: "x"})
	if !w.joined(salon, w.user("_commune")) {
		t.Error("the custodian is not in the salon")
	}
	talk := w.create(alice, rooms.CreateRequest{Preset: "trusted_private_chat", IsDirect: true, Invite: []string{bob.ID}})
	if w.joined(talk, w.user("_commune")) {
		t.Error("the custodian is in a conversation")
	}
	w.ok(w.Join(context.Background(), bob, talk, ""))
	// In a trusted conversation both have a creator's power.
	_, err := w.SetState(context.Background(), bob, talk, "m.room.name", "", []byte(`{"name":"Nous"}`))
	w.ok(err)
	for _, override := range []map[string]any{{"users": map[string]any{alice.ID: 100}}} {
		_, err := w.Create(context.Background(), alice, &rooms.CreateRequest{PowerLevelOverride: override})
		if !merr.Is(err, "M_INVALID_ROOM_STATE") {
			t.Errorf("%v: %v", override, err)
		}
	}
}

func (w *world) joined(room string, u rooms.User) bool {
	w.Helper()
	ids, err := w.JoinedRooms(context.Background(), u.Atom)
	w.ok(err)
	return contains(ids, room) == 1
}

func TestHistoryVisibility(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		visibility          string
		before, invited, in bool // what bob, who was invited and then joined, sees in the end
		stranger            bool // whether carol, who never joined, sees any of it
	}{
		{"world_readable", true, true, true, true},
		{"shared", true, true, true, false},
		{"invited", false, true, true, false},
		{"joined", false, false, true, false},
	} {
		t.Run(c.visibility, func(t *testing.T) {
			w := start(t)
			alice, bob, carol := w.user("alice"), w.user("bob"), w.user("carol")
			state := []rooms.InitialState{{Type: "m.room.history_visibility", Content: []byte(`{"history_visibility":"` + c.visibility + `"}`)}}
			room := w.create(alice, rooms.CreateRequest{InitialState: state})
			say := func(txn string) string {
				id, err := w.say(alice, room, txn)
				w.ok(err)
				return id
			}
			before := say("before")
			w.ok(w.Invite(ctx, alice, room, bob.ID, "", false))
			invited := say("invited")
			w.ok(w.Join(ctx, bob, room, ""))
			in := say("in")
			w.ok(w.Leave(ctx, bob, room, ""))
			after := say("after")
			seen := w.sees(bob, room)
			for _, s := range []struct {
				id   string
				want bool
			}{{before, c.before}, {invited, c.invited}, {in, c.in}, {after, c.visibility == "world_readable"}} {
				if got := contains(seen, s.id) == 1; got != s.want {
					t.Errorf("bob sees %v, want %v of %+v", got, s.want, s)
				}
			}
			err := w.db.Read(ctx, func(r *store.Reader) error {
				_, _, err := rooms.Look(r, room, carol.Atom)
				return err
			})
			if got := err == nil; got != c.stranger {
				t.Errorf("carol: %v", err)
			}
		})
	}
}

func TestRedactionTakesTheContent(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{Preset: "public_chat"})
	w.ok(w.Join(ctx, bob, room, ""))
	id, err := w.say(alice, room, "secret")
	w.ok(err)
	if _, err := w.Redact(ctx, bob, room, id, "t", ""); !merr.Is(err, "M_FORBIDDEN") {
		t.Fatalf("bob may not: %v", err)
	}
	if _, err := w.Redact(ctx, alice, room, "$nothing", "t", ""); !merr.Is(err, "M_NOT_FOUND") {
		t.Fatalf("nothing there: %v", err)
	}
	redaction, err := w.Redact(ctx, alice, room, id, "t", "oops")
	w.ok(err)
	again, err := w.Redact(ctx, alice, room, id, "t", "oops")
	w.ok(err)
	if again != redaction {
		t.Fatal("the same transaction gave another redaction")
	}
	w.ok(w.db.Read(ctx, func(r *store.Reader) error {
		e, _, err := r.EventByID(id)
		by, _, err2 := r.EventByID(redaction)
		if e.RedactedBy != by.NID {
			t.Errorf("redacted by %d, want %d", e.RedactedBy, by.NID)
		}
		o, err3 := pdu.ParseObject(e.JSON)
		if len(o.Object("content").Raw()) != len("{}") {
			t.Errorf("content is still there: %s", e.JSON)
		}
		return errors.Join(err, err2, err3)
	}))
}

// stopped collects who types no more.
type stopped []string

func (s *stopped) StopTyping(_ context.Context, _ store.RoomRef, userID string) error {
	*s = append(*s, userID)
	return nil
}

func TestWhoIsGoneTypesNoMore(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	var gone stopped
	w.Typing = &gone
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{Preset: "public_chat"})
	for name, leaves := range map[string]func(u rooms.User) error{
		"leave": func(u rooms.User) error { return w.Leave(ctx, u, room, "") },
		"ban":   func(u rooms.User) error { return w.Ban(ctx, alice, room, u.ID, "") },
		"state": func(u rooms.User) error {
			_, err := w.SetState(ctx, u, room, "m.room.member", u.ID, []byte(`{"membership":"leave"}`))
			return err
		},
	} {
		gone = nil
		u := w.user(name)
		w.ok(w.Join(ctx, u, room, ""))
		w.ok(leaves(u))
		if len(gone) != 1 || gone[0] != u.ID {
			t.Errorf("%s: %v", name, gone)
		}
	}
}

// State that stands is not sent again by who set it; what differs is, and who is not in the room learns nothing.
func TestStateThatStandsIsNotSentAgain(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{Preset: "trusted_private_chat", Invite: []string{bob.ID}})
	w.ok(w.Join(ctx, bob, room, ""))
	set := func(u rooms.User, kind, key, content string) string {
		t.Helper()
		id, err := w.SetState(ctx, u, room, kind, key, []byte(content))
		w.ok(err)
		return id
	}
	first := set(alice, "m.room.topic", "", `{"topic":"Budget","a":[1,2]}`)
	if again := set(alice, "m.room.topic", "", ` { "a": [1, 2], "topic": "B\u0075dget" }`); again != first {
		t.Error("the same was sent again")
	}
	for what, id := range map[string]string{
		"another state key": set(alice, "m.room.topic", "x", `{"topic":"Budget","a":[1,2]}`),
		"another type":      set(alice, "m.room.name", "", `{"topic":"Budget","a":[1,2]}`),
		"another sender":    set(bob, "m.room.topic", "", `{"topic":"Budget","a":[1,2]}`),
		"other content":     set(alice, "m.room.topic", "", `{"topic":"Voirie"}`),
		"what stood before": set(alice, "m.room.topic", "", `{"topic":"Budget","a":[1,2]}`),
	} {
		if id == first {
			t.Error(what)
		}
	}
	last := set(alice, "m.room.topic", "", `{"topic":"Secret"}`)
	_, err := w.Redact(ctx, alice, room, last, "t", "")
	w.ok(err)
	if set(alice, "m.room.topic", "", `{"topic":"Secret"}`) == last {
		t.Error("a redacted event stands for its old content")
	}
	w.ok(w.Leave(ctx, alice, room, ""))
	if _, err := w.SetState(ctx, alice, room, "m.room.topic", "", []byte(`{"topic":"Secret"}`)); !merr.Is(err, "M_FORBIDDEN") {
		t.Errorf("after leaving: %v", err)
	}
}
