package relations_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"beffroi/server/clientevent"
	"beffroi/server/notify"
	"beffroi/server/pdu"
	"beffroi/server/push"
	"beffroi/server/relations"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// world is a room core on a database of its own.
type world struct {
	testing.TB
	db *store.DB
	*rooms.Service
	txn int
}

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
	db := storetest.Open(t).DB
	w := &world{TB: t, db: db}
	signer := pdu.Signer{ServerName: "hs", KeyID: "ed25519:1", Key: ed25519.NewKeyFromSeed(make([]byte, 32))}
	w.Service = rooms.New(db, notify.New(), w.now, rooms.Config{ServerName: signer.ServerName, Signer: func() pdu.Signer { return signer }, People: people{db}, Counts: push.New(db, notify.New())})
	return w
}

// now is the same for some events after each other.
func (w *world) now() time.Time { return time.UnixMilli(1_800_000_000_000 + int64(w.txn)/8) }

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) user(name string) rooms.User {
	w.Helper()
	id := "@" + name + ":hs"
	atom, _, err := w.People.FindLocal(context.Background(), id)
	w.ok(err)
	return rooms.User{Atom: atom, ID: id, Device: int64(atom)}
}

func (w *world) create(u rooms.User, q rooms.CreateRequest) string {
	w.Helper()
	id, err := w.Create(context.Background(), u, &q)
	w.ok(err)
	return id
}

func (w *world) send(u rooms.User, room, eventType string, content any) (string, error) {
	w.Helper()
	raw, err := json.Marshal(content)
	w.ok(err)
	w.txn++
	return w.Send(context.Background(), u, room, eventType, fmt.Sprint(w.txn), raw)
}

// reading runs a function with a user's lens on a room.
func (w *world) reading(roomID string, u rooms.User, fn func(l *relations.Lens)) {
	w.Helper()
	w.ok(w.db.Read(context.Background(), func(r *store.Reader) error {
		room, _, err := r.FindRoom(roomID)
		if err != nil {
			return err
		}
		v, err := rooms.View(r, room.Ref, u.Atom)
		if err != nil {
			return err
		}
		fn(&relations.Lens{Reader: r, Room: room, User: u.Atom, Upto: relations.All, View: clientevent.View{Now: time.Now()},
			Viewer: func() (*rooms.Viewer, error) { return v, nil }})
		return nil
	}))
}
