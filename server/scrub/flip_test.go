package scrub_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beffroi/backup/snapshot"
)

// content is every value of every row that can be read, by table.
func content(t *testing.T, dir string) (rows map[string][]string, err error) {
	t.Helper()
	s, err := snapshot.Open(context.Background(), file(dir))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	rows = map[string][]string{}
	for _, table := range s.Tables() {
		err := s.Rows(context.Background(), table, func(row []any) error {
			rows[table.Name] = append(rows[table.Name], fmt.Sprintf("%q", row))
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// What nothing proves: ARCHITECTURE.md, "Damage", says why. The rest of a row of these tables may be proven.
var unproven = []string{"account", "device", "device_keys", "device_list", "filter", "key_backup", "member", "meta", "profile", "receipt", "room", "state_change",
	"txn", "version"}

// Random bits of the file are flipped, one at a time. What the scrub does not find must not have changed what anybody reads, but for values that nothing proves.
func TestRandomFlips(t *testing.T) {
	flips := 300
	if testing.Short() {
		flips = 40
	}
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
			table := differs(whole, now)
			if table == "" {
				harmless++
			} else {
				silent[table]++
			}
			if table != "" && !slices.Contains(unproven, strings.Fields(table)[0]) {
				t.Errorf("byte %d: %s changed in silence", at, table)
			}
		}
		_ = os.RemoveAll(there)
	}
	t.Logf("%d flips in %d bytes: %d found (SQLite alone: %d), %d change nothing that is read, in silence: %v", flips, len(bytes), found, structure, harmless, silent)
}

// differs names the first table whose rows are others, with the rows.
func differs(a, b map[string][]string) string {
	for table, rows := range a {
		if slices.Equal(rows, b[table]) {
			continue
		}
		for i, row := range rows {
			if i >= len(b[table]) || b[table][i] != row {
				if testing.Verbose() && i < len(b[table]) {
					fmt.Println("SILENT", table, row, b[table][i])
				}
				return table
			}
		}
		return table
	}
	return ""
}
