package syncer_test

import (
	"crypto/rand"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"

	"beffroi/server/accounts"
	"beffroi/server/ephemeral"
	"beffroi/server/rooms"
	"beffroi/server/syncer"
)

// withPresence begins a run of the process that knows who is here.
func (w *world) withPresence(now func() time.Time) {
	w.Helper()
	var err error
	w.ephemeral, err = ephemeral.New(w.db, w.hub, now, rand.Reader, zerolog.Nop(), true, nil)
	w.ok(err)
	w.Cleanup(w.ephemeral.Close)
	w.syncer = syncer.New(w.db, w.hub, time.Now, 0, syncer.Sources{Ephemeral: w.ephemeral, E2EE: w.e2ee, Push: w.push})
}

func (w *world) comes(u rooms.User, how string) {
	w.ephemeral.Polls(&accounts.Session{User: u.Atom, UserID: u.ID, Device: u.Device}, how)
}

// present gives how users are told to be.
func present(res gjson.Result) map[string]string {
	told := map[string]string{}
	for _, e := range res.Get("presence.events").Array() {
		told[e.Get("sender").Str] = e.Get("content.presence").Str
	}
	return told
}

// Who was here before a restart and does not come back is gone: those who saw them are told, once everybody had the time to come.
func TestWhoDoesNotComeBackAfterARestartIsGone(t *testing.T) {
	w := start(t)
	var clock atomic.Int64
	now := func() time.Time { return time.Unix(1_800_000_000+clock.Load(), 0) }
	w.withPresence(now)
	alice, bob, carol, stranger := w.user("alice"), w.user("bob"), w.user("carol"), w.user("stranger")
	w.join(w.create(alice, rooms.CreateRequest{}), bob, carol)
	for _, u := range []rooms.User{bob, carol, stranger} {
		w.comes(u, "unavailable")
	}
	res := w.sync(alice, "")
	want(t, "before", present(res), map[string]string{bob.ID: "unavailable", carol.ID: "unavailable"})
	before := next(res)

	w.withPresence(now)
	w.comes(alice, "offline")
	w.comes(carol, "unavailable")
	res = w.sync(alice, before)
	want(t, "just after the restart", present(res), map[string]string{carol.ID: "unavailable"})
	clock.Add(120)
	go func() { _ = w.ephemeral.Run(t.Context()) }()
	res = w.sync(alice, next(res), waiting(20*time.Second))
	want(t, "later", present(res), map[string]string{bob.ID: "offline"})
	want(t, "once", present(w.sync(alice, next(res))), map[string]string{})
	want(t, "who was away for longer", present(w.sync(alice, before)), map[string]string{bob.ID: "offline", carol.ID: "unavailable"})
	want(t, "who begins", present(w.sync(alice, "")), map[string]string{carol.ID: "unavailable"})
}
