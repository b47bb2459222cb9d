package store

import (
	"database/sql"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The schema of a fresh database, as migrations make it, stands in testdata/schema.sql; a change of it is seen in review.
func TestSchema(t *testing.T) {
	db := open(t)
	statements := mustGet(t, db, func(r *Reader) ([]string, error) {
		return list(r, `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name`, nil, func(rows *sql.Rows) (s string, err error) {
			err = rows.Scan(&s)
			return s, err
		})
	})
	const golden = "testdata/schema.sql"
	got := strings.Join(statements, ";\n\n") + ";\n"
	if *update {
		writeFile(t, golden, []byte(got))
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the schema is not that of %s; go test ./server/store -run TestSchema -update writes it anew.\n%s", golden, got)
	}
}

func TestOpeningAgainKeepsTheSchema(t *testing.T) {
	db := open(t)
	count := func(db *DB) int64 {
		return mustGet(t, db, func(r *Reader) (n int64, err error) {
			_, err = r.row(`PRAGMA schema_version`, nil, &n)
			return n, err
		})
	}
	before := count(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if after := count(openAt(t, db.path)); after != before {
		t.Errorf("the schema was changed: version %d, was %d", after, before)
	}
}
