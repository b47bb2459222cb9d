package bench

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"beffroi/server/media"
	"beffroi/server/notify"
	"beffroi/server/scrub"
	"beffroi/server/store"
)

// TestScrub shows what a scrub of a town hall's server costs, and what it costs those who write meanwhile.
func TestScrub(t *testing.T) {
	slowly(t)
	events, files, bytes := 50_000, 40, 1<<20
	if !*measure {
		events, files, bytes = 60, 2, 1000
	}
	dir := t.TempDir()
	w := &world{TB: t, path: filepath.Join(dir, store.FileName)}
	newFile(t, w.path, store.PageSize)
	w.open()
	defer w.close()
	rooms := w.fillRooms(events)
	w.fillMedia(dir, files, bytes)

	alone := w.sends(rooms[0], 300)
	for _, rest := range []float64{0, 2} {
		ended := make(chan scrub.Report, 1)
		before := resident(t)
		most := before
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			defer cancel()
			r, err := scrub.Run(context.Background(), scrub.Config{DataDir: dir, Rest: rest})
			if err != nil || len(r.Findings) > 0 {
				t.Error(err, r.Findings)
			}
			ended <- r
		}()
		var beside []time.Duration
		for ctx.Err() == nil {
			beside = append(beside, w.sends(rooms[0], 20)...)
			most = max(most, resident(t))
		}
		r := <-ended
		slices.Sort(beside)
		if r.Events < int64(events) || r.Files < int64(files) {
			t.Errorf("it saw %d events and %d files", r.Events, r.Files)
		}
		t.Logf("rest %.0f: %d rows, %d events, %d MB of files, database %d MB: %v, %d MB of memory more at most; a send alone p50 %v p95 %v, beside it p50 %v p95 %v p99 %v",
			rest, r.Rows, r.Events, r.Bytes>>20, size(t, w.path)>>20, r.Took.Round(time.Millisecond), (most-before)>>20,
			percentile(alone, 50), percentile(alone, 95), percentile(beside, 50), percentile(beside, 95), percentile(beside, 99))
	}
}

// fillRooms sends messages into rooms of 20 members.
func (w *world) fillRooms(events int) (rooms []string) {
	for range 10 {
		rooms = append(rooms, w.room(20))
	}
	contents := map[string][]byte{}
	for _, id := range rooms {
		contents[id] = w.fill(plain(), id)
	}
	_, err := spread(events, 8, func(client, i int) error {
		id := rooms[i%len(rooms)]
		_, err := w.Send(context.Background(), w.user(client), id, "m.room.message", fmt.Sprint("fill ", i), contents[id])
		return err
	})
	w.ok(err)
	return rooms
}

func (w *world) fillMedia(dir string, files, size int) {
	s, err := media.New(w.db, notify.New(), media.Config{DataDir: dir, ServerName: "mairie.test", MaxUpload: 1 << 30}, time.Now, rand.NewChaCha8([32]byte{}))
	w.ok(err)
	source := rand.NewChaCha8([32]byte{1})
	for i := range files {
		b := make([]byte, size)
		_, _ = source.Read(b)
		_, err := s.Upload(context.Background(), media.Upload{Uploader: w.user(0).Atom, FileName: fmt.Sprint(i)}, bytes.NewReader(b))
		w.ok(err)
	}
}

// sends sends messages one after the other, and gives how long each took, sorted.
func (w *world) sends(room string, n int) []time.Duration {
	times, err := spread(n, 1, func(_, i int) error {
		_, err := w.Send(context.Background(), w.user(1), room, "m.room.message", fmt.Sprint(time.Now().UnixNano()), []byte(`{"msgtype":"m.text","body":"x"}`))
		return err
	})
	w.ok(err)
	slices.Sort(times)
	return times
}

// resident is what this process has in memory, in bytes.
func resident(t *testing.T) int64 {
	n, err := field(os.Getpid(), "status", "VmRSS:")
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}
