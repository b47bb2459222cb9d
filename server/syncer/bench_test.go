package syncer_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

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
			reads, cpu := w.db.Reads(), used(b)
			for b.Loop() {
				w.sync(alice, token, lazy)
			}
			b.ReportMetric(float64(w.db.Reads()-reads)/float64(b.N), "statements/op")
			b.ReportMetric(float64(used(b)-cpu)/float64(b.N)/1e6, "CPU-ms/op")
		})
	}
}

// used is the processor's time that this process had: others may use the machine too.
func used(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSliding measures the first window of 20 rooms of 100, a look that finds nothing, and the look after a wake for one message.
func BenchmarkSliding(b *testing.B) {
	w := start(b)
	alice := w.user("alice")
	var room string
	for range 100 {
		room = w.create(alice, rooms.CreateRequest{Name: "x"})
		for i := range 20 {
			w.say(alice, room, fmt.Sprint(i))
		}
	}
	body := window(0, 19, 20, "")
	for _, name := range []string{"first window", "nothing new"} {
		b.Run(name, func(b *testing.B) {
			token := ""
			if name == "nothing new" {
				token = pos(w.slide(alice, "", body))
			}
			reads, cpu := w.db.Reads(), used(b)
			for b.Loop() {
				res := w.slide(alice, token, body)
				if token != "" {
					token = pos(res)
				}
			}
			b.ReportMetric(float64(w.db.Reads()-reads)/float64(b.N), "statements/op")
			b.ReportMetric(float64(used(b)-cpu)/float64(b.N)/1e6, "CPU-ms/op")
		})
	}
	b.Run("one message", func(b *testing.B) {
		token := pos(w.slide(alice, "", body))
		var statements int64
		var cpu time.Duration
		for b.Loop() {
			b.StopTimer()
			w.say(alice, room, "x")
			reads, before := w.db.Reads(), used(b)
			b.StartTimer()
			token = pos(w.slide(alice, token, body))
			statements, cpu = statements+w.db.Reads()-reads, cpu+used(b)-before
		}
		b.ReportMetric(float64(statements)/float64(b.N), "statements/op")
		b.ReportMetric(float64(cpu)/float64(b.N)/1e6, "CPU-ms/op")
	})
}
