package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// column is a column of a table that a test fills.
type column struct{ table, name, kind string }

func columns(t *testing.T, db *DB) []column {
	t.Helper()
	return mustGet(t, db, func(r *Reader) ([]column, error) {
		return list(r, `SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.sql NOT LIKE '%VIRTUAL%'
			ORDER BY m.name, c.cid`, nil, func(rows *sql.Rows) (c column, err error) {
			err = rows.Scan(&c.table, &c.name, &c.kind)
			return c, err
		})
	})
}

// roomTables are the tables with a column that names a room, with all their columns.
func roomTables(t *testing.T, db *DB) map[string][]column {
	t.Helper()
	all := map[string][]column{}
	for _, c := range columns(t, db) {
		all[c.table] = append(all[c.table], c)
	}
	for table, columns := range all {
		if !slices.ContainsFunc(columns, func(c column) bool { return c.name == "room" }) || table == "purge" {
			delete(all, table)
		}
	}
	return all
}

// fillRoom puts n rows about a room into every table that can name one.
func fillRoom(t *testing.T, db *DB, room RoomRef, n int) {
	t.Helper()
	write(t, db, func(tx *Tx) error {
		for table, columns := range roomTables(t, db) {
			for i := range n {
				if err := fillRow(tx, table, columns, room, i); err != nil {
					return fmt.Errorf("%s: %w", table, err)
				}
			}
		}
		return nil
	})
}

func fillRow(tx *Tx, table string, columns []column, room RoomRef, i int) error {
	var names []string
	var values []any
	for _, c := range columns {
		if c.name == "room" {
			names, values = append(names, c.name), append(values, room)
			continue
		}
		one := int64(room)*100_000 + int64(i)
		names = append(names, c.name)
		if c.kind == "INTEGER" {
			values = append(values, one)
		} else {
			values = append(values, fmt.Sprint(one))
		}
	}
	places := strings.TrimSuffix(strings.Repeat("?, ", len(names)), ", ")
	return tx.exec(`INSERT OR IGNORE INTO `+table+` (`+strings.Join(names, ", ")+`) VALUES (`+places+`)`, values...)
}

func count(t *testing.T, db *DB, query string, args ...any) (n int) {
	t.Helper()
	read(t, db, func(r *Reader) error {
		_, err := r.row(query, args, &n)
		return err
	})
	return n
}

// Whatever names a room goes with it, and nothing else: a table that is added later is found by its column.
func TestPurgeLeavesNoRow(t *testing.T) {
	db := open(t)
	var gone, stays RoomRef
	write(t, db, func(tx *Tx) (err error) {
		if gone, err = tx.AddRoom("!gone:hs", "10"); err != nil {
			return err
		}
		stays, err = tx.AddRoom("!stays:hs", "10")
		return err
	})
	const many = 2*purgeRows + 1
	fillRoom(t, db, gone, many)
	fillRoom(t, db, stays, 3)
	hangOn(t, db, gone, 2*purgeRows)
	hangOn(t, db, stays, 3)
	tables := roomTables(t, db)
	before := map[string]int{}
	for table := range tables {
		if count(t, db, `SELECT count(*) FROM `+table+` WHERE room = ?`, gone) == 0 {
			t.Errorf("%s could not be filled", table)
		}
		before[table] = count(t, db, `SELECT count(*) FROM `+table+` WHERE room = ?`, stays)
	}

	write(t, db, func(tx *Tx) error { return tx.BeginPurge(gone) })
	read(t, db, func(r *Reader) error {
		if _, ok, err := r.FindRoom("!gone:hs"); ok || err != nil {
			t.Error("a room that is being removed is found", err)
		}
		return nil
	})
	cutOff(t, db)
	if err := db.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for table := range tables {
		if n := count(t, db, `SELECT count(*) FROM `+table+` WHERE room = ?`, gone); n != 0 {
			t.Errorf("%s has still %d rows", table, n)
		}
		if n := count(t, db, `SELECT count(*) FROM `+table+` WHERE room = ?`, stays); n != before[table] {
			t.Errorf("%s has %d rows of another room, had %d", table, n, before[table])
		}
	}
	for query, want := range map[string]int{
		`SELECT count(*) FROM relation`: 3, `SELECT count(*) FROM relation_waiting`: 3, `SELECT count(*) FROM state_delta`: 3,
		`SELECT count(*) FROM room`: 1, `SELECT count(*) FROM purge`: 0, `SELECT count(*) FROM search_edit`: 3,
		`SELECT count(*) FROM search WHERE search MATCH 'tags : ` + RoomTag(gone) + `'`:  0,
		`SELECT count(*) FROM search WHERE search MATCH 'tags : ` + RoomTag(stays) + `'`: 3,
	} {
		if n := count(t, db, query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
}

// hangOn adds rows that name no room but an event or a state group of it.
func hangOn(t *testing.T, db *DB, room RoomRef, n int) {
	t.Helper()
	one := int64(room) * 100_000
	write(t, db, func(tx *Tx) error {
		for i := range int64(n) {
			if err := tx.exec(`INSERT INTO relation VALUES (?, ?, 1, 1, 1, 1, 1, 0, 0)`, one, i); err != nil {
				return err
			}
			if err := tx.exec(`INSERT INTO state_delta VALUES (?, 1, ?, 1)`, one+1, i); err != nil {
				return err
			}
			if err := tx.exec(`INSERT INTO relation_waiting VALUES (?, ?)`, []byte("$nobody"), one+i); err != nil {
				return err
			}
			if err := tx.exec(putEdit, []byte("$nobody"), one+i); err != nil {
				return err
			}
			if err := tx.exec(`INSERT INTO search (rowid, tags, body) VALUES (?, ?, 'mot')`, one+i, RoomTag(room)); err != nil {
				return err
			}
		}
		return nil
	})
}

// cutOff sweeps until the first write, as where the server stops meanwhile.
func cutOff(t *testing.T, db *DB) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	release := hold(db)
	done := make(chan error, 1)
	go func() { done <- db.Sweep(ctx) }()
	cancel()
	release()
	if err := <-done; err == nil {
		t.Error("a sweep that was cut off says that it is done")
	}
}

// What names events but no room is not found by its columns: who adds such a table says in Sweep how its rows go, and here that they do.
func TestPurgeKnowsWhatHangsOnEvents(t *testing.T) {
	db := open(t)
	byRoom := roomTables(t, db)
	var hanging []string
	for _, c := range columns(t, db) {
		if _, ok := byRoom[c.table]; c.name == "nid" && !ok {
			hanging = append(hanging, c.table)
		}
	}
	// Transaction ids go with time; search_again is worked off by the full-text index, and search_cursor is no reference.
	want := []string{"relation", "relation_waiting", "search_again", "search_cursor", "search_edit", "state_delta", "txn"}
	if !slices.Equal(hanging, want) {
		t.Errorf("tables %v hang on events, the purge knows %v", hanging, want)
	}
}
