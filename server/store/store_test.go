package store

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
)

// open opens a database of the test's own.
func open(t testing.TB) *DB {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "beffroi.db"))
}

func openAt(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(context.Background(), path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// write is Write that has to succeed.
func write(t testing.TB, db *DB, fn func(tx *Tx) error) {
	t.Helper()
	if err := db.Write(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// read is Read that has to succeed.
func read(t testing.TB, db *DB, fn func(r *Reader) error) {
	t.Helper()
	if err := db.Read(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// mustGet is Get that has to succeed.
func mustGet[T any](t testing.TB, db *DB, fn func(r *Reader) (T, error)) T {
	t.Helper()
	v, err := Get(context.Background(), db, fn)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// metaInt reads an integer that a test wrote.
func metaInt(t testing.TB, db *DB, name string) int64 {
	t.Helper()
	return mustGet(t, db, func(r *Reader) (int64, error) { return r.MetaInt(name) })
}

// hold keeps the writer busy until release is called, so that what is submitted meanwhile shares one group.
func hold(db *DB) (release func()) {
	running, gate := make(chan struct{}), make(chan struct{})
	p := db.Submit(context.Background(), func(*Tx) error {
		close(running)
		<-gate
		return nil
	})
	<-running
	return func() {
		close(gate)
		_ = p.Wait() // it has no way to fail
	}
}
