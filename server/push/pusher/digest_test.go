package pusher

import (
	"testing"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
)

const (
	mailApp = "m.email"
	address = "bruno@mairie.example"
)

func TestADigestTellsWhatStayedUnread(t *testing.T) {
	w := newWorld(t)
	anna, bruno := w.user("anna"), w.user("bruno")
	room, other := w.room("Voirie", anna, bruno), w.room("", anna, bruno)
	w.set(bruno, kindEmail, mailApp, address, "{}")
	w.send(anna, room, "secret")
	w.pass(20 * time.Minute)
	w.send(anna, room, "secret")
	w.send(anna, other, "secret")
	if len(w.mails) > 0 {
		t.Fatal("at once")
	}
	w.pass(11 * time.Minute)
	if len(w.mails) != 1 {
		t.Fatalf("%+v", w.mails)
	}
	m := w.mails[0]
	if m.To != address || m.Lang != "x" || m.UserID != bruno.ID || m.Token == "" || m.More != 0 || len(m.Rooms) != 2 ||
		m.Rooms[0] != (DigestRoom{"Voirie", 2, 0}) || m.Rooms[1] != (DigestRoom{anna.ID, 1, 0}) {
		t.Errorf("%+v", m)
	}
	w.pass(48 * time.Hour)
	if len(w.mails) != 1 {
		t.Error("what was told is told again")
	}
	w.send(anna, room, "secret")
	w.pass(31 * time.Minute)
	if len(w.mails) != 2 || w.mails[1].Rooms[0].Unread != 3 {
		t.Errorf("%+v", w.mails)
	}
	w.send(anna, room, "secret")
	w.pass(23 * time.Hour)
	if len(w.mails) != 2 {
		t.Error("two in a day")
	}
	w.pass(2 * time.Hour)
	if len(w.mails) != 3 {
		t.Error("none after a day")
	}
}

func TestNoDigestOfWhatIsRead(t *testing.T) {
	w := newWorld(t)
	anna, bruno := w.user("anna"), w.user("bruno")
	room := w.room("Voirie", anna, bruno)
	w.set(bruno, kindEmail, mailApp, address, "{}")
	id := w.send(anna, room, "x")
	w.round()
	w.read(bruno, room, id)
	w.pass(time.Hour)
	if len(w.mails) > 0 {
		t.Errorf("%+v", w.mails)
	}
	w.send(anna, room, "x") // and none was sent, so none holds this one up
	w.pass(31 * time.Minute)
	if len(w.mails) != 1 {
		t.Errorf("%+v", w.mails)
	}
}

// A start tells what waited, once.
func TestDigestsAfterAStart(t *testing.T) {
	w := newWorld(t)
	anna, bruno := w.user("anna"), w.user("bruno")
	room := w.room("Voirie", anna, bruno)
	w.set(bruno, kindEmail, mailApp, address, "{}")
	w.send(anna, room, "x")
	w.pass(10 * time.Minute)
	w.loop = newLoop(w.Service)
	w.status = 500 // the queue takes nothing
	w.pass(time.Hour)
	w.status = 200
	w.pass(time.Hour)
	if len(w.mails) != 1 {
		t.Fatalf("%+v", w.mails)
	}
	w.pass(time.Minute)
	w.loop = newLoop(w.Service)
	w.pass(48 * time.Hour)
	if len(w.mails) != 1 {
		t.Errorf("%+v", w.mails)
	}
}

func TestDigestsOfAccounts(t *testing.T) {
	for state, want := range map[store.AccountState]struct {
		mails int
		kept  bool
	}{store.AccountSuspended: {1, true}, store.AccountLocked: {0, true}, store.AccountDeactivated: {0, false}} {
		w := newWorld(t)
		anna, bruno := w.user("anna"), w.user("bruno")
		room := w.room("Voirie", anna, bruno)
		w.set(bruno, kindEmail, mailApp, address, "{}")
		w.ok(w.db.Write(t.Context(), func(tx *store.Tx) error { return tx.SetAccountState(bruno.Atom, state) }))
		w.send(anna, room, "x")
		w.pass(time.Hour)
		if len(w.mails) != want.mails || (w.pusher(1).ID != 0) != want.kept {
			t.Errorf("state %d: %+v", state, w.mails)
		}
	}
}

func TestWhoGetsDigests(t *testing.T) {
	w := newWorld(t)
	anna, bruno := w.user("anna"), w.user("bruno")
	room := w.room("Voirie", anna, bruno)
	w.owned = false
	name := "x"
	q := &Request{AppID: mailApp, Pushkey: address, Kind: kindEmail, AppName: &name, DeviceName: &name, Lang: &name, Data: []byte("{}")}
	if _, err := w.Set(t.Context(), Owner{User: bruno.Atom, Device: 1}, q); merr.From(err).Code != "M_INVALID_PARAM" {
		t.Error(err)
	}
	w.owned = true
	w.set(bruno, kindEmail, mailApp, address, "{}")
	w.ok(w.db.Write(t.Context(), func(tx *store.Tx) error {
		return w.DevicesDeleted(tx, bruno.Atom, []store.Device{{ID: bruno.Device}})
	}))
	token := w.pusher(1).Token
	if token == "" {
		t.Fatal("it ended with a device")
	}
	for _, no := range []string{"", "x"} {
		if found, err := w.Unsubscribe(t.Context(), no); found || err != nil {
			t.Error(no, found, err)
		}
	}
	w.owned = false // the address was taken out of the account
	w.send(anna, room, "x")
	w.pass(time.Hour)
	if len(w.mails) > 0 || w.pusher(1).ID != 0 {
		t.Errorf("%+v", w.mails)
	}
	w.owned = true
	w.set(bruno, kindEmail, mailApp, address, "{}")
	w.send(anna, room, "x")
	if found, err := w.Unsubscribe(t.Context(), w.pusher(2).Token); !found || err != nil {
		t.Error(found, err)
	}
	w.pass(time.Hour)
	if len(w.mails) > 0 || w.pusher(2).ID != 0 {
		t.Errorf("%+v", w.mails)
	}
}
