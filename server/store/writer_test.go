package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"
)

var errOwn = errors.New("an error of the write's own")

func TestWaitingWritesShareOneCommit(t *testing.T) {
	db := open(t)
	release := hold(db)
	before := db.w.commits.Load()
	var waiting []*Pending
	for i := range maxGroup {
		waiting = append(waiting, db.Submit(context.Background(), func(tx *Tx) error { return tx.PutMeta(fmt.Sprint("n", i), i) }))
	}
	release()
	for i, p := range waiting {
		if err := p.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := metaInt(t, db, fmt.Sprint("n", i)); got != int64(i) {
			t.Errorf("write %d left %d", i, got)
		}
	}
	if got := db.w.commits.Load() - before; got != 2 {
		t.Errorf("%d commits for the holder and %d waiting writes, want 2", got, maxGroup)
	}
}

func TestWritersAtOnceShareCommits(t *testing.T) {
	db := open(t)
	const writers, each = 32, 30
	before := db.w.commits.Load()
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				write(t, db, func(tx *Tx) error { return tx.PutMeta(fmt.Sprint("w", w), i) })
			}
		})
	}
	all.Wait()
	if got := db.w.commits.Load() - before; got > writers*each/2 {
		t.Errorf("%d commits for %d writes", got, writers*each)
	}
}

// Each of these failures undoes its own write and no other of the group.
func TestAFailureUndoesItsOwnWriteAlone(t *testing.T) {
	for _, c := range []struct {
		name string
		fail func(tx *Tx) error
		want func(error) bool
	}{
		{"error", func(*Tx) error { return errOwn }, func(err error) bool { return errors.Is(err, errOwn) }},
		{"panic", func(*Tx) error { panic("of a write") }, func(err error) bool { return strings.Contains(err.Error(), "of a write") }},
		{"constraint", func(tx *Tx) error { return tx.exec(`INSERT INTO atom (id, text) VALUES (1, 'x')`) },
			func(err error) bool { return code(err) == sqlite3.SQLITE_CONSTRAINT }},
		{"statement", func(tx *Tx) error { return tx.exec(`INSERT INTO nowhere VALUES (1)`) },
			func(err error) bool { return code(err) == sqlite3.SQLITE_ERROR }},
		{"mismatch", func(tx *Tx) error { return tx.exec(`INSERT INTO atom (id, text) VALUES ('x', 'x')`) },
			func(err error) bool { return code(err) == sqlite3.SQLITE_MISMATCH }},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := open(t)
			failing := func(tx *Tx) error {
				return errors.Join(tx.PutMeta("of the failed one", 1), c.fail(tx))
			}
			release := hold(db)
			first := db.Submit(context.Background(), func(tx *Tx) error { return tx.PutMeta("first", 1) })
			failed := db.Submit(context.Background(), failing)
			last := db.Submit(context.Background(), func(tx *Tx) error { return tx.PutMeta("last", 1) })
			release()
			if err := errors.Join(first.Wait(), last.Wait()); err != nil {
				t.Error("others failed too:", err)
			}
			if err := failed.Wait(); err == nil || !c.want(err) {
				t.Error("the error is", err)
			}
			if err := db.Write(context.Background(), failing); err == nil || !c.want(err) {
				t.Error("alone, the error is", err)
			}
			for name, want := range map[string]int64{"first": 1, "last": 1, "of the failed one": 0} {
				if got := metaInt(t, db, name); got != want {
					t.Errorf("%q is %d, want %d", name, got, want)
				}
			}
		})
	}
}

func TestAWriteWhoseContextEndedDoesNotRun(t *testing.T) {
	db := open(t)
	release := hold(db)
	ctx, cancel := context.WithCancel(context.Background())
	dropped := db.Submit(ctx, func(tx *Tx) error { return tx.PutMeta("dropped", 1) })
	cancel()
	release()
	if err := dropped.Wait(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if metaInt(t, db, "dropped") != 0 {
		t.Error("it ran")
	}
	// One that runs already is not interrupted.
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	err := db.Write(ctx, func(tx *Tx) error {
		cancel()
		return tx.PutMeta("running", 1)
	})
	if err != nil || metaInt(t, db, "running") != 1 {
		t.Error("interrupted:", err)
	}
}

func TestOnCommitSeesWhatWasWritten(t *testing.T) {
	db := open(t)
	release := hold(db)
	var order []string
	var waiting []*Pending
	for i := range 3 {
		waiting = append(waiting, db.Submit(context.Background(), func(tx *Tx) error {
			pos, err := tx.NextPos()
			name := fmt.Sprint("n", i)
			for _, step := range []string{"a", "b"} {
				tx.OnCommit(func() {
					order = append(order, name+step)
					if got := metaInt(t, db, name); got != pos {
						t.Errorf("%s reads %d in OnCommit, wrote %d", name, got, pos)
					}
					if db.Visible() < pos {
						t.Errorf("%s: position %d is not published: %d is", name, pos, db.Visible())
					}
				})
			}
			tx.OnRollback(func(err error) { t.Error("OnRollback after a commit:", err) })
			return errors.Join(err, tx.PutMeta(name, pos))
		}))
	}
	release()
	for _, p := range waiting {
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
	}
	if want := []string{"n0a", "n0b", "n1a", "n1b", "n2a", "n2b"}; !slices.Equal(order, want) {
		t.Error("order of OnCommit:", order)
	}
}

func TestOnRollbackRunsBeforeTheAnswer(t *testing.T) {
	db := open(t)
	release := hold(db)
	var told []error
	failed := db.Submit(context.Background(), func(tx *Tx) error {
		tx.OnCommit(func() { t.Error("OnCommit of a write that failed") })
		tx.OnRollback(func(err error) { told = append(told, err) })
		return errOwn
	})
	release()
	if err := failed.Wait(); !errors.Is(err, errOwn) {
		t.Error(err)
	}
	if len(told) != 1 || !errors.Is(told[0], errOwn) {
		t.Error("OnRollback was told", told)
	}
	if err := db.Write(context.Background(), func(*Tx) error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestCloseAnswersTheQueue(t *testing.T) {
	db := open(t)
	release := hold(db)
	var waiting []*Pending
	for i := range 2*maxGroup + 1 { // more than one group
		waiting = append(waiting, db.Submit(context.Background(), func(tx *Tx) error { return tx.PutMeta("last", i) }))
	}
	closed := make(chan error)
	go func() { closed <- db.Close() }()
	release()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	for i, p := range waiting {
		if !p.Settled() {
			t.Fatal("not answered:", i)
		}
		if err := p.Wait(); err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
	if err := db.Write(context.Background(), func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Error("a write after Close:", err)
	}
	again := openAt(t, db.path)
	if got := metaInt(t, again, "last"); got != 2*maxGroup {
		t.Error("the last write of the queue left", got)
	}
}

// A full disk fails the whole group. What was acknowledged stays, and the writer goes on when there is room again.
func TestAFullDiskFailsTheGroupAndNothingElse(t *testing.T) {
	db := open(t)
	write(t, db, func(tx *Tx) error { return tx.PutMeta("acknowledged", 1) })
	limit := func(pages string) {
		t.Helper()
		write(t, db, func(tx *Tx) error {
			_, err := tx.row("PRAGMA max_page_count = "+pages, nil, new(int64))
			return err
		})
	}
	limit("1") // SQLite takes what the file has now
	release := hold(db)
	small := db.Submit(context.Background(), func(tx *Tx) error { return tx.PutMeta("small", 1) })
	rolledBack := 0
	big := db.Submit(context.Background(), func(tx *Tx) error {
		tx.OnRollback(func(error) { rolledBack++ })
		return tx.PutMeta("big", make([]byte, 100*PageSize))
	})
	behind := db.Submit(context.Background(), func(tx *Tx) error { return tx.PutMeta("behind", 1) })
	release()
	for name, p := range map[string]*Pending{"small": small, "big": big, "behind": behind} {
		if err := p.Wait(); code(err) != sqlite3.SQLITE_FULL {
			t.Errorf("%s: %v", name, err)
		}
		if metaInt(t, db, name) != 0 {
			t.Errorf("%s is there", name)
		}
	}
	if rolledBack != 1 {
		t.Errorf("OnRollback ran %d times", rolledBack)
	}
	limit("1000000")
	write(t, db, func(tx *Tx) error { return tx.PutMeta("big", 2) })
	if metaInt(t, db, "acknowledged") != 1 || metaInt(t, db, "big") != 2 {
		t.Error("what was acknowledged is not there")
	}
}
