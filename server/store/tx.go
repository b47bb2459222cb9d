package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Reader reads one consistent snapshot. It belongs to the function that received it.
type Reader struct {
	ctx   context.Context
	until time.Time // the read ends then; zero: whenever
	conn  *conn
	atoms *atomCache

	erased *erasedUsers // nil: nobody's events are hidden

	writing bool            // in the writer: what is read may yet be rolled back, so it is not cached
	fresh   map[string]Atom // atoms that this write made
}

// Tx is a write in the writer's transaction; it reads what it wrote.
type Tx struct {
	Reader
	pos        *positions
	frames     map[string]int64 // those known to the writer
	servers    *roomServers     // the writer's
	events     int64            // added less deleted
	onCommit   []func()
	onRollback []func(error)

	touched  []touch // for News
	redacted []NID   // events that are other than they were
	added    *Event  // the last event that was stored
	outgoing bool    // something was queued for other servers
}

// NextPos gives the next position of the streams. A write that fails loses the positions it took.
func (tx *Tx) NextPos() (int64, error) { return tx.pos.next(tx.ctx, tx.conn) }

// OnCommit runs f after the write is durable and published, before its caller is answered. f must be quick.
func (tx *Tx) OnCommit(f func()) { tx.onCommit = append(tx.onCommit, f) }

// OnRollback runs f where the write did not become durable, before its caller is answered.
func (tx *Tx) OnRollback(f func(error)) { tx.onRollback = append(tx.onRollback, f) }

func (tx *Tx) finish(err error) {
	if err != nil {
		for _, f := range tx.onRollback {
			f(err)
		}
		return
	}
	for text, atom := range tx.fresh {
		tx.atoms.put(atom, text)
	}
	for _, f := range tx.onCommit {
		f()
	}
}

func (tx *Tx) exec(query string, args ...any) error {
	_, err := tx.execCount(query, args...)
	return err
}

// execCount is exec that tells how many rows were touched.
func (tx *Tx) execCount(query string, args ...any) (int64, error) {
	res, err := tx.conn.exec(tx.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	tx.conn.wrote.Add(n)
	return n, err
}

// insert is exec that tells the new row's integer key.
func (tx *Tx) insert(query string, args ...any) (int64, error) {
	res, err := tx.conn.exec(tx.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	tx.conn.wrote.Add(1)
	return res.LastInsertId()
}

// stmt prepares a statement, unless the reader's time is over. That is looked at before each statement and each row: a context
// that watched over the statement itself would cost three times what most of them do.
func (r *Reader) stmt(query string) (*sql.Stmt, error) {
	if err := r.over(); err != nil {
		return nil, err
	}
	return r.conn.stmt(context.Background(), query)
}

// over tells why the read must end. It has no context of its own: one would stay with the request's for as long as that waits.
func (r *Reader) over() error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if !r.until.IsZero() && time.Now().After(r.until) {
		return context.DeadlineExceeded
	}
	return nil
}

// row reads one row into dest. It tells whether there was one.
func (r *Reader) row(query string, args []any, dest ...any) (bool, error) {
	s, err := r.stmt(query)
	if err != nil {
		return false, err
	}
	err = s.QueryRowContext(context.Background(), args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	r.conn.read.Add(1)
	return err == nil, err
}

// rows reads every row with scan.
func (r *Reader) rows(query string, args []any, scan func(*sql.Rows) error) error {
	s, err := r.stmt(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		r.conn.read.Add(1)
		if err := r.over(); err != nil {
			return err
		}
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// list collects rows.
func list[T any](r *Reader, query string, args []any, scan func(*sql.Rows) (T, error)) ([]T, error) {
	var out []T
	err := r.rows(query, args, func(rows *sql.Rows) error {
		v, err := scan(rows)
		out = append(out, v)
		return err
	})
	return out, err
}

// in is a short way to write a query's arguments.
func in(args ...any) []any { return args }

// readerPool hands out read-only connections.
type readerPool struct {
	free   chan *conn
	all    []*conn
	closed chan struct{}
}

func openReaders(ctx context.Context, path string, n int) (*readerPool, error) {
	p := &readerPool{free: make(chan *conn, n), closed: make(chan struct{})}
	for range n {
		c, err := openConn(ctx, dsn(path, "ro", "busy_timeout(10000)", "query_only(1)", cacheSize(readerCache), "temp_store(2)"))
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		p.all = append(p.all, c)
		p.free <- c
	}
	return p, nil
}

// take waits for a connection. It must be given back to free.
func (p *readerPool) take(ctx context.Context, until time.Time) (*conn, error) {
	select { // first, because where several cases are ready one is taken by chance
	case <-p.closed:
		return nil, ErrClosed
	default:
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case c := <-p.free:
		return c, nil
	default:
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	select {
	case c := <-p.free:
		return c, nil
	case <-p.closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// close waits for the reads that run and closes every connection.
func (p *readerPool) close() error {
	close(p.closed)
	var errs []error
	for range p.all {
		errs = append(errs, (<-p.free).close())
	}
	return errors.Join(errs...)
}

// Read runs fn on a consistent snapshot of what was committed. It ends with ctx, and after 30 seconds at most.
func (db *DB) Read(ctx context.Context, fn func(r *Reader) error) error {
	return db.read(ctx, db.r, fn)
}

// Peek is Read for a few rows found by their keys. Such reads have connections of their own: what stands before every send and every
// request must not wait behind first syncs.
func (db *DB) Peek(ctx context.Context, fn func(r *Reader) error) error {
	return db.read(ctx, db.peek, fn)
}

func (db *DB) read(ctx context.Context, pool *readerPool, fn func(r *Reader) error) (err error) {
	until := time.Now().Add(readTimeout)
	c, err := pool.take(ctx, until)
	if err != nil {
		return err
	}
	defer func() { pool.free <- c }()
	if _, err := c.exec(context.Background(), "BEGIN"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { // also when fn panics: the connection's next reader needs a snapshot of its own
		if _, end := c.exec(context.Background(), "COMMIT"); end != nil {
			err = errors.Join(err, end)
		}
	}()
	return fn(&Reader{ctx: ctx, until: until, conn: c, atoms: db.atoms, erased: db.erased})
}

// Get runs a read that gives one value.
func Get[T any](ctx context.Context, db *DB, fn func(r *Reader) (T, error)) (v T, err error) {
	err = db.Read(ctx, func(r *Reader) error {
		v, err = fn(r)
		return err
	})
	return v, err
}

// Millis is a time as the specification writes it: milliseconds since the Unix epoch.
func Millis(t time.Time) int64 { return t.UnixMilli() }
