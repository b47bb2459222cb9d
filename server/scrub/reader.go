package scrub

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// reader is a connection to the database of its own, which can't write.
type reader struct {
	pool  *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	rest  float64
}

func openReader(ctx context.Context, path string, rest float64) (*reader, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: url.Values{"mode": {"ro"},
		"_pragma": {"busy_timeout(10000)", "query_only(1)", "cache_size(-1024)", "temp_store(2)"}}.Encode()}
	pool, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrUnusable, err), pool.Close())
	}
	return &reader{pool: pool, conn: conn, stmts: map[string]*sql.Stmt{}, rest: rest}, nil
}

func (r *reader) close() error {
	for _, s := range r.stmts {
		_ = s.Close() // closing the connection frees it too
	}
	return errors.Join(r.conn.Close(), r.pool.Close())
}

// piece runs fn on one consistent snapshot, and rests.
func (r *reader) piece(ctx context.Context, fn func() error) error {
	start := time.Now()
	if err := r.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	err := fn()
	end := r.exec(context.WithoutCancel(ctx), "ROLLBACK")
	if damaged(end) {
		end = nil // that of a statement before, once more
	}
	if err := errors.Join(err, end); err != nil {
		return err
	}
	return r.pause(ctx, time.Since(start))
}

// pause rests after work that took some time.
func (r *reader) pause(ctx context.Context, took time.Duration) error {
	timer := time.NewTimer(time.Duration(float64(took) * r.rest))
	defer timer.Stop()
	if r.rest <= 0 {
		return ctx.Err()
	}
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *reader) exec(ctx context.Context, query string) error {
	s, err := r.stmt(ctx, query)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(ctx)
	return err
}

func (r *reader) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := r.stmts[query]; s != nil {
		return s, nil
	}
	s, err := r.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	r.stmts[query] = s
	return s, nil
}

// errEnough ends rows without an error.
var errEnough = errors.New("enough")

// rows reads rows of values as SQLite has them: nil, int64, float64, string or []byte.
func (r *reader) rows(ctx context.Context, query string, args []any, each func(row []any) error) error {
	s, err := r.stmt(ctx, query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := each(row); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return rows.Err()
}

// collect is a function for rows that keeps them.
func collect(list *[][]any) func(row []any) error {
	return func(row []any) error {
		*list = append(*list, row)
		return nil
	}
}

// one reads one row into dest; where there is none, dest stays as it is.
func (r *reader) one(ctx context.Context, query string, args []any, dest ...any) error {
	s, err := r.stmt(ctx, query)
	if err != nil {
		return err
	}
	if err := s.QueryRowContext(ctx, args...).Scan(dest...); !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return nil
}

// damaged tells errors of a file that can't be read at some place: the rest may be whole.
func damaged(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR:
		return true
	}
	return false
}
