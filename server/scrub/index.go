package scrub

import (
	"context"
	"fmt"
	"slices"
)

// check checks a piece of a table that was read, in the snapshot in which it was.
func (s *scrub) check(ctx context.Context, t *table, rows [][]any) error {
	for _, x := range t.indexes {
		if x.made {
			continue // SQLite compares it, see structure
		}
		if err := s.forward(ctx, t, x, rows); err != nil {
			return err
		}
	}
	for _, rule := range rules[t.name] {
		if err := s.follow(ctx, t, rule, rows); err != nil {
			return err
		}
	}
	for _, row := range rows {
		s.report.Rows++
		if column := t.mistyped(row); column != "" {
			s.found.add(Finding{Kind: RowAltered, Table: t.name, Count: 1, Details: []string{keyText(t.key, row) + ": the type of " + column}})
			continue
		}
		if err := s.row(ctx, t, row); err != nil {
			return err
		}
	}
	return nil
}

// inPiece runs look on all rows of a piece at once. Where that meets damage, it does so row by row, and single is told of those rows where it does: the row
// itself was read, so the damage is in what look looks at.
func (t *table) inPiece(rows [][]any, look func(condition string, args []any) error, single func(key []any, cause error) error) error {
	n := len(t.key)
	all := append(slices.Clone(rows[0][:n]), rows[len(rows)-1][:n]...)
	err := look(compared("t", t.key, ">=")+" AND "+compared("t", t.key, "<="), all)
	if !damaged(err) {
		return err
	}
	for _, row := range rows {
		err := look(compared("t", t.key, "="), row[:n])
		if damaged(err) {
			err = single(row[:n], err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forward looks for each row of a piece in an index.
func (s *scrub) forward(ctx context.Context, t *table, x *index, rows [][]any) error {
	return t.inPiece(rows, func(condition string, args []any) error {
		return s.lacking(ctx, t, x, condition, args)
	}, func(key []any, cause error) error {
		s.found.add(Finding{Kind: Index, Table: t.name, Count: 1, Details: []string{fmt.Sprintf("%s, of %s: %v", x.name, keyText(t.key, key), cause)}})
		return nil
	})
}

// lacking finds the rows that an index lacks.
func (s *scrub) lacking(ctx context.Context, t *table, x *index, condition string, args []any) error {
	if x.where != "" {
		condition += " AND (" + x.where + ")"
	}
	query := "SELECT " + list("t", t.key) + " FROM " + quoted(t.name) + " t NOT INDEXED WHERE " + condition +
		" AND NOT EXISTS (SELECT 1 FROM " + quoted(t.name) + " i INDEXED BY " + quoted(x.name) +
		" WHERE " + same("i", "t", x.columns) + " AND " + same("i", "t", t.key) + x.and() + ")"
	var keys [][]any
	if err := s.r.rows(ctx, query, args, collect(&keys)); err != nil {
		return err
	}
	for _, key := range keys {
		s.found.add(Finding{Kind: Index, Table: t.name, Count: 1, Details: []string{fmt.Sprintf("%s lacks %s", x.name, keyText(t.key, key))}})
	}
	return nil
}

func (x *index) and() string {
	if x.where == "" {
		return ""
	}
	return " AND (" + x.where + ")"
}

// backward looks for each entry of an index in its table. That finds the rows that can't be read, with what the index knows of them.
func (s *scrub) backward(ctx context.Context, t *table, x *index) error {
	if x.sparse {
		return nil // SQLite counts the entries itself, see structure
	}
	columns := append(append([]string{}, x.columns...), t.key...)
	for after := []any(nil); ; {
		var last []any
		err := s.r.piece(ctx, func() (err error) {
			last, err = s.entries(ctx, t, x, columns, after)
			return err
		})
		if damaged(err) { // the entries can be made anew, so those behind the damaged place don't matter
			s.found.add(Finding{Kind: Index, Table: t.name, Count: 1, Details: []string{fmt.Sprintf("%s: %v", x.name, err)}})
			return nil
		}
		if err != nil || last == nil {
			return err
		}
		after = last
	}
}

// entries looks at a piece of an index, and gives the last entry.
func (s *scrub) entries(ctx context.Context, t *table, x *index, columns []string, after []any) (last []any, err error) {
	condition, args := span("i", columns, after, nil)
	query := "SELECT " + list("i", columns) + " FROM " + quoted(t.name) + " i INDEXED BY " + quoted(x.name) +
		" WHERE " + condition + x.and() + " ORDER BY " + list("i", columns) + " LIMIT ?"
	var entries [][]any
	if err := s.r.rows(ctx, query, append(args, pieceRows), collect(&entries)); err != nil || len(entries) == 0 {
		return nil, err
	}
	last = entries[len(entries)-1]
	condition, args = span("i", columns, after, last)
	orphans := "SELECT 1 FROM (SELECT " + list("i", columns) + " FROM " + quoted(t.name) + " i INDEXED BY " + quoted(x.name) +
		" WHERE " + condition + x.and() + ") i WHERE NOT EXISTS (SELECT 1 FROM " + quoted(t.name) + " t NOT INDEXED WHERE " +
		same("t", "i", t.key) + " AND " + same("t", "i", x.columns) + ") LIMIT 1"
	var one int64
	if err := s.r.one(ctx, orphans, args, &one); err == nil && one == 0 {
		return last, nil
	} else if err != nil && !damaged(err) {
		return nil, err
	}
	return last, s.orphans(ctx, t, x, entries)
}

// orphans looks at each entry of a piece in which something is wrong.
func (s *scrub) orphans(ctx context.Context, t *table, x *index, entries [][]any) error {
	query := "SELECT " + list("t", x.columns) + " FROM " + quoted(t.name) + " t NOT INDEXED WHERE " + compared("t", t.key, "=")
	for _, entry := range entries {
		values, key := entry[:len(x.columns)], entry[len(x.columns):]
		var row []any
		err := s.r.rows(ctx, query, key, func(r []any) error {
			row = r
			return nil
		})
		switch {
		case damaged(err):
			s.unreadable(t, x, values, key)
		case err != nil:
			return err
		case row == nil:
			s.vanished(t, x, values, key)
		case fmt.Sprint(row) != fmt.Sprint(values):
			s.found.add(Finding{Kind: Index, Table: t.name, Count: 1,
				Details: []string{fmt.Sprintf("%s has another value than the row of %s", x.name, keyText(t.key, key))}})
		}
	}
	return nil
}

// unreadable notes a row that an index names and that can't be read. Of an event the index knows the id.
func (s *scrub) unreadable(t *table, x *index, values, key []any) {
	if t.name == "event" && x.name == "event_id" {
		s.lose(number(key[0])).id = eventID(values[0])
		return
	}
	if x == t.complete() { // each row once
		s.found.add(Finding{Kind: RowsUnreadable, Table: t.name, Count: 1, Details: []string{keyText(x.columns, values)}})
	}
}

// complete is the first index that names every row, nil where there is none.
func (t *table) complete() *index {
	for _, x := range t.indexes {
		if x.where == "" && !x.sparse {
			return x
		}
	}
	return nil
}

// vanished notes an entry without a row: either the row is gone without a trace, or the entry is damaged.
func (s *scrub) vanished(t *table, x *index, values, key []any) {
	if t.name == "event" && x.name == "event_id" {
		s.lose(number(key[0])).id = eventID(values[0])
	}
	s.found.add(Finding{Kind: Index, Table: t.name, Count: 1,
		Details: []string{fmt.Sprintf("%s names %s, which is not there", x.name, keyText(t.key, key))}})
}
