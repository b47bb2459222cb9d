package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// crashed copies a database as a power cut would leave it, its WAL beside it, and gives the copy's path.
func crashed(t testing.TB, path string) string {
	t.Helper()
	there := filepath.Join(t.TempDir(), "beffroi.db")
	crashedTo(t, path, there)
	return there
}

func crashedTo(t testing.TB, path, there string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if err == nil {
			writeFile(t, there+suffix, b)
		}
	}
}

func writeFile(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// run executes SQL on a file without the store.
func run(t testing.TB, path string, statements ...string) {
	t.Helper()
	pool, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := pool.ExecContext(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// filled makes a closed database with some hundred pages.
func filled(t testing.TB, path string) {
	t.Helper()
	db := openAt(t, path)
	write(t, db, func(tx *Tx) error {
		for i := range 300 {
			if err := tx.PutMeta(fmt.Sprint("row ", i), strings.Repeat("x", 900)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// change changes a file's bytes.
func change(t testing.TB, path string, f func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, f(b))
}

func TestRefusedFilesAreNotTouched(t *testing.T) {
	for _, c := range []struct {
		name   string
		make   func(t *testing.T, path string)
		reason string
	}{
		{"text", func(t *testing.T, path string) { writeFile(t, path, []byte("Liste des marchés, 2026\n")) }, "not a SQLite database"},
		{"a header and no more", func(t *testing.T, path string) { writeFile(t, path, []byte("SQLite format 3\x00")) }, "not a SQLite database"},
		{"another program's", func(t *testing.T, path string) { run(t, path, `CREATE TABLE t (x)`) }, "another program"},
		{"another program's with a WAL", func(t *testing.T, path string) {
			other := filepath.Join(t.TempDir(), "other.db")
			pool, err := sql.Open("sqlite", other+"?_pragma=journal_mode(WAL)")
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			if _, err := pool.ExecContext(context.Background(), `CREATE TABLE t (x)`); err != nil {
				t.Fatal(err)
			}
			crashedTo(t, other, path)
		}, "another program"},
		{"cut off at a page", func(t *testing.T, path string) {
			filled(t, path)
			change(t, path, func(b []byte) []byte { return b[:len(b)/PageSize/2*PageSize] })
		}, "cut off"},
		{"cut off inside a page", func(t *testing.T, path string) {
			filled(t, path)
			change(t, path, func(b []byte) []byte { return b[:len(b)-PageSize/2] })
		}, "cut off"},
		{"newer", func(t *testing.T, path string) {
			filled(t, path)
			run(t, path, fmt.Sprintf(`UPDATE version SET version = %d, compat = %[1]d`, len(upgrades())+1))
		}, "newer version"},
		{"newer, with a WAL", func(t *testing.T, path string) {
			db := open(t)
			write(t, db, func(tx *Tx) error {
				return tx.exec(`UPDATE version SET version = ?1, compat = ?1`, len(upgrades())+1)
			})
			crashedTo(t, db.path, path)
		}, "newer version"},
		{"a damaged page", func(t *testing.T, path string) {
			filled(t, path)
			change(t, path, func(b []byte) []byte {
				middle := len(b) / PageSize / 2 * PageSize
				copy(b[middle:], bytes.Repeat([]byte{0xa5}, PageSize))
				return b
			})
		}, "damaged"},
		{"a damaged schema", func(t *testing.T, path string) {
			filled(t, path)
			change(t, path, func(b []byte) []byte {
				for i := headerSize; i < PageSize; i++ {
					b[i] ^= 0x55
				}
				return b
			})
		}, "can't be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "beffroi.db")
			c.make(t, path)
			before := snapshot(t, dir)
			db, err := Open(context.Background(), path, zerolog.Nop())
			var refused *RefusedError
			if !errors.As(err, &refused) || refused.Path != path || !strings.Contains(refused.Reason, c.reason) {
				t.Errorf("%v, want a refusal with %q", err, c.reason)
			}
			if err == nil {
				_ = db.Close()
			}
			if after := snapshot(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Error("the folder has changed")
			}
		})
	}
}

// snapshot reads every file of a folder but the index of a WAL, which even a look needs.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "-shm") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(b)
	}
	return files
}

func TestANewFileHasThePageSizeAndTheMark(t *testing.T) {
	db := open(t)
	for pragma, want := range map[string]int64{"page_size": PageSize, "application_id": applicationID} {
		if got := mustGet(t, db, func(r *Reader) (n int64, err error) {
			_, err = r.row("PRAGMA "+pragma, nil, &n)
			return n, err
		}); got != want {
			t.Errorf("%s is %d, want %d", pragma, got, want)
		}
	}
}

// What a first start may leave behind when it is killed is taken up by the next one.
func TestAFirstStartThatWasKilledIsNoRefusal(t *testing.T) {
	mark := fmt.Sprintf(`PRAGMA application_id = %d`, applicationID)
	for name, leave := range map[string]func(path string){
		"an empty file":             func(path string) { writeFile(t, path, nil) },
		"the mark":                  func(path string) { run(t, path, mark) },
		"the mark and the WAL mode": func(path string) { run(t, path, mark, `PRAGMA journal_mode = WAL`) },
		"migrations that were not committed": func(path string) {
			if err := create(context.Background(), path); err != nil {
				t.Fatal(err)
			}
			c, err := openWriterConn(context.Background(), path)
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			if _, err := c.c.ExecContext(context.Background(), `BEGIN; CREATE TABLE t (x)`); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "beffroi.db")
			leave(path)
			db := openAt(t, path)
			nextPos(t, db)
			mode := mustGet(t, db, func(r *Reader) (mode string, err error) {
				_, err = r.row(`PRAGMA journal_mode`, nil, &mode)
				return mode, err
			})
			if mode != "wal" {
				t.Errorf("the journal mode is %q", mode)
			}
		})
	}
}

func TestWhatStandsInTheWALIsKept(t *testing.T) {
	db := open(t)
	write(t, db, func(tx *Tx) error { return tx.PutMeta("big", strings.Repeat("x", 100*PageSize)) })
	db.cp.checkpoint("PASSIVE") // so the file has pages of its own
	write(t, db, func(tx *Tx) error { return tx.PutMeta("x", 1) })
	path := crashed(t, db.path)
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() == 0 {
		t.Fatal("there is no WAL:", err)
	}
	if got := metaInt(t, openAt(t, path), "x"); got != 1 {
		t.Error("the acknowledged write is lost:", got)
	}
	// A power cut inside a checkpoint: the file is shorter than its header says, the WAL has what is missing.
	path = crashed(t, db.path)
	change(t, path, func(b []byte) []byte { return b[:PageSize] })
	if err := inspect(context.Background(), path); err != nil && strings.Contains(err.Error(), "cut off") {
		t.Error("the size was judged although there is a WAL:", err)
	}
}
