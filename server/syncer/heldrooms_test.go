package syncer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"beffroi/server/rooms"
	"beffroi/server/syncer"
)

// A syncer that holds the rooms of who asked before says the same as one that reads all of them.
func TestHeldRoomsAreThoseOfTheDatabase(t *testing.T) {
	w := start(t)
	held := w.syncer
	users := []rooms.User{w.user("alice"), w.user("bob"), w.user("carol")}
	ids := []string{w.create(users[0], rooms.CreateRequest{}), w.create(users[1], rooms.CreateRequest{}),
		w.create(users[2], rooms.CreateRequest{Preset: "private_chat", Invite: []string{users[0].ID}}), w.create(users[2], rooms.CreateRequest{})}
	rnd := rand.New(rand.NewPCG(5, 6))
	for n := range 300 {
		act(w, rnd, n, users[rnd.IntN(3)], users[rnd.IntN(3)], ids[rnd.IntN(4)])
		if n%7 == 0 {
			_ = w.rooms.Forget(context.Background(), users[rnd.IntN(3)], ids[rnd.IntN(4)]) // of a room that they have left
		}
		u, body := users[rnd.IntN(3)], fmt.Sprintf(`{"lists":{"a":{"range":[0,%d],"timeline_limit":1,"required_state":{}}},"extensions":{"receipts":{"enabled":true}}}`, rnd.IntN(4))
		w.syncer = held
		got := w.slide(u, "", body)
		w.syncer = syncer.New(w.db, w.hub, time.Now, 0, syncer.Sources{Ephemeral: w.ephemeral, E2EE: w.e2ee, Push: w.push})
		if fresh := w.slide(u, "", body); told(got) != told(fresh) {
			t.Fatalf("%d: held\n%s\nfresh\n%s", n, told(got), told(fresh))
		}
	}
}

// told is an answer without its token and the ages of its events.
func told(res gjson.Result) string {
	return res.Get("lists").Raw + plainly(res.Get("rooms")) + plainly(res.Get("extensions"))
}
