package pusher

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/notify"
	"beffroi/server/pdu"
	"beffroi/server/push"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// world is a room core with pushers whose loop goes round when the test says so, by a clock of the test's.
type world struct {
	testing.TB
	*Service
	loop   *loop
	rooms  *rooms.Service
	now    time.Time
	status int // of the gateway's answers
	mu     sync.Mutex
	told   []string // what the gateway was asked with
	mails  []Digest
	owned  bool
	n      int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, now: time.Now(), status: 200, owned: true}
	db := storetest.Open(w).DB
	hub := notify.New()
	counts := push.New(db, hub)
	signer := pdu.Signer{ServerName: "hs", KeyID: "ed25519:1", Key: ed25519.NewKeyFromSeed(make([]byte, 32))}
	clock := func() time.Time { return w.now }
	w.rooms = rooms.New(db, hub, clock, rooms.Config{ServerName: signer.ServerName, Signer: func() pdu.Signer { return signer }, People: w, Counts: counts})
	w.Service = New(db, hub, Config{Push: counts, Client: &http.Client{Transport: w}, Site: "https://hs", Mail: w, Now: clock, Log: zerolog.Nop()})
	w.loop = newLoop(w.Service)
	return w
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// RoundTrip is the gateway.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, string(b))
	return &http.Response{StatusCode: w.status, Body: io.NopCloser(strings.NewReader(`{"rejected":[]}`)), Header: http.Header{}}, err
}

func (w *world) Owns(*store.Reader, store.Atom, string) (bool, error) { return w.owned, nil }

func (w *world) SendIn(_ *store.Tx, d *Digest) error {
	if w.status != 200 {
		return errors.New("the queue is full")
	}
	w.mails = append(w.mails, *d)
	return nil
}

// FindLocal makes everybody exist who is named.
func (w *world) FindLocal(ctx context.Context, userID string) (user store.Atom, ok bool, err error) {
	err = w.db.Write(ctx, func(tx *store.Tx) error {
		if user, err = tx.Atom(userID); err == nil {
			_, err = tx.PutAccount(store.Account{User: user})
		}
		return err
	})
	return user, true, err
}

func (w *world) MemberProfile(context.Context, store.Atom) (string, string, error) {
	return "", "", nil
}

func (w *world) user(name string) rooms.User {
	w.Helper()
	u := rooms.User{ID: "@" + name + ":hs"}
	var err error
	u.Atom, _, err = w.FindLocal(w.Context(), u.ID)
	w.ok(err)
	u.Device = int64(u.Atom)
	return u
}

func (w *world) room(name string, creator rooms.User, others ...rooms.User) string {
	w.Helper()
	id, err := w.rooms.Create(w.Context(), creator, &rooms.CreateRequest{Preset: "public_chat", Name: name})
	w.ok(err)
	for _, u := range others {
		w.ok(w.rooms.Join(w.Context(), u, id, ""))
	}
	return id
}

func (w *world) send(u rooms.User, room, body string) string {
	w.Helper()
	w.n++
	id, err := w.rooms.Send(w.Context(), u, room, "m.room.message", fmt.Sprint(w.n), json.RawMessage(`{"msgtype":"m.text","body":"`+body+`"}`))
	w.ok(err)
	return id
}

func (w *world) read(u rooms.User, room, event string) {
	w.Helper()
	w.ok(w.db.Write(w.Context(), func(tx *store.Tx) error {
		ref, _, err := tx.FindRoom(room)
		if err != nil {
			return err
		}
		p, _, err := tx.PlaceOf(ref.Ref, event)
		if err != nil {
			return err
		}
		_, err = tx.MoveReceipt(ref.Ref, store.Receipt{User: u.Atom, Type: store.AtomReceiptRead, EventID: event, Ord: p.Ord})
		return err
	}))
}

// set makes a pusher.
func (w *world) set(u rooms.User, kind, appID, pushkey, data string) {
	w.Helper()
	name := "x"
	_, err := w.Set(w.Context(), Owner{u.Atom, u.Device}, &Request{AppID: appID, Pushkey: pushkey, Kind: kind, AppName: &name, DeviceName: &name, Lang: &name,
		Data: json.RawMessage(data)})
	w.ok(err)
	w.round()
}

const testGateway = `{"url":"https://gateway/_matrix/push/v1/notify","format":"event_id_only"}`

// round lets the loop do all that it can do now.
func (w *world) round() {
	w.Helper()
	for reload := true; ; reload = false {
		w.loop.step(w.Context(), reload)
		if w.loop.failed {
			w.Fatal("a round failed")
		}
		if w.loop.running == 0 {
			return
		}
		w.loop.jobs.Wait()
		for len(w.loop.done) > 0 {
			w.loop.finish(<-w.loop.done)
		}
	}
}

// pass lets time pass, as the loop would: from one thing that is due to the next.
func (w *world) pass(d time.Duration) {
	w.Helper()
	w.round()
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(min(max(w.loop.rest(), time.Millisecond), end.Sub(w.now)))
		w.round()
	}
}
