package store

import (
	"bytes"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rs/zerolog"
)

// A first start has no rollback journal at any moment: a kill would leave it, and a read-only look could not undo it.
func TestAFirstStartHasNoRollbackJournal(t *testing.T) {
	dir := t.TempDir()
	watch, err := syscall.InotifyInit1(syscall.IN_NONBLOCK)
	if err != nil {
		t.Skip("this machine can't watch folders:", err)
	}
	defer syscall.Close(watch)
	if _, err := syscall.InotifyAddWatch(watch, dir, syscall.IN_CREATE); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), filepath.Join(dir, "beffroi.db"), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	made := make([]byte, 64<<10)
	n, err := syscall.Read(watch, made)
	if err != nil || !bytes.Contains(made[:n], []byte("beffroi.db-wal")) {
		t.Fatal("the folder's events can't be read:", n, err)
	}
	if bytes.Contains(made[:n], []byte("beffroi.db-journal")) {
		t.Error("a rollback journal was made")
	}
}
