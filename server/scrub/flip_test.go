package scrub_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beffroi/backup/snapshot"
)

// content is every value of every row that can be read, by table and column.
func content(t *testing.T, dir string) (values map[string][]string, err error) {
	t.Helper()
	s, err := snapshot.Open(context.Background(), file(dir))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	values = map[string][]string{}
	for _, table := range s.Tables() {
		err := s.Rows(context.Background(), table, func(row []any) error {
			for i, v := range row {
				column := table.Name + "." + table.Columns[i]
				values[column] = append(values[column], fmt.Sprintf("%q", v))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return values, nil
}

// What nothing proves, tables or columns: ARCHITECTURE.md, "Damage", says why. The rest of a row of these tables may be proven.
var unproven = []string{"account", "device", "device_keys", "device_list", "filter", "key_backup", "member", "meta", "profile", "receipt", "room", "state_change",
	"version", "txn.scope", "txn.ts", "txn.device", "media.created", "event.status", "event.state", "event.replaces", "event.redacted_by", "event.txn_device", "event.txn_id",
	"account_data.pos", "to_device.seq", "timeline.notify_thread"}

var flips = flag.Int("flips", 60, "random bits of a database to flip")

// Random bits of the file are flipped, one at a time. What the scrub does not find must not have changed what anybody reads, but for values that nothing proves.
func TestRandomFlips(t *testing.T) {
	slowly(t)
	flips := *flips
	dir := used(t)
	whole, err := content(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := os.ReadFile(file(dir))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(11, 23))
	var found, harmless, structure int
	silent := map[string]int{}
	for range flips {
		at, bit := rng.IntN(len(bytes)), byte(1)<<rng.IntN(8)
		there := t.TempDir()
		bytes[at] ^= bit
		if err := os.WriteFile(file(there), bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		bytes[at] ^= bit
		if err := os.Symlink(filepath.Join(dir, "media"), filepath.Join(there, "media")); err != nil {
			t.Fatal(err)
		}
		r, err := run(there)
		now, unreadable := content(t, there)
		switch {
		case err != nil || len(r.Findings) > 0:
			found++
			if err == nil && slices.ContainsFunc(r.Findings, structural) {
				structure++
			}
		case unreadable != nil:
			t.Errorf("byte %d: not found, but it can't be read: %v", at, unreadable)
		default:
			column := differs(whole, now)
			if column == "" {
				harmless++
				break
			}
			silent[column]++
			table, _, _ := strings.Cut(column, ".")
			if !slices.Contains(unproven, table) && !slices.Contains(unproven, column) {
				t.Errorf("byte %d: %s changed in silence", at, column)
			}
		}
		_ = os.RemoveAll(there)
	}
	t.Logf("%d flips in %d bytes: %d found (SQLite alone: %d), %d change nothing that is read, in silence: %v", flips, len(bytes), found, structure, harmless, silent)
}

// differs names a column with other values, "" where there is none.
func differs(a, b map[string][]string) string {
	for column, values := range a {
		if !slices.Equal(values, b[column]) {
			return column
		}
	}
	return ""
}
