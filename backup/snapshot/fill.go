package snapshot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"beffroi/server/store"
)

// A Filler makes a database of rows.
type Filler struct {
	file
	tables  []Table
	indexes []index // made again at the end, which is faster and gives a smaller file
	insert  *sql.Stmt
	bytes   int // since the last commit
}

type index struct{ name, sql string }

// commitSize is how many bytes of rows are in a transaction: the write-ahead log stays small.
const commitSize = 4 << 20

// Create makes an empty database with the schema of a version that store knows. There must be no file at path.
func Create(ctx context.Context, path string, schema int) (*Filler, error) {
	if err := store.Create(ctx, path, schema); err != nil {
		return nil, err
	}
	// What is written here counts only once it was read again and synced as a whole.
	file, err := openFile(ctx, path, "rw", "synchronous(OFF)", "cache_size(-1024)")
	if err != nil {
		return nil, err
	}
	f := &Filler{file: file}
	if err := f.empty(ctx); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// empty takes out what the migrations put in, and the indexes.
func (f *Filler) empty(ctx context.Context) (err error) {
	if err := f.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	if f.tables, err = f.file.tables(ctx); err != nil {
		return err
	}
	for _, t := range f.tables {
		if err := f.exec(ctx, "DELETE FROM "+quoted(t.Name)); err != nil {
			return err
		}
	}
	names, err := f.texts(ctx, `SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name`)
	if err != nil {
		return err
	}
	sqls, err := f.texts(ctx, `SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name`)
	for i := range sqls {
		f.indexes = append(f.indexes, index{names[i], sqls[i]})
		if err := f.exec(ctx, "DROP INDEX "+quoted(names[i])); err != nil {
			return err
		}
	}
	return err
}

// SchemaError says that rows don't fit the schema.
type SchemaError struct{ What string }

func (e *SchemaError) Error() string { return "the rows don't fit the schema: " + e.What }

// Table begins a table, which must have these columns.
func (f *Filler) Table(ctx context.Context, name string, columns []string) (err error) {
	known := slices.IndexFunc(f.tables, func(t Table) bool { return t.Name == name })
	if known < 0 || !slices.Equal(f.tables[known].Columns, columns) {
		return &SchemaError{fmt.Sprintf("table %q", name)}
	}
	if err := f.endTable(); err != nil {
		return err
	}
	// Filling a table whose numbers are never given twice makes rows here.
	if err := f.exec(ctx, "DELETE FROM "+quoted(name)); err != nil {
		return err
	}
	f.insert, err = f.conn.PrepareContext(ctx, "INSERT INTO "+quoted(name)+" ("+quotedList(columns)+") VALUES (?"+
		strings.Repeat(", ?", len(columns)-1)+")")
	return err
}

func (f *Filler) endTable() error {
	if f.insert == nil {
		return nil
	}
	err := f.insert.Close()
	f.insert = nil
	return err
}

// Row adds a row to the table. An error is a *SchemaError where the schema forbids the row.
func (f *Filler) Row(ctx context.Context, row []any) error {
	if _, err := f.insert.ExecContext(ctx, row...); err != nil {
		if ctx.Err() == nil && strings.Contains(err.Error(), "constraint failed") {
			err = &SchemaError{err.Error()}
		}
		return err
	}
	for _, v := range row {
		f.bytes += 8
		switch v := v.(type) {
		case string:
			f.bytes += len(v)
		case []byte:
			f.bytes += len(v)
		}
	}
	if f.bytes < commitSize {
		return nil
	}
	f.bytes = 0
	return errors.Join(f.exec(ctx, "COMMIT"), f.exec(ctx, "BEGIN"))
}

// Finish makes the indexes. The database is whole after it, but not yet safe from a power cut.
func (f *Filler) Finish(ctx context.Context) error {
	if err := errors.Join(f.endTable(), f.exec(ctx, "COMMIT")); err != nil {
		return err
	}
	for _, i := range f.indexes {
		err := f.exec(ctx, i.sql)
		if err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "constraint failed") {
			err = &SchemaError{"index " + i.name}
		}
		if err != nil {
			return err
		}
	}
	return f.exec(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
}

// Close closes the database.
func (f *Filler) Close() error { return errors.Join(f.endTable(), f.close()) }
