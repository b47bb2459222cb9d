package pusher

import (
	"fmt"
	"testing"

	"beffroi/server/store"
)

// What a message costs the loop, from the look to the gateway's answer: in small and large rooms with one device that is told, in a room where many are,
// and in one where nobody is.
func BenchmarkMessage(b *testing.B) {
	for _, c := range []struct{ members, told int }{{10, 1}, {10_000, 1}, {10_000, 100}, {10_000, 0}} {
		b.Run(fmt.Sprintf("members=%d/told=%d", c.members, c.told), func(b *testing.B) {
			w, room := crowded(b, c.members, c.told)
			anna := w.user("anna")
			for b.Loop() {
				b.StopTimer()
				w.send(anna, room, "x")
				w.told = nil
				b.StartTimer()
				w.turn()
			}
			if len(w.told) != c.told {
				b.Fatal(len(w.told), "were told")
			}
		})
	}
}

// turn is a round without reading the pushers anew.
func (w *world) turn() {
	for w.loop.step(w.Context(), false); w.loop.running > 0; w.loop.step(w.Context(), false) {
		w.loop.jobs.Wait()
		for len(w.loop.done) > 0 {
			w.loop.finish(<-w.loop.done)
		}
	}
}

// crowded makes a room with members of elsewhere, and some of here who have pushers. Somebody in another room has one, too.
func crowded(t testing.TB, members, told int) (w *world, room string) {
	w = newWorld(t)
	anna := w.user("anna")
	room = w.room("", anna)
	ref, err := store.Get(t.Context(), w.db, func(r *store.Reader) (store.Room, error) {
		found, _, err := r.FindRoom(room)
		return found, err
	})
	w.ok(err)
	w.ok(w.db.Write(t.Context(), func(tx *store.Tx) error {
		for i := range members {
			user, err := tx.Atom(fmt.Sprintf("@crowd%d:elsewhere", i))
			if err != nil {
				return err
			}
			if err := tx.PutMember(store.Member{Room: ref.Ref, User: user, Membership: store.Join}); err != nil {
				return err
			}
		}
		return nil
	}))
	for i := range told {
		u := w.user(fmt.Sprint("told", i))
		w.ok(w.rooms.Join(t.Context(), u, room, ""))
		w.set(u, kindHTTP, "app", fmt.Sprint(i), testGateway)
	}
	w.set(w.user("other"), kindHTTP, "app", "other", testGateway)
	return w, room
}

// What sending costs who sends: without pushers, with pushers of people who are not in the room, and with one in it. The loop's own work is BenchmarkMessage.
func BenchmarkSend(b *testing.B) {
	for name, pushers := range map[string][]string{"none": nil, "elsewhere": {"x", "y", "z"}, "here": {"anna"}} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b)
			room := w.room("", w.user("anna"), w.user("bruno"))
			for _, who := range pushers {
				w.set(w.user(who), kindHTTP, "app", who, testGateway)
			}
			bruno := w.user("bruno")
			b.ReportAllocs()
			for b.Loop() {
				w.send(bruno, room, "x")
			}
		})
	}
}
