package snapshot_test

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"beffroi/backup/snapshot"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// database is a database file of this version, open in a server's way.
func database(t *testing.T) (*store.DB, string) {
	path := filepath.Join(t.TempDir(), store.FileName)
	return storetest.OpenAt(t, path), path
}

func open(t *testing.T, path string) *snapshot.Snapshot {
	t.Helper()
	s, err := snapshot.Open(context.Background(), path)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func direct(t *testing.T, path string) *sql.DB {
	db, err := sql.Open("sqlite", path)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// A table that a migration adds is in the backup without anybody thinking of it, unless it is the full-text index; this test is the thought.
func TestEveryTableIsRead(t *testing.T) {
	_, path := database(t)
	rows, err := direct(t, path).QueryContext(context.Background(), `SELECT name FROM sqlite_master WHERE type IN ('table', 'view', 'virtual')`)
	must(t, err)
	defer rows.Close()
	var want []string
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		if !strings.HasPrefix(name, "search") {
			want = append(want, name)
		}
	}
	must(t, rows.Err())
	slices.Sort(want)
	var got []string
	for _, table := range open(t, path).Tables() {
		got = append(got, table.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("read: %q\nthere: %q", got, want)
	}
	if len(want) < 20 || !slices.Contains(want, "sqlite_sequence") {
		t.Error("these are not the tables of a server:", want)
	}
}

func contents(t *testing.T, path string) map[string][][]any {
	t.Helper()
	s := open(t, path)
	all := map[string][][]any{}
	for _, table := range s.Tables() {
		must(t, s.Rows(context.Background(), table, func(row []any) error {
			all[table.Name] = append(all[table.Name], append([]any{}, row...))
			return nil
		}))
	}
	return all
}

func fill(t *testing.T, path string, from *snapshot.Snapshot) {
	t.Helper()
	ctx := context.Background()
	f, err := snapshot.Create(ctx, path, store.SchemaVersion())
	must(t, err)
	for _, table := range from.Tables() {
		must(t, f.Table(ctx, table.Name, table.Columns))
		must(t, from.Rows(ctx, table, func(row []any) error { return f.Row(ctx, row) }))
	}
	must(t, f.Finish(ctx))
	must(t, f.Close())
}

// Values keep their types, whatever the column was declared as, and their order is that of the key.
func TestRowsComeBackAsTheyWere(t *testing.T) {
	_, path := database(t)
	raw := direct(t, path)
	values := []any{"text", []byte("blob"), int64(math.MinInt64), int64(1), 1.5, math.Inf(1), "", []byte{}, "\x00", "\xff\xfe", []byte{0xff}, "1", "1e3", "2026-11-23"}
	for i, v := range values {
		_, err := raw.ExecContext(context.Background(), `INSERT INTO meta (name, value) VALUES (?, ?)`, string(rune('z'-i)), v)
		must(t, err)
	}
	for _, query := range []string{`INSERT INTO device (user, device_id, token_key, created) VALUES (1, 'A', x'01', 1), (1, 'B', x'02', 1)`,
		`DELETE FROM device WHERE device_id = 'B'`, `INSERT INTO timeline (room, ord, nid, pos, sender, notify, notify_main, thread, notify_thread)
			VALUES (1, 5000000000, 1, NULL, 1, 0, 0, 0, 0), (1, -7, 2, 3, 1, 0, 0, 0, 0)`} {
		_, err := raw.ExecContext(context.Background(), query)
		must(t, err)
	}
	before := contents(t, path)
	for i, row := range before["meta"][len(before["meta"])-len(values):] {
		if want := values[len(values)-1-i]; !reflect.DeepEqual(row[1], want) {
			t.Errorf("%#v was read as %#v", want, row[1])
		}
	}
	if ords := before["timeline"]; ords[0][1] != int64(-7) || ords[0][3] != int64(3) || ords[1][3] != nil {
		t.Error(ords)
	}
	copied := filepath.Join(t.TempDir(), store.FileName)
	fill(t, copied, open(t, path))
	after := contents(t, copied)
	if !reflect.DeepEqual(before, after) {
		t.Errorf("before: %v\nafter: %v", before, after)
	}
	if want := [][]any{{"device", int64(2)}}; !reflect.DeepEqual(after["sqlite_sequence"], want) {
		t.Error("numbers of devices would be given again:", after["sqlite_sequence"])
	}
	if a, b := schema(t, path), schema(t, copied); !slices.Equal(a, b) || len(a) < 40 {
		t.Errorf("the schema differs:\n%q\n%q", a, b)
	}
	var verdict string
	must(t, direct(t, copied).QueryRowContext(context.Background(), "PRAGMA integrity_check").Scan(&verdict))
	if verdict != "ok" {
		t.Error(verdict)
	}
}

func schema(t *testing.T, path string) (sqls []string) {
	rows, err := direct(t, path).QueryContext(context.Background(), `SELECT coalesce(sql, name) FROM sqlite_master ORDER BY type, name`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		must(t, rows.Scan(&s))
		sqls = append(sqls, s)
	}
	must(t, rows.Err())
	return sqls
}

// What is committed after the snapshot began is not in it, and the writer does not wait.
func TestASnapshotIsOneMoment(t *testing.T) {
	db, path := database(t)
	put := func(name string) {
		must(t, db.Write(context.Background(), func(tx *store.Tx) error { return tx.PutMeta(name, "x") }))
	}
	put("before")
	s := open(t, path)
	put("after")
	var names []any
	meta := s.Tables()[slices.IndexFunc(s.Tables(), func(t snapshot.Table) bool { return t.Name == "meta" })]
	must(t, s.Rows(context.Background(), meta, func(row []any) error {
		names = append(names, row[0])
		return nil
	}))
	if !slices.Contains(names, any("before")) || slices.Contains(names, any("after")) {
		t.Error(names)
	}
}

func TestForeignFilesAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	other := direct(t, path)
	_, err := other.ExecContext(context.Background(), `CREATE TABLE t (x)`)
	must(t, err)
	if _, err := snapshot.Open(context.Background(), path); !errors.Is(err, snapshot.ErrForeign) {
		t.Error(err)
	}
	text := filepath.Join(t.TempDir(), "text")
	must(t, os.WriteFile(text, []byte("no database, but a text that is long enough to be looked at as one"), 0o600))
	for _, path := range []string{text, filepath.Join(t.TempDir(), "missing")} {
		if _, err := snapshot.Open(context.Background(), path); err == nil {
			t.Error(path, "was opened")
		}
	}
}

func TestFillerRefusesWhatDoesNotFit(t *testing.T) {
	ctx := context.Background()
	f, err := snapshot.Create(ctx, filepath.Join(t.TempDir(), store.FileName), store.SchemaVersion())
	must(t, err)
	defer f.Close()
	var misfit *snapshot.SchemaError
	for name, columns := range map[string][]string{"nowhere": {"x"}, "meta": {"name"}, `atom" (id) VALUES (1); --`: {"id"}} {
		if err := f.Table(ctx, name, columns); !errors.As(err, &misfit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, f.Table(ctx, "meta", []string{"name", "value"}))
	must(t, f.Row(ctx, []any{"a", int64(1)}))
	if err := f.Row(ctx, []any{"a", int64(2)}); !errors.As(err, &misfit) {
		t.Error("a key twice:", err)
	}
	must(t, f.Table(ctx, "atom", []string{"id", "text"})) // whose uniqueness is part of the table
	must(t, f.Row(ctx, []any{int64(1), "a"}))
	if err := f.Row(ctx, []any{int64(2), "a"}); !errors.As(err, &misfit) {
		t.Error("a text twice:", err)
	}
}

// An archive of an earlier version is filled in that version's schema; the server's migrations do the rest.
func TestEarlierSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), store.FileName)
	ctx := context.Background()
	f, err := snapshot.Create(ctx, path, 1)
	must(t, err)
	must(t, f.Table(ctx, "version", []string{"version", "compat"}))
	must(t, f.Row(ctx, []any{int64(1), int64(1)}))
	must(t, f.Table(ctx, "database_owner", []string{"key", "owner"}))
	must(t, f.Row(ctx, []any{int64(0), "beffroi"}))
	var misfit *snapshot.SchemaError
	if err := f.Table(ctx, "media", []string{"media_id"}); !errors.As(err, &misfit) {
		t.Error("a table of a later schema:", err)
	}
	must(t, f.Finish(ctx))
	must(t, f.Close())
	db, err := store.Open(ctx, path, zerolog.Nop())
	must(t, err)
	must(t, db.Close())
	if got := contents(t, path)["version"]; len(got) != 1 || got[0][0] != int64(store.SchemaVersion()) {
		t.Error(got)
	}
}
