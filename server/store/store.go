// Package store keeps everything Beffroi knows in one SQLite file: numbered migrations, one writer with group
// commit, a pool of readers with consistent snapshots, checkpoints apart. One file per family of tables; the SQL
// stands beside the code that uses it.
//
// The schema and its reasons: ARCHITECTURE.md, "The store".
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"modernc.org/sqlite" // also the driver, under the name "sqlite"
)

const (
	// PageSize of the database file in bytes, chosen by server/bench; it can be changed only by rewriting the file.
	PageSize = 1024

	applicationID = 0x42465249 // "BFRI"

	readers         = 4
	peekers         = 2
	writerCache     = 4 << 20 // bytes
	readerCache     = 2 << 20 // bytes, of each
	checkpointCache = 256 << 10

	// CacheBytes is what all the connections' page caches hold at most. It lies outside Go's heap.
	CacheBytes = writerCache + (readers+peekers)*readerCache + checkpointCache

	readTimeout = 30 * time.Second
)

// DB is the open database.
type DB struct {
	log     zerolog.Logger
	path    string
	w       *writer
	r       *readerPool
	peek    *readerPool // for short reads, which never wait behind long ones
	cp      *checkpointer
	atoms   *atomCache
	erased  *erasedUsers
	visible atomic.Int64 // the published position
	high    atomic.Pointer[highWater]
	missing Missing // below the mark, at the opening
	lacks   bool
	recent  *recent // what was published last

	outgoing chan struct{} // something was queued for other servers

	closing sync.Once
	closed  error
}

// Open opens the database at path, makes it where there is none, and brings its schema up to date.
// A damaged, foreign or newer file is refused with a *RefusedError and not touched.
func Open(ctx context.Context, path string, log zerolog.Logger) (*DB, error) {
	if err := inspect(ctx, path); err != nil {
		return nil, err
	}
	unclean := hasWAL(path)
	if err := create(ctx, path); err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	conn, err := openWriterConn(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db := &DB{log: log, path: path, atoms: newAtomCache(), erased: &erasedUsers{}, outgoing: make(chan struct{}, 1)}
	if err := migrate(ctx, conn.pool, log); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate %s: %w", path, err), conn.close())
	}
	if err := db.start(ctx, conn, unclean); err != nil {
		return nil, errors.Join(err, conn.close())
	}
	if err := db.judge(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) start(ctx context.Context, conn *conn, unclean bool) (err error) {
	pos, err := loadPositions(ctx, conn)
	if err != nil {
		return err
	}
	if unclean {
		pos.last += uncleanJump
	}
	db.visible.Store(pos.published())
	db.recent = &recent{floor: pos.published()}
	if db.peek, err = openReaders(ctx, db.path, peekers); err != nil {
		return err
	}
	if db.r, err = openReaders(ctx, db.path, readers); err != nil {
		return errors.Join(err, db.peek.close())
	}
	if db.cp, err = openCheckpointer(ctx, db); err != nil {
		return errors.Join(err, db.r.close(), db.peek.close())
	}
	if err := db.loadErased(ctx); err != nil {
		return errors.Join(err, db.cp.close(), db.r.close(), db.peek.close())
	}
	db.w = startWriter(db, conn, pos)
	return nil
}

// Close answers what is queued, moves the WAL into the database and closes it. Closing again does nothing.
func (db *DB) Close() error {
	db.closing.Do(func() {
		db.closed = errors.Join(db.w.close(), db.r.close(), db.peek.close(), db.cp.close()) // in this order
	})
	return db.closed
}

// Visible is the published position: every row with a position up to it can be read, and none of them will change place.
func (db *DB) Visible() int64 { return db.visible.Load() }

// Syncs counts how often the store asked the disk to make writes durable: commits, checkpoints and marks.
// It is an estimate for machines where the kernel's counters can't be read.
func (db *DB) Syncs() int64 {
	return db.w.commits.Load() + db.cp.syncs.Load() + db.high.Load().syncs.Load()
}

// Reads counts the statements that were run on the readers' connections: for tests and benchmarks.
func (db *DB) Reads() (n int64) {
	for _, pool := range []*readerPool{db.r, db.peek} {
		for _, c := range pool.all {
			n += c.runs.Load()
		}
	}
	return n
}

// Rows counts the rows that were read, in the writer too, and the rows that were written, since the database was opened: for tests and
// benchmarks.
func (db *DB) Rows() (read, written int64) {
	for _, c := range append([]*conn{db.w.conn}, append(db.r.all, db.peek.all...)...) {
		read += c.read.Load()
		written += c.wrote.Load()
	}
	return read, written
}

// dsn writes a SQLite URI with the given pragmas.
func dsn(path, mode string, pragmas ...string) string {
	v := url.Values{"mode": {mode}, "_pragma": pragmas}
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: v.Encode()}
	return u.String()
}

// conn is one SQLite connection with its prepared statements. It is used by one goroutine at a time.
type conn struct {
	pool  *sql.DB
	c     *sql.Conn
	stmts map[string]*sql.Stmt
	runs  atomic.Int64 // how many statements were asked for
	read  atomic.Int64 // how many rows were read
	wrote atomic.Int64 // how many rows were written
}

func openConn(ctx context.Context, uri string) (*conn, error) {
	pool, err := sql.Open("sqlite", uri)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	c, err := pool.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &conn{pool: pool, c: c, stmts: map[string]*sql.Stmt{}}, nil
}

func openWriterConn(ctx context.Context, path string) (*conn, error) {
	return openConn(ctx, dsn(path, "rw", "busy_timeout(10000)", "synchronous(FULL)", "journal_mode(WAL)", "wal_autocheckpoint(0)",
		cacheSize(writerCache), "temp_store(2)"))
}

// create makes the file where there is none, with what can't be changed later and the mark by which it is known as ours.
func create(ctx context.Context, path string) error {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		return nil
	}
	c, err := openConn(ctx, dsn(path, "rwc"))
	if err != nil {
		return err
	}
	// One by one, because the driver sorts the pragmas of an address. The mark stands in the file itself before the first page
	// goes to a WAL. There is nothing to roll back to, so there is no journal: a kill would leave it, and inspect, which only
	// reads, could do nothing with it.
	for _, pragma := range []string{fmt.Sprintf("page_size = %d", PageSize), "synchronous = FULL", "journal_mode = MEMORY",
		fmt.Sprintf("application_id = %d", applicationID), "journal_mode = WAL"} {
		if _, err := c.c.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return errors.Join(err, c.close())
		}
	}
	return c.close()
}

// stmt prepares a statement once.
func (c *conn) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	c.runs.Add(1)
	if s := c.stmts[query]; s != nil {
		return s, nil
	}
	s, err := c.c.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	c.stmts[query] = s
	return s, nil
}

func (c *conn) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := c.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

// takePagesWritten tells how many pages the connection wrote since it was last asked.
func (c *conn) takePagesWritten() (pages int64) {
	_ = c.c.Raw(func(dc any) error {
		n, _, err := dc.(sqlite.DBStatus).Status(sqlite.DBStatusCacheWrite, true)
		pages = int64(n)
		return err
	}) // on an error: no pages known, the checkpoint comes later
	return pages
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		_ = s.Close() // closing the connection frees it too
	}
	return errors.Join(c.c.Close(), c.pool.Close())
}

// cacheSize is the pragma for a page cache of a number of bytes.
func cacheSize(bytes int) string { return fmt.Sprintf("cache_size(%d)", -bytes>>10) }
