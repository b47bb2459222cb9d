package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
	"text/tabwriter"
	"time"

	"beffroi/server/rooms"
	"beffroi/server/store"
)

// TestLargeRoom compares a room of very many members and messages with a room of two: what a send reads and writes, the state at any event,
// memory.
func TestLargeRoom(t *testing.T) {
	slowly(t)
	members, messages, n := 300, 400, 20
	if *measure {
		members, messages, n = 10_000, 50_000, 2_000
	}
	w := &world{TB: t, path: filepath.Join(folder(t), "beffroi.db")}
	w.open()
	defer func() { w.close() }()
	l := largeRoom{world: w, people: make([]rooms.User, members)}
	for i := range l.people {
		l.people[i] = w.user(i)
	}
	small := l.make(2)
	l.id = l.make(members)
	l.talk(messages)

	in2, inMany := l.oneSend(small), l.oneSend(l.id)
	if in2 != inMany {
		t.Errorf("a send in a room of %d reads and writes %+v, in a room of 2 %+v", members, inMany, in2)
	}
	fmt.Printf("a send reads and writes %+v in a room of 2, %+v in one of %d\n", in2, inMany, members)
	if *measure {
		l.measure(small, n)
	}
}

type largeRoom struct {
	*world
	people []rooms.User
	id     string
}

// make makes a room of the first members people. They join eight at a time.
func (l *largeRoom) make(members int) string {
	id, err := l.Create(context.Background(), l.people[0], &rooms.CreateRequest{Preset: "public_chat", Name: "Conseil"})
	l.ok(err)
	_, err = spread(members-1, 8, func(_, i int) error { return l.Join(context.Background(), l.people[i+1], id, "") })
	l.ok(err)
	return id
}

func (l *largeRoom) talk(messages int) {
	content := json.RawMessage(`{"msgtype":"m.text","body":"Bonjour à toutes et à tous, le conseil municipal se réunit mardi à 18 h 30 en mairie."}`)
	_, err := spread(messages, 8, func(_, i int) error {
		_, err := l.Send(context.Background(), l.people[i%len(l.people)], l.id, "m.room.message", fmt.Sprint("talk", i), content)
		return err
	})
	l.ok(err)
}

type rowCount struct{ Read, Written int64 }

// oneSend counts the rows of a send by somebody whose membership was looked at before.
func (l *largeRoom) oneSend(roomID string) rowCount {
	for i := range 2 {
		read, written := l.db.Rows()
		_, err := l.Send(context.Background(), l.people[1], roomID, "m.room.message", fmt.Sprint("count", i), json.RawMessage(`{"body":"1"}`))
		l.ok(err)
		readAfter, writtenAfter := l.db.Rows()
		if i == 1 {
			return rowCount{readAfter - read, writtenAfter - written}
		}
	}
	return rowCount{}
}

// measure prints the figures of the large room.
func (l *largeRoom) measure(small string, n int) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "what\tp50 µs\tp95 µs\tCPU µs\tKB written\tsyncs\t")
	fmt.Fprintf(w, "one fdatasync of 16 KB\t%d\t\t\t\t\t\n", l.sync().Microseconds())
	for _, clients := range []int{1, 8} {
		load := Load{Name: fmt.Sprint("send, clients: ", clients), PID: os.Getpid(), N: n, Clients: clients}
		r, err := load.Run(func(client, i int) error {
			_, err := l.Send(context.Background(), l.people[client], l.id, "m.room.message", fmt.Sprint(clients, "/", i), json.RawMessage(`{"body":"1"}`))
			return err
		})
		l.ok(err)
		l.print(w, r)
	}
	load := Load{Name: "state at an event", PID: os.Getpid(), N: 200, Clients: 1}
	r, err := load.Run(func(_, i int) error { return l.stateAtRandom(uint64(i)) })
	l.ok(err)
	l.print(w, r)
	l.ok(w.Flush())
	l.printMemory("active")
	l.late.Store(int64(time.Hour))
	l.ok(l.Join(context.Background(), l.people[2], small, "")) // who looks at another room finds that this one is idle
	l.printMemory("after an hour without use")
}

func (l *largeRoom) print(w *tabwriter.Writer, r Result) {
	n := float64(r.N)
	fmt.Fprintf(w, "%s\t%d\t%d\t%.0f\t%.1f\t%.2f\t\n", r.Name, r.P50.Microseconds(), r.P95.Microseconds(), float64(r.CPU.Microseconds())/n,
		float64(r.Written)/n/1000, float64(r.Syncs)/n)
}

// sync measures what the disk takes to make a little durable.
func (l *largeRoom) sync() time.Duration {
	f, err := os.Create(filepath.Join(filepath.Dir(l.path), "sync"))
	l.ok(err)
	defer f.Close()
	times, err := spread(200, 1, func(int, int) error {
		if _, err := f.Write(make([]byte, 16<<10)); err != nil {
			return err
		}
		return f.Sync()
	})
	l.ok(err)
	var r Result
	r.rank(times)
	return r.P50
}

// stateAtRandom reads the whole state's entries at some event of the timeline.
func (l *largeRoom) stateAtRandom(seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 1))
	return l.db.Read(context.Background(), func(r *store.Reader) error {
		room, _, err := r.FindRoom(l.id)
		if err != nil {
			return err
		}
		last, _, err := r.LastPlace(room.Ref)
		if err != nil {
			return err
		}
		place, _, err := r.PlaceAt(room.Ref, 1+random.Int64N(last.Ord))
		if err != nil {
			return err
		}
		e, _, err := r.Event(place.NID)
		if err != nil {
			return err
		}
		_, err = r.GroupState(e.State)
		return err
	})
}

// printMemory prints what is resident once nothing is left over.
func (l *largeRoom) printMemory(when string) {
	runtime.GC()
	debug.FreeOSMemory()
	now, err := used(os.Getpid())
	l.ok(err)
	fmt.Printf("resident, %s: %d MB\n", when, now.resident>>20)
}
