package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// maxGroup bounds how many writes share a transaction, so that the first of them need not wait for hundreds.
const maxGroup = 128

// ErrClosed is the answer to a write or a read after Close.
var ErrClosed = errors.New("store: closed")

// Pending is a queued write.
type Pending struct {
	ctx  context.Context
	fn   func(*Tx) error
	done chan struct{}
	err  error
	tx   *Tx
}

// Wait waits until the write is durable or has failed. It can't be cut short: the answer tells the truth.
func (p *Pending) Wait() error {
	<-p.done
	return p.err
}

// Settled tells whether Wait would return at once.
func (p *Pending) Settled() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Write runs fn in the writer and returns when it is durable. fn only runs SQL on results that were computed before; it may
// run again never, and it must not keep tx. Other writes may share its transaction, but each has a savepoint of its own: an error
// of fn undoes fn alone. Where ctx ends before fn begins, fn does not run; once it runs, nothing interrupts it.
func (db *DB) Write(ctx context.Context, fn func(tx *Tx) error) error {
	return db.Submit(ctx, fn).Wait()
}

// Submit queues fn as Write does, without waiting. Functions run in the order in which they were submitted.
func (db *DB) Submit(ctx context.Context, fn func(tx *Tx) error) *Pending {
	p := &Pending{ctx: ctx, fn: fn, done: make(chan struct{})}
	if !db.w.enqueue(p) {
		p.err = ErrClosed
		close(p.done)
	}
	return p
}

// writer owns the one connection that writes.
type writer struct {
	db      *DB
	conn    *conn
	pos     *positions
	frames  map[string]int64
	servers *roomServers
	commits atomic.Int64

	mu      sync.Mutex
	waiting []*Pending
	closing bool
	wake    chan struct{}
	ended   chan struct{}
}

func startWriter(db *DB, c *conn, pos *positions) *writer {
	w := &writer{db: db, conn: c, pos: pos, frames: map[string]int64{}, servers: newRoomServers(), wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go w.run()
	return w
}

func (w *writer) enqueue(p *Pending) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closing {
		return false
	}
	w.waiting = append(w.waiting, p)
	w.signal()
	return true
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *writer) close() error {
	w.mu.Lock()
	w.closing = true
	w.signal()
	w.mu.Unlock()
	<-w.ended
	return w.conn.close()
}

// run is the writer's goroutine: it takes all that waits, and commits it together.
func (w *writer) run() {
	defer close(w.ended)
	for {
		group, more := w.take()
		if len(group) > 0 {
			w.commit(group)
		} else if !more {
			return
		} else {
			<-w.wake
		}
	}
}

func (w *writer) take() (group []*Pending, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.waiting), maxGroup)
	group = w.waiting[:n:n]
	w.waiting = w.waiting[n:]
	if len(w.waiting) == 0 {
		w.waiting = nil
	}
	return group, !w.closing || len(w.waiting) > 0
}

// commit runs a group in one transaction and answers everybody in it.
func (w *writer) commit(group []*Pending) {
	reserved := w.pos.reserved
	err := w.transaction(group)
	if err != nil {
		w.pos.undo(reserved)
	} else {
		w.db.count(group)
		w.commits.Add(1)
		for _, p := range group {
			if p.err == nil {
				w.db.recent.add(p.tx)
			}
		}
		w.db.visible.Store(w.pos.published())
	}
	for _, p := range group {
		if p.settle(err); p.err == nil && p.tx.outgoing {
			w.db.tellOutgoing()
		}
	}
	if err == nil {
		w.db.cp.written(w.conn.takePagesWritten())
	}
}

// settle answers one write: groupErr is what happened to the group, p.err to this write alone.
func (p *Pending) settle(groupErr error) {
	if p.err == nil {
		p.err = groupErr
	}
	if code(p.err) == sqlite3.SQLITE_FULL {
		p.err = fmt.Errorf("%w: %w", syscall.ENOSPC, p.err) // as from a file, which callers know
	}
	if p.tx != nil {
		p.tx.finish(p.err)
	}
	close(p.done)
}

func (w *writer) transaction(group []*Pending) error {
	ctx := context.Background()
	if _, err := w.conn.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	for _, p := range group {
		if err := w.runOne(ctx, p, len(group) == 1); err != nil {
			return errors.Join(err, w.rollback(ctx))
		}
	}
	if _, err := w.conn.exec(ctx, "COMMIT"); err != nil {
		return errors.Join(fmt.Errorf("commit: %w", err), w.rollback(ctx))
	}
	return nil
}

// rollback undoes the transaction; SQLite may have done so itself.
func (w *writer) rollback(ctx context.Context) error {
	_, err := w.conn.exec(ctx, "ROLLBACK")
	if code(err) == sqlite3.SQLITE_ERROR {
		return nil // no transaction is active
	}
	return err
}

// runOne runs one write in a savepoint. What it returns fails the whole group; the write's own failure stands in p.err.
func (w *writer) runOne(ctx context.Context, p *Pending, alone bool) error {
	if p.err = p.ctx.Err(); p.err != nil {
		return nil
	}
	p.tx = &Tx{Reader: Reader{ctx: ctx, conn: w.conn, atoms: w.db.atoms, erased: w.db.erased, writing: true}, pos: w.pos, frames: w.frames, servers: w.servers}
	if !alone {
		if _, err := w.conn.exec(ctx, "SAVEPOINT one"); err != nil {
			return err
		}
	}
	reserved := w.pos.reserved
	p.err = guarded(p.fn, p.tx)
	if fatal(p.err) {
		return p.err
	}
	if p.err != nil {
		w.pos.undo(reserved)
		if alone {
			return p.err
		}
		if _, err := w.conn.exec(ctx, "ROLLBACK TO one"); err != nil {
			return err
		}
	}
	if alone {
		return nil
	}
	_, err := w.conn.exec(ctx, "RELEASE one")
	return err
}

// guarded turns a panic of fn into its error: one faulty write must not end the writer.
func guarded(fn func(*Tx) error, tx *Tx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in a write: %v\n%s", r, debug.Stack())
		}
	}()
	return fn(tx)
}

// fatal tells errors after which the transaction as a whole can't be trusted: all of SQLite's but those of one statement.
func fatal(err error) bool {
	switch code(err) {
	case 0, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE:
		return false
	}
	return true
}

// code gives SQLite's primary result code of err, 0 where there is none.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}
