package interop

import (
	"slices"
	"testing"

	"beffroi/server/servertest"
)

// Both clients write in a thread of an encrypted room, edit and delete, and read it by the list of threads and the relations of its root:
// they count the same, and say the same.
func TestTwoClientsShareAThread(t *testing.T) {
	js, mx := javascript(t), mautrix(t)
	server := servertest.Start(t)
	for _, user := range []string{"alice", "bob"} {
		server.Register(t, user)
	}
	r := startRelay(t, server.URL)
	alice, bob := login(t, js, r, "alice"), login(t, mx, r, "bob")
	k := startSalon(t, alice, bob)
	k.says(bob, "une autre question")
	root := k.says(alice, "ordre du jour ?")
	k.says(bob, "pas encore")
	k.seen()
	first := k.send(bob, "reply", k.args("event", root, "body", "la cantine"))
	second := k.send(alice, "reply", k.args("event", root, "body", "et la voirie"))
	deleted := k.send(bob, "reply", k.args("event", root, "body", "à retirer"))
	k.send(bob, "edit", k.args("event", first, "body", "la cantine scolaire"))
	k.send(alice, "edit", k.args("event", second, "body", "et la voirie, enfin"))
	k.send(bob, "redact", k.args("event", deleted))
	for _, d := range k.devices {
		var seen struct {
			Count        int
			Latest       string
			Participated bool
			Bodies       []string
		}
		d.must("thread", k.args("event", root), &seen)
		if seen.Count != 2 || seen.Latest != second || !seen.Participated ||
			!slices.Equal(seen.Bodies, []string{"la cantine scolaire", "et la voirie, enfin"}) {
			t.Errorf("%s sees %+v, want the thread up to %s", d.name, seen, second)
		}
	}
	r.verify(t)
}
