// Package snapshot reads every table of a database that another process may be writing to, and fills a new one.
package snapshot

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // the driver

	"beffroi/server/store"
)

// Snapshot is one consistent state of a database. It holds back the end of the database's write-ahead log until it is closed.
type Snapshot struct {
	file
	tables []Table
}

// Table is a table of a database, with all its columns.
type Table struct {
	Name    string
	Columns []string
	order   []string // the columns that its rows are sorted by: the primary key, or all
}

// file is one connection to a database, with one transaction at a time.
type file struct {
	pool *sql.DB
	conn *sql.Conn
}

// openFile opens a database that must exist, with the pragmas given.
func openFile(ctx context.Context, path, mode string, pragmas ...string) (f file, err error) {
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: url.Values{"mode": {mode}, "_pragma": pragmas}.Encode()}
	if f.pool, err = sql.Open("sqlite", u.String()); err != nil {
		return f, err
	}
	f.pool.SetMaxOpenConns(1)
	if f.conn, err = f.pool.Conn(ctx); err != nil {
		return f, errors.Join(err, f.pool.Close())
	}
	return f, nil
}

func (f *file) exec(ctx context.Context, query string) error {
	_, err := f.conn.ExecContext(ctx, query)
	return err
}

func (f *file) close() error { return errors.Join(f.conn.Close(), f.pool.Close()) }

// ErrForeign says that a file is no database of Beffroi.
var ErrForeign = errors.New("not a database of Beffroi")

// Open begins to read the database at path. Its server may be running, stopped, or killed.
func Open(ctx context.Context, path string) (*Snapshot, error) {
	f, err := openFile(ctx, path, "ro", "busy_timeout(10000)", "query_only(1)", "cache_size(-2048)")
	if err != nil {
		return nil, err
	}
	s := &Snapshot{file: f}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return s, nil
}

func (s *Snapshot) begin(ctx context.Context) error {
	if err := s.exec(ctx, "BEGIN"); err != nil { // the first read fixes what is seen
		return err
	}
	var id int64
	if err := s.conn.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if id != store.ApplicationID {
		return ErrForeign
	}
	var err error
	s.tables, err = s.file.tables(ctx)
	return err
}

// Close ends the snapshot.
func (s *Snapshot) Close() error { return s.close() }

// Tables are all tables by name, SQLite's own list of used numbers among them.
func (s *Snapshot) Tables() []Table { return s.tables }

// What SQLite derives from the others (statistics of ANALYZE) is no content, and neither is what the server does (the full-text index).
const tableNames = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_stat%' ESCAPE '\' ORDER BY name`

func (f *file) tables(ctx context.Context) ([]Table, error) {
	names, err := f.texts(ctx, tableNames)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, store.Derived)
	tables := make([]Table, len(names))
	for i, name := range names {
		if tables[i], err = f.table(ctx, name); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

func (f *file) table(ctx context.Context, name string) (t Table, err error) {
	t.Name = name
	if t.Columns, err = f.texts(ctx, `SELECT name FROM pragma_table_info(?) ORDER BY cid`, name); err != nil {
		return t, err
	}
	if t.order, err = f.texts(ctx, `SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk`, name); len(t.order) == 0 {
		t.order = t.Columns
	}
	return t, err
}

func (f *file) texts(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := f.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var texts []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, rows.Err()
}

// Rows reads a table in the order of its primary key. The values are nil, int64, float64, string or []byte, as SQLite has them; row is good
// until each returns.
func (s *Snapshot) Rows(ctx context.Context, t Table, each func(row []any) error) error {
	rows, err := s.conn.QueryContext(ctx, t.query())
	if err != nil {
		return err
	}
	defer rows.Close()
	row, into := make([]any, len(t.Columns)), make([]any, len(t.Columns))
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, v := range row { // the driver reads an empty blob as nil, and would write that as null
			if b, ok := v.([]byte); ok && b == nil {
				row[i] = []byte{}
			}
		}
		if err := each(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// query names each column as an expression, whose type the driver doesn't look up to turn numbers into times or truth values.
func (t Table) query() string {
	values := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		values[i] = "+" + quoted(c)
	}
	return "SELECT " + strings.Join(values, ", ") + " FROM " + quoted(t.Name) + " ORDER BY " + quotedList(t.order)
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quotedList(names []string) string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = quoted(n)
	}
	return strings.Join(list, ", ")
}

// About is what a database says of its server.
type About struct {
	Schema     int
	ServerName string
	Recipients string // of backups, separated by spaces; empty: none
	KeyID      string // the signing key; empty: none
	Key        ed25519.PrivateKey
}

// About reads what the database says of its server.
func (s *Snapshot) About(ctx context.Context) (a About, err error) {
	if err = s.one(ctx, `SELECT version FROM version`, nil, &a.Schema); err != nil {
		return a, err
	}
	for name, dest := range map[string]*string{store.MetaServerName: &a.ServerName, store.MetaBackupRecipient: &a.Recipients} {
		if err = s.one(ctx, `SELECT value FROM meta WHERE name = ?`, []any{name}, dest); err != nil {
			return a, err
		}
	}
	var seed []byte
	err = s.one(ctx, `SELECT key_id, seed FROM signing_key WHERE expired IS NULL ORDER BY created DESC LIMIT 1`, nil, &a.KeyID, &seed)
	if len(seed) == ed25519.SeedSize {
		a.Key = ed25519.NewKeyFromSeed(seed)
	}
	return a, err
}

// one reads one row; where there is none, dest stays as it is.
func (s *Snapshot) one(ctx context.Context, query string, args []any, dest ...any) error {
	err := s.conn.QueryRowContext(ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// Content is a file of the content repository.
type Content struct {
	Sum  [32]byte
	Size int64
}

// Contents are the files that the database names, each once, by their hashes.
func (s *Snapshot) Contents(ctx context.Context) ([]Content, error) {
	rows, err := s.conn.QueryContext(ctx, `SELECT DISTINCT sha256, size FROM media ORDER BY sha256`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Content
	for rows.Next() {
		var sum []byte
		var c Content
		if err := rows.Scan(&sum, &c.Size); err != nil {
			return nil, err
		}
		if copy(c.Sum[:], sum) != len(sum) || len(sum) != len(c.Sum) {
			return nil, fmt.Errorf("media with a hash of %d bytes", len(sum))
		}
		list = append(list, c)
	}
	return list, rows.Err()
}
