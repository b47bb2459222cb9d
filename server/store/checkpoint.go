package store

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"time"
)

// walTarget is the size of the WAL in bytes from which it is moved into the database. A checkpoint costs two syncs,
// so a larger WAL means fewer syncs and fewer pages written twice.
const walTarget = 4 << 20

// walLimit is the size from which a checkpoint waits for readers, so that the WAL can begin anew.
const walLimit = 64 << 20

// checkpointer moves the WAL into the database on a connection of its own, so that no write waits for it.
type checkpointer struct {
	conn  *conn
	db    *DB
	page  int64 // size in bytes, of this file
	kick  chan struct{}
	stop  chan struct{}
	ended chan struct{}
	bytes atomic.Int64 // in the WAL since the last checkpoint
	syncs atomic.Int64
}

func openCheckpointer(ctx context.Context, db *DB) (*checkpointer, error) {
	c, err := openConn(ctx, dsn(db.path, "rw", "busy_timeout(1000)", "synchronous(FULL)", "wal_autocheckpoint(0)", cacheSize(checkpointCache)))
	if err != nil {
		return nil, err
	}
	cp := &checkpointer{conn: c, db: db,
		kick: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
	if err := c.c.QueryRowContext(ctx, "PRAGMA page_size").Scan(&cp.page); err != nil {
		return nil, errors.Join(err, c.close())
	}
	go cp.run()
	return cp, nil
}

// written is told after each commit how many pages it wrote.
func (cp *checkpointer) written(pages int64) {
	if cp.bytes.Add(pages*cp.page) < walTarget {
		return
	}
	select {
	case cp.kick <- struct{}{}:
	default:
	}
}

// run checkpoints without making anybody wait. The next write then begins the WAL anew, in the same blocks of the file.
func (cp *checkpointer) run() {
	defer close(cp.ended)
	minute := time.NewTicker(markEvery)
	defer minute.Stop()
	for {
		select {
		case <-cp.stop:
			return
		case <-minute.C:
			cp.mark()
		case <-cp.kick:
			cp.bytes.Store(0)
			if cp.checkpoint("PASSIVE") > walLimit {
				cp.checkpoint("RESTART")
			}
			cp.mark()
		}
	}
}

// checkpoint moves what no reader still needs. A failure is told; the WAL then grows until the next one.
// It gives the WAL's size in bytes.
func (cp *checkpointer) checkpoint(mode string) int64 {
	var busy, frames, moved int64
	err := cp.conn.c.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &frames, &moved)
	cp.syncs.Add(2)
	if err != nil {
		cp.db.log.Warn().Err(err).Msg("checkpoint failed")
	}
	return frames * cp.page
}

// mark moves the high-water mark, once the database was held against the last one. A failure is told, and it is tried again the next minute.
func (cp *checkpointer) mark() {
	h := cp.db.high.Load()
	if h == nil {
		return
	}
	err := h.move(func() (top NID, err error) {
		err = cp.conn.c.QueryRowContext(context.Background(), topEvent).Scan(&top, new(int64))
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		return top, err
	})
	if err != nil {
		cp.db.log.Warn().Err(err).Msg("high-water mark not moved")
	}
}

func (cp *checkpointer) close() error {
	close(cp.stop)
	<-cp.ended
	cp.checkpoint("TRUNCATE")
	cp.mark()
	return cp.conn.close()
}
