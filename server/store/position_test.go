package store

import (
	"context"
	"errors"
	"testing"
)

func nextPos(t testing.TB, db *DB) (pos int64) {
	t.Helper()
	write(t, db, func(tx *Tx) (err error) {
		pos, err = tx.NextPos()
		return err
	})
	return pos
}

func TestPositionsRiseAcrossRestartsAndCrashes(t *testing.T) {
	db := open(t)
	last := int64(0)
	for restart := range 4 {
		for range reservation/2 + 100 { // so that every other run crosses a reservation
			pos := nextPos(t, db)
			if pos <= last || db.Visible() != pos {
				t.Fatalf("run %d: position %d after %d, %d published", restart, pos, last, db.Visible())
			}
			last = pos
		}
		published := db.Visible()
		if restart%2 == 0 {
			db = openAt(t, crashed(t, db.path))
		} else {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			db = openAt(t, db.path)
		}
		if db.Visible() < published {
			t.Fatalf("%d is published after a restart, %d was before", db.Visible(), published)
		}
	}
}

// A failed write that took the positions over the edge of the reservation takes the new reservation with it. What is
// published after it must not lie above what a restart begins at: a token would skip what comes then.
func TestPositionsOfAFailedWriteAreNotPublishedAboveTheReservation(t *testing.T) {
	for name, fail := range map[string]func(db *DB, fn func(tx *Tx) error) error{
		"alone": func(db *DB, fn func(tx *Tx) error) error { return db.Write(context.Background(), fn) },
		"in a group": func(db *DB, fn func(tx *Tx) error) error {
			release := hold(db)
			failed := db.Submit(context.Background(), fn)
			beside := db.Submit(context.Background(), func(tx *Tx) error { return tx.PutMeta("beside", 1) })
			release()
			return errors.Join(beside.Wait(), failed.Wait())
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			before := nextPos(t, db)
			lost := int64(0)
			err := fail(db, func(tx *Tx) (err error) {
				for range reservation {
					if lost, err = tx.NextPos(); err != nil {
						return err
					}
				}
				return errOwn
			})
			if !errors.Is(err, errOwn) {
				t.Fatal(err)
			}
			write(t, db, func(tx *Tx) error { return tx.PutMeta("x", 1) }) // publishes
			published := db.Visible()
			again := openAt(t, crashed(t, db.path))
			if pos := nextPos(t, again); published < before || pos <= published {
				t.Errorf("after a restart position %d is given, %d was published", pos, published)
			}
			if pos := nextPos(t, db); pos <= lost {
				t.Errorf("without a restart position %d is given again", pos)
			}
		})
	}
}
