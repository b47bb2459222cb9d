package scrub

import (
	"context"
	"fmt"
	"math"
	"slices"
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
	from   = way{">=", ""}
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
func (s *scrub) step(ctx context.Context, t *table, w way, start, bound []any, limit int) (last []any, err error) {
	err = s.r.piece(ctx, func() error {
		rows, err := s.read(ctx, t, w, start, bound, limit)
		if err != nil || len(rows) == 0 {
			return err
		}
		last = rows[len(rows)-1][:len(t.key)]
		if w == back {
			slices.Reverse(rows)
		}
		return s.check(ctx, t, rows)
	})
	if err != nil {
		return nil, err
	}
	return last, s.uploads(ctx)
}

// read reads a piece: the key of each row, then its columns.
func (s *scrub) read(ctx context.Context, t *table, w way, start, bound []any, limit int) (rows [][]any, err error) {
	query := "SELECT " + list("t", t.key) + ", " + list("t", t.columns) + " FROM " + quoted(t.name) + " t NOT INDEXED WHERE true"
	var args []any
	if start != nil {
		query, args = query+" AND "+compared("t", t.key, w.operator), append(args, start...)
	}
	if bound != nil {
		opposite := "<"
		if w == back {
			opposite = ">"
		}
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
	first, err := s.reach(ctx, t, back, behind, before)
	if err != nil {
		return nil, err
	}
	return behind, s.between(ctx, t, before, first)
}

// reach reads rows from one on until none is left or one can't be read, and gives the key of the last that could be.
func (s *scrub) reach(ctx context.Context, t *table, w way, start, bound []any) ([]any, error) {
	for {
		last, err := s.step(ctx, t, w, start, bound, pieceRows)
		if damaged(err) {
			start, err = s.oneByOne(ctx, t, w, start, bound)
			if damaged(err) {
				err = nil
			}
			return start, err
		}
		if err != nil || last == nil {
			return start, err
		}
		start = last
	}
}

// maxProbes bounds how often the rows between two damaged places are looked for.
const maxProbes = 2000

// between looks for rows among those that can't be read, where the key is one number: halves, and halves of them.
func (s *scrub) between(ctx context.Context, t *table, before, first []any) error {
	if len(t.key) > 1 {
		return nil
	}
	type span struct{ low, high int64 } // both ends are known
	low, _ := slices.Concat(before, []any{int64(0)})[0].(int64)
	todo := []span{{low, number(first[0])}}
	for probes := 0; len(todo) > 0 && probes < maxProbes; probes++ {
		at := todo[0]
		todo = todo[1:]
		if at.high-at.low < 2 {
			continue
		}
		middle := at.low + (at.high-at.low+1)/2
		row, err := s.step(ctx, t, from, []any{middle}, []any{at.high}, 1)
		switch {
		case damaged(err):
			if at.high-at.low > 2 {
				todo = append(todo, span{at.low, middle}, span{middle - 1, at.high})
			}
		case err != nil:
			return err
		case row == nil:
			todo = append(todo, span{at.low, middle})
		default:
			left, err := s.reach(ctx, t, back, row, []any{at.low})
			if err != nil {
				return err
			}
			right, err := s.reach(ctx, t, onward, row, []any{at.high})
			if err != nil {
				return err
			}
			todo = append(todo, span{at.low, number(left[0])}, span{number(right[0]), at.high})
		}
	}
	return nil
}

func hole(t *table, before, behind []any, cause error) string {
	after, until := "the beginning", "the end"
	if before != nil {
		after = keyText(t.key, before)
	}
	if behind != nil {
		until = keyText(t.key, behind)
	}
	return fmt.Sprintf("%s: unreadable after %s, before or at %s: %v", t.name, after, until, cause)
}

// oneByOne reads rows until one can't be read, or a piece of them is read; it gives the key of the last that could be.
func (s *scrub) oneByOne(ctx context.Context, t *table, w way, start, bound []any) ([]any, error) {
	for range pieceRows + 1 {
		next, err := s.step(ctx, t, w, start, bound, 1)
		if err != nil || next == nil {
			return start, err
		}
		start = next
	}
	return start, nil
}

// behind finds a row beyond an unreadable one, by ever larger leaps: first in the key's last column, then in those before it. The row it finds is
// checked. nil: none can be read.
func (s *scrub) behind(ctx context.Context, t *table, before []any) ([]any, error) {
	if before == nil {
		before = make([]any, len(t.key)) // null is below everything
	}
	for column := len(t.key) - 1; column >= 0; column-- {
		for _, leap := range leaps(before[column]) {
			start := append(append([]any{}, before[:column]...), leap)
			for len(start) < len(t.key) {
				start = append(start, []byte(highest))
			}
			found, err := s.step(ctx, t, onward, start, nil, 1)
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
