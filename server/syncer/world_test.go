package syncer_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"

	"beffroi/server/accounts"
	"beffroi/server/e2ee"
	"beffroi/server/ephemeral"
	"beffroi/server/eventfilter"
	"beffroi/server/notify"
	"beffroi/server/pdu"
	"beffroi/server/pdu/pdutest"
	"beffroi/server/push"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
	"beffroi/server/syncer"
	"beffroi/server/synctoken"
)

// world is a syncer with the services below it, on a database of its own.
type world struct {
	testing.TB
	path      string
	db        *store.DB
	hub       *notify.Hub
	rooms     *rooms.Service
	ephemeral *ephemeral.Service
	e2ee      *e2ee.Service
	push      *push.Service
	syncer    *syncer.Syncer
	users     map[string]rooms.User
	txn       int
}

// people are the accounts that tests name: all that are asked for.
type people struct{ db *store.DB }

func (p people) FindLocal(ctx context.Context, userID string) (user store.Atom, ok bool, err error) {
	err = p.db.Write(ctx, func(tx *store.Tx) error {
		user, err = tx.Atom(userID)
		return err
	})
	return user, true, err
}

func (people) MemberProfile(context.Context, store.Atom) (string, string, error) { return "", "", nil }

func start(t testing.TB) *world {
	t.Helper()
	return startAt(t, filepath.Join(t.TempDir(), "b.db"))
}

func startAt(t testing.TB, path string) *world {
	t.Helper()
	w := &world{TB: t, path: path, users: map[string]rooms.User{}}
	w.open()
	return w
}

// reopen is a restart of the process.
func (w *world) reopen() {
	w.Helper()
	w.ok(w.db.Close())
	w.open()
}

func (w *world) open() {
	w.Helper()
	db := storetest.OpenAt(w, w.path)
	w.db, w.hub = db, notify.New()
	signer := pdutest.Signer("hs")
	w.push = push.New(db, w.hub)
	w.rooms = rooms.New(db, w.hub, time.Now, rooms.Config{ServerName: signer.ServerName, Signer: func() pdu.Signer { return signer }, People: people{db}, Counts: w.push})
	w.e2ee = e2ee.New(db, w.hub, time.Now, e2ee.Config{ServerName: "hs", Log: zerolog.Nop()})
	w.begin()
}

// begin starts what lives in memory only, as a restart does.
func (w *world) begin() {
	w.Helper()
	var err error
	w.ephemeral, err = ephemeral.New(w.db, w.hub, time.Now, rand.Reader, zerolog.Nop(), false, nil)
	w.ok(err)
	w.Cleanup(w.ephemeral.Close)
	w.syncer = syncer.New(w.db, w.hub, time.Now, 0, syncer.Sources{Ephemeral: w.ephemeral, E2EE: w.e2ee, Push: w.push})
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// user is a local account with one device.
func (w *world) user(name string) rooms.User {
	w.Helper()
	if u, ok := w.users[name]; ok {
		return u
	}
	u := rooms.User{ID: "@" + name + ":hs"}
	w.ok(w.db.Write(context.Background(), func(tx *store.Tx) (err error) {
		if u.Atom, err = tx.Atom(u.ID); err != nil {
			return err
		}
		if _, err = tx.PutAccount(store.Account{User: u.Atom}); err != nil {
			return err
		}
		u.Device, err = tx.PutDevice(store.Device{User: u.Atom, DeviceID: "D", TokenKey: store.TokenKey{byte(u.Atom)}})
		return err
	}))
	w.users[name] = u
	return u
}

func (w *world) create(u rooms.User, q rooms.CreateRequest) string {
	w.Helper()
	if q.Preset == "" {
		q.Preset = "public_chat"
	}
	id, err := w.rooms.Create(context.Background(), u, &q)
	w.ok(err)
	return id
}

func (w *world) join(room string, users ...rooms.User) {
	w.Helper()
	for _, u := range users {
		w.ok(w.rooms.Join(context.Background(), u, room, ""))
	}
}

func (w *world) leave(room string, u rooms.User) {
	w.Helper()
	w.ok(w.rooms.Leave(context.Background(), u, room, ""))
}

func (w *world) say(u rooms.User, room, body string) string {
	w.Helper()
	w.txn++
	raw, _ := json.Marshal(map[string]string{"msgtype": "m.text", "body": body})
	id, err := w.rooms.Send(context.Background(), u, room, "m.room.message", fmt.Sprint("t", w.txn), raw)
	w.ok(err)
	return id
}

func (w *world) state(u rooms.User, room, eventType, stateKey, content string) string {
	w.Helper()
	id, err := w.rooms.SetState(context.Background(), u, room, eventType, stateKey, json.RawMessage(content))
	w.ok(err)
	return id
}

// data sets a piece of account data.
func (w *world) data(u rooms.User, room store.RoomRef, eventType store.Atom, content string) {
	w.Helper()
	d := store.AccountData{Room: room, Type: eventType, Content: json.RawMessage(content)}
	w.ok(w.db.Write(context.Background(), func(tx *store.Tx) (err error) {
		if d.Pos, err = tx.NextPos(); err != nil {
			return err
		}
		return tx.PutAccountData(u.Atom, d)
	}))
	w.hub.Wake(int64(u.Atom))
}

func (w *world) atom(text string) (a store.Atom) {
	w.Helper()
	w.ok(w.db.Write(context.Background(), func(tx *store.Tx) (err error) {
		a, err = tx.Atom(text)
		return err
	}))
	return a
}

// queue sends messages to a user's device: {"n":0}, {"n":1}...
func (w *world) queue(u rooms.User, n int) {
	w.Helper()
	w.ok(w.db.Write(context.Background(), func(tx *store.Tx) error {
		for i := range n {
			if err := tx.QueueToDevice(u.Device, fmt.Appendf(nil, `{"n":%d}`, i)); err != nil {
				return err
			}
		}
		return nil
	}))
	w.hub.Wake(int64(u.Atom))
}

// queued counts the messages that wait for a user's device.
func (w *world) queued(u rooms.User) (n int64) {
	w.Helper()
	w.ok(w.db.Read(context.Background(), func(r *store.Reader) (err error) {
		n, err = r.ToDeviceWaiting(u.Device)
		return err
	}))
	return n
}

func (w *world) ref(room string) (ref store.RoomRef) {
	w.Helper()
	w.ok(w.db.Read(context.Background(), func(r *store.Reader) error {
		found, _, err := r.FindRoom(room)
		ref = found.Ref
		return err
	}))
	return ref
}

type option func(*syncer.Request)

func filtered(filter string) option {
	f, err := eventfilter.Parse([]byte(filter))
	if err != nil {
		panic(err)
	}
	return func(q *syncer.Request) { q.Filter = f }
}

func waiting(d time.Duration) option                    { return func(q *syncer.Request) { q.Timeout = d } }
func fullState(q *syncer.Request)                       { q.FullState = true }
func stateAfter(q *syncer.Request)                      { q.StateAfter = true }
func device(id int64) option                            { return func(q *syncer.Request) { q.Session.Device = id } }
func body(res gjson.Result) string                      { return res.Get("content.body").Str }
func esc(id string) string                              { return strings.ReplaceAll(id, ".", `\.`) }
func joined(res gjson.Result, room string) gjson.Result { return res.Get("rooms.join." + esc(room)) }

// sync answers as the client reads it.
func (w *world) sync(u rooms.User, since string, options ...option) gjson.Result {
	w.Helper()
	res, err := w.trySync(u, since, options...)
	w.ok(err)
	return res
}

func (w *world) trySync(u rooms.User, since string, options ...option) (gjson.Result, error) {
	q := &syncer.Request{Session: &accounts.Session{User: u.Atom, UserID: u.ID, Device: u.Device}, Filter: &eventfilter.Filter{}}
	if since != "" {
		token, err := synctoken.ParseSync(since)
		if err != nil {
			return gjson.Result{}, err
		}
		q.Since = &token
	}
	for _, o := range options {
		o(q)
	}
	a, err := w.syncer.Sync(context.Background(), q)
	if err != nil {
		return gjson.Result{}, err
	}
	raw, err := json.Marshal(a)
	return gjson.ParseBytes(raw), err
}

func next(res gjson.Result) string { return res.Get("next_batch").Str }

// bodies lists the messages of a room's timeline.
func bodies(room gjson.Result) (out []string) {
	for _, e := range room.Get("timeline.events").Array() {
		if e.Get("type").Str == "m.room.message" {
			out = append(out, body(e))
		}
	}
	return out
}

// keys lists the state of a section as type/key.
func keys(list gjson.Result) map[string]gjson.Result {
	out := map[string]gjson.Result{}
	for _, e := range list.Array() {
		out[e.Get("type").Str+"/"+e.Get("state_key").Str] = e
	}
	return out
}

func want(t testing.TB, what string, got, expected any) {
	t.Helper()
	if !reflect.DeepEqual(got, expected) {
		t.Errorf("%s: got %v, want %v", what, got, expected)
	}
}
