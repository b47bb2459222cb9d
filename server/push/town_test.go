package push_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"beffroi/server/notify"
	"beffroi/server/pdu"
	"beffroi/server/push"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// town is a room core that counts, on a database of its own.
type town struct {
	testing.TB
	path  string
	db    *store.DB
	rooms *rooms.Service
	push  *push.Service
	names map[store.Atom]string // display names
	users map[string]rooms.User
	n     int
}

func newTown(t testing.TB) *town {
	t.Helper()
	w := &town{TB: t, path: filepath.Join(t.TempDir(), "b.db"), names: map[store.Atom]string{}, users: map[string]rooms.User{}}
	w.open()
	return w
}

func (w *town) open() {
	w.Helper()
	w.db = storetest.OpenAt(w, w.path)
	hub := notify.New()
	w.push = push.New(w.db, hub)
	signer := pdu.Signer{ServerName: "hs", KeyID: "ed25519:1", Key: ed25519.NewKeyFromSeed(make([]byte, 32))}
	w.rooms = rooms.New(w.db, hub, time.Now, rooms.Config{ServerName: signer.ServerName, Signer: func() pdu.Signer { return signer }, People: w, Counts: w.push})
}

func (w *town) restart() {
	w.Helper()
	w.ok(w.db.Close())
	w.open()
}

// FindLocal makes everybody exist who is named.
func (w *town) FindLocal(ctx context.Context, userID string) (user store.Atom, ok bool, err error) {
	err = w.db.Write(ctx, func(tx *store.Tx) error {
		user, err = tx.Atom(userID)
		return err
	})
	return user, true, err
}

func (w *town) MemberProfile(_ context.Context, user store.Atom) (string, string, error) {
	return w.names[user], "", nil
}

func (w *town) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *town) user(name string) rooms.User {
	w.Helper()
	u, ok := w.users[name]
	if !ok {
		u.ID = "@" + name + ":hs"
		var err error
		u.Atom, _, err = w.FindLocal(context.Background(), u.ID)
		w.ok(err)
		u.Device = int64(u.Atom)
		w.names[u.Atom], w.users[name] = name, u
	}
	return u
}

// room is a public room in which the creator and others are.
func (w *town) room(creator rooms.User, others ...rooms.User) string {
	w.Helper()
	id, err := w.rooms.Create(context.Background(), creator, &rooms.CreateRequest{Preset: "public_chat"})
	w.ok(err)
	for _, u := range others {
		w.ok(w.rooms.Join(context.Background(), u, id, ""))
	}
	return id
}

func (w *town) send(u rooms.User, room, kind, content string) string {
	w.Helper()
	w.n++
	id, err := w.rooms.Send(context.Background(), u, room, kind, fmt.Sprint(w.n), json.RawMessage(content))
	w.ok(err)
	return id
}

func (w *town) say(u rooms.User, room, body string) string {
	w.Helper()
	return w.send(u, room, "m.room.message", fmt.Sprintf(`{"msgtype":"m.text","body":%q}`, body))
}

func (w *town) state(u rooms.User, room, kind, content string) string {
	w.Helper()
	id, err := w.rooms.SetState(context.Background(), u, room, kind, "", json.RawMessage(content))
	w.ok(err)
	return id
}

func (w *town) redact(u rooms.User, room, event string) {
	w.Helper()
	w.n++
	_, err := w.rooms.Redact(context.Background(), u, room, event, fmt.Sprint(w.n), "")
	w.ok(err)
}

func (w *town) rename(u rooms.User, name string) {
	w.Helper()
	w.names[u.Atom] = name
	w.ok(w.rooms.ProfileChanged(context.Background(), u.Atom, u.ID))
}

func (w *town) ref(room string) store.RoomRef {
	w.Helper()
	found, err := store.Get(context.Background(), w.db, func(r *store.Reader) (store.Room, error) { return rooms.Find(r, room) })
	w.ok(err)
	return found.Ref
}

// place finds an event in its room's timeline.
func (w *town) place(room, event string) store.Place {
	w.Helper()
	ref := w.ref(room)
	p, err := store.Get(context.Background(), w.db, func(r *store.Reader) (store.Place, error) {
		p, ok, err := r.PlaceOf(ref, event)
		if err == nil && !ok {
			err = fmt.Errorf("%s is not in the timeline", event)
		}
		return p, err
	})
	w.ok(err)
	return p
}

// reads moves a receipt.
func (w *town) reads(u rooms.User, kind store.Atom, room, thread, upto string) {
	w.Helper()
	ref, p := w.ref(room), w.place(room, upto)
	w.ok(w.db.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.MoveReceipt(ref, store.Receipt{User: u.Atom, Type: kind, Thread: thread, EventID: upto, Ord: p.Ord})
		return err
	}))
}

func (w *town) unread(u rooms.User, room string, threads bool) (c push.Counts) {
	w.Helper()
	ref, upto := w.ref(room), w.db.Visible()
	w.ok(w.db.Read(context.Background(), func(r *store.Reader) (err error) {
		c, err = w.push.Unread(r, ref, u.Atom, upto, threads)
		return err
	}))
	return c
}

func (w *town) put(u rooms.User, kind string, rule push.Rule) {
	w.Helper()
	w.ok(w.push.Put(context.Background(), u.Atom, kind, rule, "", ""))
}

// mute silences a room as clients do: the override rule says that nothing notifies, the room rule that mentions only do.
func (w *town) mute(u rooms.User, kind, room string) {
	w.Helper()
	rule := push.Rule{RuleID: room, Actions: []push.Action{}}
	if kind == push.Override {
		rule.Conditions = conditions(w, fmt.Sprintf(`[{"kind":"event_match","key":"room_id","pattern":%q}]`, room))
	}
	w.put(u, kind, rule)
}

func (w *town) unmute(u rooms.User, kind, room string) {
	w.Helper()
	w.ok(w.push.Delete(context.Background(), u.Atom, kind, room))
}

func conditions(t testing.TB, text string) (c []push.Condition) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func loud() []push.Action {
	return []push.Action{push.Action(`"notify"`), push.Action(`{"set_tweak":"highlight"}`)}
}
