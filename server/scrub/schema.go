package scrub

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// table is a table as the database has it.
type table struct {
	name    string
	columns []string
	types   []string // as they are declared, of the columns
	key     []string // what its rows are ordered by: rowid, or the primary key
	indexes []*index
}

// index is an index beside a table.
type index struct {
	name    string
	columns []string
	where   string // the condition of a partial index, "" for the others
	sparse  bool   // a column may be null, which no comparison of rows finds, or is computed
	made    bool   // a column is computed
}

const (
	tablesOf = `SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'
		AND name NOT LIKE 'sqlite\_stat%' ESCAPE '\' ORDER BY name`
	columnsOf = `SELECT name, pk, "notnull", type FROM pragma_table_info(?) ORDER BY cid`
	isRowless = `SELECT wr FROM pragma_table_list(?)`
	indexesOf = `SELECT name FROM pragma_index_list(?1) l
		WHERE NOT (origin = 'pk' AND (SELECT wr FROM pragma_table_list(?1))) ORDER BY name`
	indexColumns = `SELECT name FROM pragma_index_info(?) ORDER BY seqno`
	indexSQL     = `SELECT coalesce((SELECT sql FROM sqlite_schema WHERE name = ?), '')`
)

// schema reads the tables, those first whose damage others follow from.
func (r *reader) schema(ctx context.Context) (tables []*table, err error) {
	err = r.rows(ctx, tablesOf, nil, func(row []any) error {
		tables = append(tables, &table{name: text(row[0])})
		return nil
	})
	for _, t := range tables {
		if err == nil {
			err = r.describe(ctx, t)
		}
	}
	first := []string{"timeline", "event"}
	slices.SortStableFunc(tables, func(a, b *table) int {
		return cmp.Compare(slices.Index(first, b.name), slices.Index(first, a.name))
	})
	return tables, err
}

func (r *reader) describe(ctx context.Context, t *table) error {
	nullable := map[string]bool{}
	var primary []string // in the order of the columns, until they are sorted
	places := map[string]int64{}
	err := r.rows(ctx, columnsOf, []any{t.name}, func(row []any) error {
		name := text(row[0])
		t.columns, t.types = append(t.columns, name), append(t.types, text(row[3]))
		if places[name] = number(row[1]); places[name] > 0 {
			primary = append(primary, name)
		} else {
			nullable[name] = number(row[2]) == 0
		}
		return nil
	})
	if err != nil {
		return err
	}
	var rowless int64
	if err := r.one(ctx, isRowless, []any{t.name}, &rowless); err != nil {
		return err
	}
	t.key = []string{"rowid"}
	if rowless != 0 {
		slices.SortFunc(primary, func(a, b string) int { return cmp.Compare(places[a], places[b]) })
		t.key = primary
	}
	return r.describeIndexes(ctx, t, nullable)
}

func (r *reader) describeIndexes(ctx context.Context, t *table, nullable map[string]bool) error {
	err := r.rows(ctx, indexesOf, []any{t.name}, func(row []any) error {
		t.indexes = append(t.indexes, &index{name: text(row[0])})
		return nil
	})
	for _, x := range t.indexes {
		if err != nil {
			return err
		}
		err = r.rows(ctx, indexColumns, []any{x.name}, func(row []any) error {
			x.columns = append(x.columns, text(row[0]))
			x.made = x.made || row[0] == nil
			x.sparse = x.sparse || x.made || nullable[text(row[0])]
			return nil
		})
		var sql string
		if err == nil {
			err = r.one(ctx, indexSQL, []any{x.name}, &sql)
		}
		_, x.where, _ = strings.Cut(sql, " WHERE ")
	}
	return err
}

// mistyped names the first column whose value is of another type than it is declared with, "" where there is none: a flipped bit in a row's header
// can make nothing of a number. What must not be null is SQLite's to find.
func (t *table) mistyped(row []any) string {
	for i, v := range row[len(t.key):] {
		_, isInt := v.(int64)
		_, isText := v.(string)
		_, isBlob := v.([]byte)
		switch {
		case v == nil, t.types[i] == "INTEGER" && isInt, t.types[i] == "TEXT" && isText, t.types[i] == "BLOB" && isBlob:
		case t.types[i] == "INTEGER", t.types[i] == "TEXT", t.types[i] == "BLOB":
			return t.columns[i]
		}
	}
	return ""
}

// at gives the value of a column in a row of walk: the key comes first.
func (t *table) at(row []any, column string) any {
	return row[len(t.key)+slices.Index(t.columns, column)]
}

// list writes columns of an alias.
func list(alias string, columns []string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = alias + "." + quoted(c)
	}
	return strings.Join(out, ", ")
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// compared compares columns with as many values: (a, b) > (?, ?).
func compared(alias string, columns []string, operator string) string {
	return "(" + list(alias, columns) + ") " + operator + " (?" + strings.Repeat(", ?", len(columns)-1) + ")"
}

// same says that two aliases have the same values in columns.
func same(a, b string, columns []string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = a + "." + quoted(c) + " IS " + b + "." + quoted(c)
	}
	return strings.Join(out, " AND ")
}

// span is the condition that a key lies after one and up to another; a nil one is no bound.
func span(alias string, columns []string, after, upTo []any) (condition string, args []any) {
	condition = "true"
	if after != nil {
		condition += " AND " + compared(alias, columns, ">")
		args = append(args, after...)
	}
	if upTo != nil {
		condition += " AND " + compared(alias, columns, "<=")
		args = append(args, upTo...)
	}
	return condition, args
}

// Values of rows; those of another type than they should have, as damage makes them, are zero.

func number(v any) int64 {
	n, _ := v.(int64)
	return n
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func blob(v any) []byte {
	b, _ := v.([]byte)
	return b
}

// keyText shows a key to people who look into the database.
func keyText(columns []string, key []any) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		format := "%s = %v"
		if _, ok := key[i].([]byte); ok {
			format = "%s = %x"
		}
		out[i] = fmt.Sprintf(format, c, key[i])
	}
	return strings.Join(out, ", ")
}
