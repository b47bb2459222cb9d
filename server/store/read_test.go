package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
)

func TestAReadIsASnapshot(t *testing.T) {
	db := open(t)
	write(t, db, func(tx *Tx) error { return errors.Join(tx.PutMeta("a", 1), tx.PutMeta("b", 1)) })
	err := db.Read(context.Background(), func(r *Reader) error {
		a, err := r.MetaInt("a")
		write(t, db, func(tx *Tx) error { return errors.Join(tx.PutMeta("a", 2), tx.PutMeta("b", 2)) })
		b, err2 := r.MetaInt("b")
		if a != 1 || b != 1 {
			t.Errorf("one read sees a = %d and b = %d", a, b)
		}
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
	if metaInt(t, db, "b") != 2 {
		t.Error("the next read doesn't see the write")
	}
}

// Rows of one write are seen together or not at all, whoever else writes in its group.
func TestReadersSeeWholeWrites(t *testing.T) {
	db := open(t)
	done := make(chan struct{})
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				_ = db.Read(context.Background(), func(r *Reader) error {
					a, err := r.MetaInt("a")
					b, err2 := r.MetaInt("b")
					if err = errors.Join(err, err2); err != nil || a != b {
						t.Errorf("a = %d, b = %d, %v", a, b, err)
					}
					return err
				})
			}
		})
	}
	for i := range 100 {
		write(t, db, func(tx *Tx) error { return errors.Join(tx.PutMeta("a", i), tx.PutMeta("b", i)) })
	}
	close(done)
	all.Wait()
}

func TestReadsDontWrite(t *testing.T) {
	db := open(t)
	err := db.Read(context.Background(), func(r *Reader) error {
		_, err := r.conn.exec(r.ctx, putMeta, "x", 1)
		return err
	})
	if err == nil || metaInt(t, db, "x") != 0 {
		t.Error("a reader wrote:", err)
	}
}

func TestAReadEndsWithItsContextAndItsConnectionGoesOn(t *testing.T) {
	db := open(t)
	endless := `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n`
	for range 2 * readers { // each connection of the pool
		ctx, cancel := context.WithCancel(context.Background())
		err := db.Read(ctx, func(r *Reader) error {
			go cancel()
			return r.rows(endless, nil, func(rows *sql.Rows) error { return rows.Scan(new(int64)) })
		})
		if !errors.Is(err, context.Canceled) {
			t.Error("an endless query ended:", err)
		}
		err = db.Read(ctx, func(r *Reader) error {
			t.Error("a read began whose context had ended")
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	for range 2 * readers {
		metaInt(t, db, "x")
	}
}

func TestAPanicInAReadLeavesItsConnectionUsable(t *testing.T) {
	db := open(t)
	for range 2 * readers {
		func() {
			defer func() { _ = recover() }()
			_ = db.Read(context.Background(), func(r *Reader) error {
				if _, err := r.MetaInt("x"); err != nil {
					t.Error(err)
				}
				panic("of a reader")
			})
		}()
	}
	write(t, db, func(tx *Tx) error { return tx.PutMeta("x", 1) })
	for range 2 * readers {
		if metaInt(t, db, "x") != 1 {
			t.Fatal("a connection still has its old snapshot")
		}
	}
}

// Close waits for the reads that run; what comes later is told so at once.
func TestCloseWaitsForReads(t *testing.T) {
	db := open(t)
	write(t, db, func(tx *Tx) error { return tx.PutMeta("x", 1) })
	reading, gate := make(chan struct{}), make(chan struct{})
	read, closed := make(chan error, 1), make(chan error, 1)
	go func() {
		read <- db.Read(context.Background(), func(r *Reader) error {
			close(reading)
			<-gate
			v, err := r.MetaInt("x")
			if v != 1 {
				t.Error("it reads", v)
			}
			return err
		})
	}()
	<-reading
	go func() { closed <- db.Close() }()
	<-db.w.ended // so Close has come to the readers
	select {
	case err := <-closed:
		t.Fatal("Close didn't wait:", err)
	default:
	}
	close(gate)
	if err := errors.Join(<-read, <-closed); err != nil {
		t.Error(err)
	}
	if err := db.Read(context.Background(), func(*Reader) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Error("a read after Close:", err)
	}
}
