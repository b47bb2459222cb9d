package scrub

import (
	"context"
	"fmt"
	"math"
	"strings"
)

// A piece of a table is read in one snapshot: so many rows, or bytes, whichever comes first.
const (
	pieceRows  = 500
	pieceBytes = 1 << 20
)

// way is a direction through a table.
type way struct{ operator, order string }

var (
	onward = way{">", ""}
	back   = way{"<", " DESC"}
)

// walk reads every row of a table, and goes around what can't be read.
func (s *scrub) walk(ctx context.Context, t *table) error {
	var after []any
	for {
		last, err := s.step(ctx, t, onward, after, nil, pieceRows)
		if err == nil && last == nil {
			return nil
		}
		if damaged(err) {
			last, err = s.around(ctx, t, after, err)
		}
		if err != nil || last == nil {
			return err
		}
		after = last
	}
}

// step reads one piece of rows beyond a key, up to a bound in that direction, and checks them. It gives the key of the last, nil where there was none.
func (s *scrub) step(ctx context.Context, t *table, w way, from, bound []any, limit int) (last []any, err error) {
	err = s.r.piece(ctx, func() error {
		rows, err := s.read(ctx, t, w, from, bound, limit)
		if err != nil || len(rows) == 0 {
			return err
		}
		first := rows[0][:len(t.key)]
		last = rows[len(rows)-1][:len(t.key)]
		if w == back {
			return s.check(ctx, t, rows, last, first)
		}
		return s.check(ctx, t, rows, first, last)
	})
	if err != nil {
		return nil, err
	}
	return last, s.uploads(ctx)
}

// read reads a piece: the key of each row, then its columns.
func (s *scrub) read(ctx context.Context, t *table, w way, from, bound []any, limit int) (rows [][]any, err error) {
	query := "SELECT " + list("t", t.key) + ", " + list("t", t.columns) + " FROM " + quoted(t.name) + " t NOT INDEXED WHERE true"
	var args []any
	if from != nil {
		query, args = query+" AND "+compared("t", t.key, w.operator), append(args, from...)
	}
	if bound != nil {
		opposite := map[way]string{onward: "<", back: ">"}[w]
		query, args = query+" AND "+compared("t", t.key, opposite), append(args, bound...)
	}
	ordered := make([]string, len(t.key))
	for i, c := range t.key {
		ordered[i] = "t." + quoted(c) + w.order
	}
	query += " ORDER BY " + strings.Join(ordered, ", ") + " LIMIT ?"
	size := 0
	err = s.r.rows(ctx, query, append(args, limit), func(row []any) error {
		rows = append(rows, row)
		if size += rowSize(row); size > pieceBytes {
			return errEnough
		}
		return nil
	})
	return rows, err
}

func rowSize(row []any) (n int) {
	for _, v := range row {
		n += 8 + len(text(v)) + len(blob(v))
	}
	return n
}

// around is called where a piece can't be read. It reads the rows up to the damaged place one by one, finds one behind it, and reads back to it
// from there. It gives the key to go on from, nil where nothing behind it can be read.
func (s *scrub) around(ctx context.Context, t *table, after []any, cause error) ([]any, error) {
	before, err := s.oneByOne(ctx, t, onward, after, nil)
	if err == nil {
		return before, nil // it can be read now
	}
	if !damaged(err) {
		return nil, err
	}
	behind, err := s.behind(ctx, t, before)
	if err != nil {
		return nil, err
	}
	s.found.add(Finding{Kind: RowsUnreadable, Table: t.name, Details: []string{hole(t, before, behind, cause)}})
	if behind == nil {
		return nil, nil
	}
	for from := behind; ; {
		last, err := s.step(ctx, t, back, from, before, pieceRows)
		if damaged(err) {
			_, err = s.oneByOne(ctx, t, back, from, before)
			if damaged(err) {
				err = nil
			}
			return behind, err
		}
		if err != nil || last == nil {
			return behind, err
		}
		from = last
	}
}

func hole(t *table, before, behind []any, cause error) string {
	from, to := "the beginning", "the end"
	if before != nil {
		from = keyText(t.key, before)
	}
	if behind != nil {
		to = keyText(t.key, behind)
	}
	return fmt.Sprintf("%s: unreadable after %s, before or at %s: %v", t.name, from, to, cause)
}

// oneByOne reads rows until one can't be read, or a piece of them is read; it gives the key of the last that could be.
func (s *scrub) oneByOne(ctx context.Context, t *table, w way, from, bound []any) ([]any, error) {
	for range pieceRows + 1 {
		next, err := s.step(ctx, t, w, from, bound, 1)
		if err != nil || next == nil {
			return from, err
		}
		from = next
	}
	return from, nil
}

// behind finds a row beyond an unreadable one, by ever larger leaps: first in the key's last column, then in those before it. The row it finds is
// checked. nil: none can be read.
func (s *scrub) behind(ctx context.Context, t *table, before []any) ([]any, error) {
	if before == nil {
		before = make([]any, len(t.key)) // null is below everything
	}
	for column := len(t.key) - 1; column >= 0; column-- {
		for _, leap := range leaps(before[column]) {
			from := append(append([]any{}, before[:column]...), leap)
			for len(from) < len(t.key) {
				from = append(from, []byte(highest))
			}
			found, err := s.step(ctx, t, onward, from, nil, 1)
			if !damaged(err) {
				return found, err
			}
		}
	}
	return nil, nil
}

// highest, as a blob, is above all values of keys: SQLite sorts numbers, texts, blobs in this order, and no key of ours begins with these bytes.
const highest = "\xff\xff\xff\xff\xff\xff\xff\xff"

// leaps are values above v, each further away than the one before.
func leaps(v any) (list []any) {
	switch v := v.(type) {
	case nil:
		for j := range 63 {
			list = append(list, int64(1)<<j)
		}
		return append(list, "", "9", "Z", "m", "~")
	case int64:
		for j := range 63 {
			if step := int64(1) << j; v <= math.MaxInt64-step {
				list = append(list, v+step)
			}
		}
	case string:
		for _, b := range above([]byte(v)) {
			list = append(list, string(b))
		}
	case []byte:
		for _, b := range above(v) {
			list = append(list, b)
		}
	}
	return append(list, []byte(highest))
}

// above shortens bytes from their end, and raises the last that is left.
func above(b []byte) (list [][]byte) {
	for n := len(b); n > 0; n-- {
		if b[n-1] < 0x7f { // texts stay texts
			up := append([]byte{}, b[:n]...)
			up[n-1]++
			list = append(list, up)
		}
	}
	return list
}
