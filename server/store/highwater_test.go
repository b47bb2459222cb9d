package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// addEvents stores n events, each in a commit of its own, and gives the size of the WAL after each.
func addEvents(t testing.TB, db *DB, n int) (sizes []int64) {
	t.Helper()
	for range n {
		write(t, db, func(tx *Tx) error {
			pos, err := tx.NextPos()
			if err != nil {
				return err
			}
			return tx.AddEvent(&Event{NID: NID(pos), Room: 1, ID: fmt.Sprint("$", pos), TS: time.Now().UnixMilli(), JSON: []byte(`{"a":"bcdefghijklmnop"}`)})
		})
		sizes = append(sizes, walSize(t, db))
	}
	return sizes
}

// copyServer copies a database, its WAL and its mark into a folder of their own, as they would be after a power cut.
func copyServer(t testing.TB, db *DB) (path string) {
	t.Helper()
	path = crashed(t, db.path)
	b, err := os.ReadFile(markPath(db.path))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, markPath(path), b)
	return path
}

func epoch(t testing.TB, db *DB) (n int64) {
	t.Helper()
	read(t, db, func(r *Reader) (err error) {
		n, err = r.MetaInt(MetaEpoch)
		return err
	})
	return n
}

func events(t testing.TB, db *DB) (n int64) {
	t.Helper()
	read(t, db, func(r *Reader) error {
		_, err := r.row(countEvents, nil, &n)
		return err
	})
	return n
}

// Wherever the write-ahead log is cut off, the server starts at the last whole commit and tells how many events are missing; positions go on above
// all that were given, in another epoch.
func TestACutOffWALIsTold(t *testing.T) {
	db := open(t)
	addEvents(t, db, 5)
	db.cp.checkpoint("TRUNCATE")
	sizes := addEvents(t, db, 60)
	db.cp.mark()
	published := db.Visible()
	rng := rand.New(rand.NewPCG(4, 8))
	for range 100 {
		cut := rng.Int64N(sizes[len(sizes)-1] + 1)
		left := int64(0) // commits that are whole
		for _, size := range sizes {
			if size <= cut {
				left++
			}
		}
		path := copyServer(t, db)
		if err := os.Truncate(path+"-wal", cut); err != nil {
			t.Fatal(err)
		}
		again := openAt(t, path)
		missing, lacks := again.Missing()
		if want := int64(60) - left; events(t, again) != 5+left || lacks != (want > 0) || missing.Events != want {
			t.Fatalf("cut at %d: %d events of %d, told %v %d", cut, events(t, again), 5+left, lacks, missing.Events)
		}
		if pos := nextPos(t, again); pos <= published || lacks && (epoch(t, again) == 0 || missing.To.Before(missing.From)) {
			t.Fatalf("cut at %d: position %d after %d, epoch %d, %v", cut, pos, published, epoch(t, again), missing)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		if after := openAt(t, path); after.lacks {
			t.Fatal("told twice")
		}
	}
}

// The mark is at most a minute old: what is above it does no harm.
func TestAKillTellsNothing(t *testing.T) {
	db := open(t)
	addEvents(t, db, 3)
	db.cp.mark()
	addEvents(t, db, 3)
	again := openAt(t, copyServer(t, db))
	if m, lacks := again.Missing(); lacks || epoch(t, again) != 0 || events(t, again) != 6 {
		t.Errorf("%v, epoch %d, %d events", m, epoch(t, again), events(t, again))
	}
	addEvents(t, again, 4)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if m, ok, err := ReadMark(again.path); err != nil || !ok || m.Events != 10 || m.Position != again.Visible() {
		t.Errorf("%+v %v %v, published %d", m, ok, err, again.Visible())
	}
}

// An old copy of the database put back, twice: each life has an epoch of its own, and no position is given twice.
func TestAnOldCopyPutBackIsTold(t *testing.T) {
	db := open(t)
	addEvents(t, db, 3)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(db.path)
	if err != nil {
		t.Fatal(err)
	}
	lastEpoch, lastPos := int64(0), int64(0)
	for range 3 {
		writeFile(t, db.path, old)
		life := openAt(t, db.path)
		if lastPos != 0 {
			if m, lacks := life.Missing(); !lacks || m.Events != 7 || m.From.IsZero() {
				t.Errorf("missing: %v %+v", lacks, m)
			}
			if e := epoch(t, life); e <= lastEpoch {
				t.Errorf("epoch %d after %d", e, lastEpoch)
			}
		}
		if pos := nextPos(t, life); pos <= lastPos {
			t.Errorf("position %d after %d", pos, lastPos)
		}
		addEvents(t, life, 7)
		lastEpoch, lastPos = epoch(t, life), life.Visible()
		if err := life.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// After a restore the mark of the life before does not count, wherever it lies.
func TestAMarkOfAnEarlierLifeDoesNotCount(t *testing.T) {
	db := open(t)
	addEvents(t, db, 3)
	write(t, db, func(tx *Tx) error {
		_, err := tx.AfterRestore(time.Now())
		return err
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := (Mark{Epoch: 7, Position: 1 << 60, Event: 1 << 60, Events: 1000}).write(db.path); err != nil {
		t.Fatal(err)
	}
	if m, lacks := openAt(t, db.path).Missing(); lacks {
		t.Error(m)
	}
}

func TestADamagedMarkDoesNotCount(t *testing.T) {
	db := open(t)
	addEvents(t, db, 3)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(markPath(db.path))
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		for bit := range 8 {
			whole[i] ^= 1 << bit
			writeFile(t, markPath(db.path), whole)
			whole[i] ^= 1 << bit
			if m, ok, err := ReadMark(db.path); ok || !errors.Is(err, ErrMark) {
				t.Fatalf("byte %d, bit %d: %+v %v", i, bit, m, err)
			}
		}
	}
	if again := openAt(t, db.path); again.lacks {
		t.Error("told of what is missing")
	}
}

func TestPurgedEventsAreNotMissing(t *testing.T) {
	db := open(t)
	addEvents(t, db, 3)
	db.cp.mark()
	write(t, db, func(tx *Tx) error { return errors.Join(tx.exec(`DELETE FROM event`), tx.NotePurge(3)) })
	again := openAt(t, copyServer(t, db))
	if m, lacks := again.Missing(); lacks {
		t.Error(m)
	}
	addEvents(t, db, 1)
	db.cp.mark()
	if m, _, err := ReadMark(db.path); err != nil || m.Events != 1 {
		t.Errorf("%+v %v", m, err)
	}
}

// Nothing changed, nothing is written; and a failure leaves the mark before.
func TestTheMarkIsMovedOnlyWhenItMoves(t *testing.T) {
	db := open(t)
	addEvents(t, db, 1)
	db.cp.mark()
	syncs := db.Syncs()
	db.cp.mark()
	if db.Syncs() != syncs {
		t.Error("it was written again")
	}
	m, _, _ := ReadMark(db.path)
	if err := os.Mkdir(filepath.Join(filepath.Dir(db.path), HighWaterName+".new"), 0o700); err != nil {
		t.Fatal(err)
	}
	addEvents(t, db, 1)
	db.cp.mark()
	if again, ok, err := ReadMark(db.path); again != m || !ok || err != nil {
		t.Errorf("%+v %v %v", again, ok, err)
	}
	if err := db.Write(context.Background(), func(*Tx) error { return nil }); err != nil {
		t.Error(err)
	}
}
