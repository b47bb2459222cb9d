package rooms_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"beffroi/server/rooms"
	"beffroi/server/store"
)

const lost = 1 << 32 // places that a restore leaves free

// restored opens a database as its server does after a number of restores.
func restored(t *testing.T, path string, epoch int64) *world {
	w := open(t, path)
	w.ok(w.db.Write(context.Background(), func(tx *store.Tx) error { return tx.PutMeta(store.MetaEpoch, epoch) }))
	return w
}

// places lists a room's places, and the ends of its gaps.
func (w *world) places(path, room string) (ords, gaps []int64) {
	w.Helper()
	var ref store.RoomRef
	w.ok(w.db.Read(context.Background(), func(r *store.Reader) error {
		found, _, err := r.FindRoom(room)
		if err != nil {
			return err
		}
		ref = found.Ref
		events, err := r.EventsForward(ref, store.OrdMin, store.OrdMax, 10000)
		for _, e := range events {
			ords = append(ords, e.Ord)
		}
		return err
	}))
	db := w.direct(path)
	defer db.Close()
	rows, err := db.QueryContext(context.Background(), `SELECT from_ord, to_ord FROM timeline_gap WHERE room = ? ORDER BY from_ord`, ref)
	w.ok(err)
	defer rows.Close()
	for rows.Next() {
		var from, to int64
		w.ok(rows.Scan(&from, &to))
		gaps = append(gaps, from, to)
	}
	w.ok(rows.Err())
	return ords, gaps
}

// direct is a connection past the store.
func (w *world) direct(path string) *sql.DB {
	w.Helper()
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
	w.ok(err)
	return db
}

func (w *world) run(path, query string) {
	w.Helper()
	db := w.direct(path)
	defer db.Close()
	_, err := db.ExecContext(context.Background(), query)
	w.ok(err)
}

func TestARestoreLeavesAGapBeforeTheNextEvent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.db")
	w := open(t, path)
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{Preset: "public_chat"})
	_, err := w.say(alice, room, "before")
	w.ok(err)
	before, gaps := w.places(path, room)
	last := before[len(before)-1]
	if len(gaps) != 0 || last != int64(len(before)) {
		t.Fatal(before, gaps)
	}
	w.ok(w.db.Close())

	w = restored(t, path, 1)
	if ords, gaps := w.places(path, room); !slices.Equal(ords, before) || len(gaps) != 0 {
		t.Error("the gap comes with the next event, not before:", ords, gaps)
	}
	var all sync.WaitGroup
	for i := range 20 { // many at once: one gap
		all.Go(func() {
			if _, err := w.say(alice, room, fmt.Sprint("after ", i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	ords, gaps := w.places(path, room)
	for i := range 20 {
		if want := last + lost + int64(i); ords[len(before)+i] != want {
			t.Fatalf("event %d after the restore has place %d, want %d", i, ords[len(before)+i], want)
		}
	}
	if !slices.Equal(gaps, []int64{last, last + lost}) {
		t.Error("gaps:", gaps)
	}
	if seen := w.sees(alice, room); len(seen) != len(ords) {
		t.Errorf("%d of %d events can be read across the gap", len(seen), len(ords))
	}
	fresh := w.create(alice, rooms.CreateRequest{})
	if ords, gaps := w.places(path, fresh); ords[0] != 1 || len(gaps) != 0 {
		t.Error("a room made after the restore:", ords, gaps)
	}
	w.ok(w.db.Close())

	// a restart is no restore
	w = open(t, path)
	_, err = w.say(alice, room, "restarted")
	w.ok(err)
	now, gaps := w.places(path, room)
	if at := now[len(now)-1]; at != ords[len(ords)-1]+1 || len(gaps) != 2 {
		t.Error("after a restart:", at, gaps)
	}
	w.ok(w.db.Close())

	// what two restores without a word between them lost are two lives, whose places were given twice over
	w = restored(t, path, 3)
	_, err = w.say(alice, room, "much later")
	w.ok(err)
	later, gaps := w.places(path, room)
	if at := later[len(later)-1]; at != now[len(now)-1]+2*lost || len(gaps) != 4 {
		t.Error("after two restores more:", at, gaps)
	}
}

func TestAWriteThatFailsAfterARestoreLeavesTheGapToTheNext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.db")
	w := open(t, path)
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{})
	before, _ := w.places(path, room)
	w.ok(w.db.Close())
	w = restored(t, path, 1)
	w.run(path, `CREATE TRIGGER refuse BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'refused'); END`)
	if _, err := w.say(alice, room, "refused"); err == nil {
		t.Fatal("the write did not fail")
	}
	w.run(path, `DROP TRIGGER refuse`)
	_, err := w.say(alice, room, "accepted")
	w.ok(err)
	ords, gaps := w.places(path, room)
	last := before[len(before)-1]
	if !slices.Equal(gaps, []int64{last, last + lost}) || ords[len(ords)-1] != last+lost {
		t.Error(ords, gaps)
	}
}
