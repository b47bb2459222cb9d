package syncer_test

import (
	"fmt"
	"testing"

	"beffroi/server/rooms"
)

// BenchmarkSync measures a look for somebody in 100 rooms: the whole, and one new message, with the statements that each takes.
func BenchmarkSync(b *testing.B) {
	w := start(b)
	alice := w.user("alice")
	var room string
	for range 100 {
		room = w.create(alice, rooms.CreateRequest{Name: "x"})
		for i := range 20 {
			w.say(alice, room, fmt.Sprint(i))
		}
	}
	lazy := filtered(`{"room":{"state":{"lazy_load_members":true}}}`)
	since := next(w.sync(alice, ""))
	w.say(alice, room, "x")
	for name, token := range map[string]string{"initial": "", "one message": since} {
		b.Run(name, func(b *testing.B) {
			reads := w.db.Reads()
			for b.Loop() {
				w.sync(alice, token, lazy)
			}
			b.ReportMetric(float64(w.db.Reads()-reads)/float64(b.N), "statements/op")
		})
	}
}
