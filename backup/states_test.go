package backup_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/backup"
	"beffroi/server/servertest"
	"beffroi/server/store"
)

// A server that was stopped or killed is backed up as well, with all that it acknowledged.
func TestAServerThatDoesNotRun(t *testing.T) {
	binary, sheet := servertest.Build(t), newSheet(t)
	for name, end := range map[string]func(p *servertest.Process){
		"stopped": func(p *servertest.Process) { must(t, p.Stop()) }, "killed": (*servertest.Process).Kill,
	} {
		p := servertest.StartProcess(t, binary)
		alice := p.Register(t, "alice")
		room := alice.CreateRoom(m{})
		alice.SendText(room, "le dernier mot")
		events := len(messages(alice, room))
		end(p)
		to := t.TempDir()
		out := runs(t, binary, "backup", "--to", to, "--data", p.DataDir, "--recipient", sheet.recipient)
		data := filepath.Join(t.TempDir(), "data")
		runs(t, binary, "restore", "--from", archiveIn(t, to), "--identity", sheet.file, "--data", data)
		p.DataDir = data
		p.Start()
		if n := len(messages(alice, room)); n != events {
			t.Errorf("%s: %d events of %d came back\n%s", name, n, events, out)
		}
		p.Kill()
	}
}

// While a snapshot is held the WAL grows; afterwards it is used from its beginning again.
func TestTheWALBeginsAnewAfterwards(t *testing.T) {
	h := newHouse(t, noise(4<<20, 1))
	path := filepath.Join(h.dir, store.FileName)
	ctx, cancel := context.WithCancel(context.Background())
	db, err := store.Open(ctx, path, zerolog.Nop())
	must(t, err)
	defer db.Close()
	write := func() error {
		return db.Write(context.Background(), func(tx *store.Tx) error { return tx.PutMeta("filler", noise(100_000, byte(time.Now().Nanosecond()))) })
	}
	wrote := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil && write() == nil; n++ {
		}
		wrote <- n
	}()
	for range 5 {
		h.backup(t)
	}
	cancel()
	if n := <-wrote; n < 10 {
		t.Fatal("only", n, "writes meanwhile")
	}
	after := salt(t, path)
	for n := 0; salt(t, path) == after; n++ { // where writers leave no pause, the store lets it grow to 64 MiB
		must(t, write())
		if n == 2000 {
			t.Fatal("200 MB after the backups the WAL was not begun anew")
		}
	}
}

// salt is what changes in the header of a write-ahead log when it begins anew. SQLite, "WAL File Format".
func salt(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path + "-wal")
	must(t, err)
	defer f.Close()
	header := make([]byte, 32)
	_, err = f.ReadAt(header, 0)
	must(t, err)
	return string(header[16:24])
}

// A disk that is full: a sentence, and no half file.
func TestAFullDisk(t *testing.T) {
	to := t.TempDir()
	if err := syscall.Mount("tmpfs", to, "tmpfs", 0, "size=1m"); errors.Is(err, fs.ErrPermission) {
		t.Skip("only root can mount a small file system:", err)
	} else {
		must(t, err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(to, 0)) })
	h := newHouse(t, noise(3<<20, 1))
	_, err := backup.Write(context.Background(), backup.Request{DataDir: h.dir, To: to, Now: time.Now()})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "n'a pas pu être écrite") {
		t.Error(err)
	}
	if left, _ := os.ReadDir(to); len(left) != 0 {
		t.Error("left on the full disk:", left)
	}

	// the same where the restored data don't fit
	from := filepath.Join(t.TempDir(), "a.age")
	must(t, os.WriteFile(from, h.backup(t), 0o600))
	_, err = backup.Restore(context.Background(), backup.Restoring{From: from, Identity: h.sheet.file, DataDir: filepath.Join(to, "data"), Now: time.Now()})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "Rien n'a été changé") {
		t.Error(err)
	}
	if left, _ := os.ReadDir(to); len(left) != 0 {
		t.Error("left on the full disk:", left)
	}
}
