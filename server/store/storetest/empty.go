package storetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"beffroi/server/store"
)

// empty is the file of a database that was migrated and never opened, so it holds nothing that is one server's own (secrets, incarnation, positions).
// It is made once per process, because migrations take longer than most tests; those of package store run them each time.
var empty = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "beffroi-empty-")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, store.FileName)
	err = store.Create(context.Background(), path, store.SchemaVersion())
	file, unread := os.ReadFile(path)
	return file, errors.Join(err, unread, os.RemoveAll(dir))
})

// Prepare puts an empty database at path, for whoever opens one there next. What is there already stays.
func Prepare(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return
	}
	file, err := empty()
	if err := errors.Join(err, os.WriteFile(path, file, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// OpenAt opens the database at path, a new one where there is none, until the end of the test or until it is closed.
func OpenAt(t testing.TB, path string) *store.DB {
	t.Helper()
	Prepare(t, path)
	db, err := store.Open(context.Background(), path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
