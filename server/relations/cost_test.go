package relations_test

import (
	"fmt"
	"testing"

	"beffroi/server/relations"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// page reads the last 100 events of a room.
func page(w testing.TB, l *relations.Lens) []store.Event {
	events, err := l.Reader.EventsBackward(l.Room.Ref, store.OrdMax, store.OrdMin, 100)
	if err != nil || len(events) != 100 {
		w.Fatal(len(events), err)
	}
	return events
}

// plainRoom has 100 messages at its end to which nothing relates, after as many threads, edits and references as asked for.
func (w *world) plainRoom(alice rooms.User, threads int) string {
	w.Helper()
	room := w.create(alice, rooms.CreateRequest{})
	say := func(content map[string]any) string {
		id, err := w.send(alice, room, "m.room.message", content)
		w.ok(err)
		return id
	}
	for range threads {
		root := say(map[string]any{"body": "root"})
		for _, relType := range []string{"m.thread", "m.replace", "m.reference"} {
			say(map[string]any{"body": "x", "m.new_content": map[string]any{"body": "x"},
				"m.relates_to": map[string]any{"event_id": root, "rel_type": relType}})
		}
	}
	for i := range 100 {
		say(map[string]any{"body": fmt.Sprint(i)})
	}
	return room
}

// A page costs one statement where nothing relates to its events, and else the same few, however many relations there are.
func TestStatementsOfAPage(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	for threads, most := range map[int]int64{0: 1, 1: 6, 25: 6} {
		room := w.plainRoom(alice, threads)
		w.reading(room, alice, func(l *relations.Lens) {
			events, err := l.Reader.EventsBackward(l.Room.Ref, store.OrdMax-1, store.OrdMin, 100+4*threads)
			w.ok(err)
			before := w.db.Reads()
			bundles, err := l.Bundles(events)
			w.ok(err)
			if n := w.db.Reads() - before; n > most || len(bundles) != threads {
				t.Errorf("%d threads: %d statements for %d aggregations", threads, n, len(bundles))
			}
		})
	}
}

func BenchmarkBundles(b *testing.B) {
	w := start(b)
	alice := w.user("alice")
	for _, threads := range []int{0, 1000} {
		room := w.plainRoom(alice, threads)
		b.Run(fmt.Sprint("plain, threads before: ", threads), func(b *testing.B) {
			w.reading(room, alice, func(l *relations.Lens) {
				events := page(b, l)
				b.ResetTimer()
				for range b.N {
					_, err := l.Bundles(events)
					w.ok(err)
				}
			})
		})
	}
	room := w.plainRoom(alice, 1000)
	b.Run("25 threads", func(b *testing.B) {
		w.reading(room, alice, func(l *relations.Lens) {
			events, err := l.Reader.EventsForward(l.Room.Ref, 1000, store.OrdMax, 100)
			w.ok(err)
			b.ResetTimer()
			for range b.N {
				_, err := l.Bundles(events)
				w.ok(err)
			}
		})
	})
	b.Run("list of threads", func(b *testing.B) {
		w.reading(room, alice, func(l *relations.Lens) {
			for range b.N {
				_, err := l.Threads(store.OrdMax, false, 20)
				w.ok(err)
			}
		})
	})
	b.Run("thread of 1000, recursively", func(b *testing.B) { w.longThread(b, alice) })
}

func (w *world) longThread(b *testing.B, alice rooms.User) {
	room := w.create(alice, rooms.CreateRequest{})
	root, err := w.send(alice, room, "m.room.message", map[string]any{"body": "root"})
	w.ok(err)
	for range 1000 {
		_, err := w.send(alice, room, "m.room.message", map[string]any{"body": "x", "m.relates_to": map[string]any{"event_id": root, "rel_type": "m.thread"}})
		w.ok(err)
	}
	w.reading(room, alice, func(l *relations.Lens) {
		target, _, err := l.Reader.EventByID(root)
		w.ok(err)
		q := store.Relating{Target: target.NID, After: store.OrdMin, To: store.OrdMax, Limit: 50, Backward: true, Recurse: true}
		b.ResetTimer()
		for range b.N {
			_, err := l.Relating(q)
			w.ok(err)
		}
	})
}
