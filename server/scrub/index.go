package scrub

import (
	"context"
	"fmt"
)

// check checks a piece of a table that was read, in the snapshot in which it was: first and last are its ends.
func (s *scrub) check(ctx context.Context, t *table, rows [][]any, first, last []any) error {
	for _, x := range t.indexes {
		if err := s.forward(ctx, t, x, first, last); err != nil {
			return err
		}
	}
	for _, rule := range rules[t.name] {
		if err := s.follow(ctx, t, rule, first, last); err != nil {
			return err
		}
	}
	for _, row := range rows {
		s.report.Rows++
		if err := s.row(ctx, t, row); err != nil {
			return err
		}
	}
	return nil
}

// within is the condition that a key lies between two, both included.
func within(alias string, columns []string, first, last []any) (string, []any) {
	return compared(alias, columns, ">=") + " AND " + compared(alias, columns, "<="), append(append([]any{}, first...), last...)
}

// forward looks for each row of a piece in an index.
func (s *scrub) forward(ctx context.Context, t *table, x *index, first, last []any) error {
	condition, args := within("t", t.key, first, last)
	if x.where != "" {
		condition += " AND (" + x.where + ")"
	}
	query := "SELECT " + list("t", t.key) + " FROM " + quoted(t.name) + " t NOT INDEXED WHERE " + condition +
		" AND NOT EXISTS (SELECT 1 FROM " + quoted(t.name) + " i INDEXED BY " + quoted(x.name) +
		" WHERE " + same("i", "t", x.columns) + " AND " + same("i", "t", t.key) + x.and() + ")"
	err := s.r.rows(ctx, query, args, func(key []any) error {
		s.found.add(Finding{Kind: Index, Table: t.name, Count: 1, Details: []string{fmt.Sprintf("%s lacks %s", x.name, keyText(t.key, key))}})
		return nil
	})
	if damaged(err) {
		s.found.add(Finding{Kind: Index, Table: t.name, Count: 1, Details: []string{fmt.Sprintf("%s: %v", x.name, err)}})
		return nil
	}
	return err
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
	if err := s.r.rows(ctx, query, append(args, pieceRows), func(entry []any) error {
		entries = append(entries, entry)
		return nil
	}); err != nil || len(entries) == 0 {
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
	if x == t.indexes[0] { // each row once
		s.found.add(Finding{Kind: RowsUnreadable, Table: t.name, Count: 1, Details: []string{keyText(x.columns, values)}})
	}
}

// vanished notes an entry without a row: either the row is gone without a trace, or the entry is damaged.
func (s *scrub) vanished(t *table, x *index, values, key []any) {
	if t.name == "event" && x.name == "event_id" {
		s.lose(number(key[0])).id = eventID(values[0])
	}
	s.found.add(Finding{Kind: Index, Table: t.name, Count: 1,
		Details: []string{fmt.Sprintf("%s names %s, which is not there", x.name, keyText(t.key, key))}})
}
