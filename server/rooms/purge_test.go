package rooms_test

import (
	"context"
	"testing"
	"time"

	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// account gives a user an account of this server.
func (w *world) account(name string) rooms.User {
	w.Helper()
	u := w.user(name)
	w.ok(w.db.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.PutAccount(store.Account{User: u.Atom})
		return err
	}))
	return u
}

func (w *world) knows(room string) (known bool) {
	w.Helper()
	w.ok(w.db.Read(context.Background(), func(r *store.Reader) (err error) {
		_, known, err = r.FindRoom(room)
		return err
	}))
	return known
}

// A room goes when everybody of this server has left and forgotten it, or has no account any more; the custodian keeps none.
func TestForgottenRoomsArePurged(t *testing.T) {
	ctx := context.Background()
	w := start(t)
	w.account("_commune")
	alice, bob, carol := w.account("alice"), w.account("bob"), w.account("carol")
	room := w.create(alice, rooms.CreateRequest{Preset: "public_chat", RoomAliasName: "voirie", Visibility: "public", PowerLevelOverride: map[string]any{"invite": 0}})
	other := w.create(alice, rooms.CreateRequest{})
	purge := func(want bool) {
		t.Helper()
		w.ok(w.PurgeForgotten(ctx))
		if w.knows(room) == want || !w.knows(other) {
			t.Errorf("purged: %v, want %v; the other room is there: %v", !w.knows(room), want, w.knows(other))
		}
	}
	w.ok(w.Join(ctx, bob, room, ""))
	_, err := w.say(bob, room, "1")
	w.ok(err)
	w.ok(w.Leave(ctx, alice, room, ""))
	w.ok(w.Forget(ctx, alice, room))
	purge(false) // bob is in it
	w.ok(w.Invite(ctx, bob, room, carol.ID, "", false))
	w.ok(w.Leave(ctx, bob, room, ""))
	w.ok(w.Forget(ctx, bob, room))
	purge(false) // carol is invited
	w.ok(w.Leave(ctx, carol, room, ""))
	purge(false) // and has not forgotten it
	w.ok(w.db.Write(ctx, func(tx *store.Tx) error { return tx.SetAccountState(carol.Atom, store.AccountDeactivated) }))
	purge(true)
	if err := w.Join(ctx, alice, room, ""); !merr.Is(err, "M_FORBIDDEN") {
		t.Error("a room that was removed is joined:", err)
	}
	w.ok(w.db.Read(ctx, func(r *store.Reader) error {
		if _, ok, err := r.FindAlias("#voirie:hs"); ok || err != nil {
			t.Error("its alias is there", err)
		}
		return nil
	}))
	_, err = w.say(alice, other, "2")
	w.ok(err)
}

// Administration removes rooms that nobody is in, forgotten or not.
func TestPurgeOfARoom(t *testing.T) {
	ctx := context.Background()
	w := start(t)
	w.account("_commune")
	alice := w.account("alice")
	room := w.create(alice, rooms.CreateRequest{})
	if err := w.Purge(ctx, room); !merr.Is(err, "M_UNKNOWN") {
		t.Error("a room that somebody is in:", err)
	}
	_, err := w.say(alice, room, "still here")
	w.ok(err)
	w.ok(w.Leave(ctx, alice, room, ""))
	w.ok(w.Purge(ctx, room))
	if w.knows(room) {
		t.Error("the room is there")
	}
	if err := w.Purge(ctx, room); !merr.Is(err, "M_FORBIDDEN") {
		t.Error("a room that is not there:", err)
	}
}

// Where people of other servers are in the room, the custodian stays for the town hall, and so does the room.
func TestRoomsWithOthersAreKeptForTheCustodian(t *testing.T) {
	ctx := context.Background()
	w := start(t)
	w.account("_commune")
	alice := w.account("alice")
	salon := w.create(alice, rooms.CreateRequest{})
	conversation := w.create(alice, rooms.CreateRequest{IsDirect: true})
	for _, room := range []string{salon, conversation} {
		w.ok(w.Leave(ctx, alice, room, ""))
		w.ok(w.Forget(ctx, alice, room))
		w.ok(w.db.Write(ctx, func(tx *store.Tx) error { // as if somebody of another server had joined
			user, err := tx.Atom("@zoe:elsewhere")
			if err != nil {
				return err
			}
			found, _, err := tx.FindRoom(room)
			if err != nil {
				return err
			}
			return tx.PutMember(store.Member{Room: found.Ref, User: user, Membership: store.Join})
		}))
	}
	w.ok(w.PurgeForgotten(ctx))
	if !w.knows(salon) || w.knows(conversation) {
		t.Errorf("the salon is there: %v, the conversation: %v", w.knows(salon), w.knows(conversation))
	}
}

// A reported event is told with who sent it.
func TestReportsAreKept(t *testing.T) {
	ctx := context.Background()
	w := start(t)
	alice, bob := w.account("alice"), w.account("bob")
	room := w.create(alice, rooms.CreateRequest{Preset: "public_chat"})
	w.ok(w.Join(ctx, bob, room, ""))
	id, err := w.say(alice, room, "spam")
	w.ok(err)
	w.ok(w.ReportEvent(ctx, bob, room, id, "publicité"))
	w.ok(w.ReportRoom(ctx, bob, room, "vide"))
	w.ok(w.ReportUser(ctx, bob, alice.ID, ""))
	reports, err := store.Get(ctx, w.db, func(r *store.Reader) ([]store.Report, error) { return r.Reports(1<<62, 10) })
	w.ok(err)
	want := []store.Report{{ID: 3, UserID: alice.ID}, {ID: 2, RoomID: room, Reason: "vide"},
		{ID: 1, RoomID: room, EventID: id, UserID: alice.ID, Reason: "publicité"}}
	for i := range reports {
		reports[i].TS -= store.Millis(time.Now())
		if want[i].Reporter = bob.Atom; reports[i].TS > 0 || reports[i].TS < -60_000 {
			t.Error("reported at", reports[i].TS)
		}
		if reports[i].TS = 0; reports[i] != want[i] {
			t.Errorf("%+v, want %+v", reports[i], want[i])
		}
	}
	if len(reports) != len(want) {
		t.Error(len(reports), "reports")
	}
}
