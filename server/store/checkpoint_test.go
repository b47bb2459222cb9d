package store

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// fill writes about n bytes in writes of 256 KiB.
func fill(t testing.TB, db *DB, n int) {
	t.Helper()
	value := strings.Repeat("x", 256<<10)
	for i := range n / len(value) {
		write(t, db, func(tx *Tx) error { return tx.PutMeta(fmt.Sprint("fill ", i%16), value) })
	}
}

func walSize(t testing.TB, db *DB) int64 {
	t.Helper()
	info, err := os.Stat(db.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestTheWALStaysBounded(t *testing.T) {
	db := open(t)
	fill(t, db, 48<<20)
	if size := walSize(t, db); size > 6*walTarget {
		t.Errorf("after 48 MiB the WAL has %d bytes", size)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(db.path + "-wal"); !os.IsNotExist(err) {
		t.Error("the WAL is still there after Close:", err)
	}
}

// Readers that overlap keep the WAL from beginning anew; from walLimit on a checkpoint waits for them.
func TestTheWALStaysBoundedWithReadersThatOverlap(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 96 MiB")
	}
	db := open(t)
	begun := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	end := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	read := func(i int) {
		_ = db.Read(context.Background(), func(r *Reader) error {
			_, err := r.MetaInt("x") // now it has its snapshot
			begun[i] <- struct{}{}
			<-end[i]
			return err
		})
	}
	go read(0)
	<-begun[0]
	for step := range 12 {
		now, next := step%2, (step+1)%2
		fill(t, db, 4<<20)
		go read(next)
		<-begun[next]
		fill(t, db, 4<<20)
		end[now] <- struct{}{}
	}
	end[0] <- struct{}{}
	if size := walSize(t, db); size > walLimit+4*walTarget {
		t.Errorf("after 96 MiB the WAL has %d bytes", size)
	}
}

// Writers that never pause, beside readers that are never all away: no moment is there in which everything is in the database and nobody reads.
func TestTheWALStaysBoundedUnderWritersWithoutPause(t *testing.T) {
	db := open(t)
	value := strings.Repeat("x", 8<<10)
	ctx, stop := context.WithCancel(t.Context())
	var writing, reading sync.WaitGroup
	for range 8 {
		reading.Go(func() {
			for ctx.Err() == nil {
				_ = db.Read(ctx, func(r *Reader) error {
					for range 20 {
						if _, err := r.MetaText("fill 1 1"); err != nil {
							return err
						}
					}
					return nil
				})
			}
		})
	}
	for w := range 8 {
		writing.Go(func() {
			for i := range 512 { // 4 MiB each
				if err := db.Write(t.Context(), func(tx *Tx) error { return tx.PutMeta(fmt.Sprint("fill ", w, " ", i%64), value) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	stop()
	reading.Wait()
	size := walSize(t, db) // it never shrinks while the database is open
	t.Logf("after 32 MiB the WAL has %d MiB", size>>20)
	if size > 6*walTarget {
		t.Errorf("after 32 MiB the WAL has %d bytes", size)
	}
}
