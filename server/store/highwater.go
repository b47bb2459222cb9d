package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// HighWaterName is the name, beside the database, of the file that says how far the database had come. SQLite can't tell a write-ahead log that
// was cut off, or an old copy of the database, from one that never held more; this file can.
const HighWaterName = "high-water"

// markEvery is how often the mark is moved while anything is written; checkpoints move it too.
const markEvery = time.Minute

// Mark is how far a database had come, durably, when it was written.
type Mark struct {
	Epoch    int64 `json:"epoch"`    // the life of the server that it belongs to
	Position int64 `json:"position"` // the published one
	Event    NID   `json:"event"`    // the last event; 0: none
	Events   int64 `json:"events"`   // how many there were
	Time     int64 `json:"time"`     // milliseconds
}

// Missing says what a database lacks below its mark.
type Missing struct {
	Events int64     `json:"events"`        // about; at least 0
	From   time.Time `json:"from,omitzero"` // of the last event that is there; zero where there is none
	To     time.Time `json:"to"`            // of the mark
}

// ErrMark says that a mark can't be read: it is damaged, or of another version.
var ErrMark = errors.New("the high-water mark is damaged")

const (
	topEvent     = `SELECT nid, ts FROM event ORDER BY nid DESC LIMIT 1`
	countEvents  = `SELECT count(*) FROM event` // walks over the smallest index
	countAfter   = `SELECT count(*) FROM event WHERE nid > ?`
	getMetaInt   = `SELECT value FROM meta WHERE name = ?`
	markTemplate = "%s\n%08x\n" // one line of JSON, and its CRC-32C
)

// ReadMark reads the mark beside a database. ok is false where there is none.
func ReadMark(database string) (m Mark, ok bool, err error) {
	text, err := os.ReadFile(markPath(database))
	if errors.Is(err, os.ErrNotExist) {
		return m, false, nil
	}
	if err != nil {
		return m, false, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if string(text) != fmt.Sprintf(markTemplate, line, Sum([]byte(line))) {
		return m, false, ErrMark
	}
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		return m, false, fmt.Errorf("%w: %w", ErrMark, err)
	}
	return m, true, nil
}

func markPath(database string) string { return filepath.Join(filepath.Dir(database), HighWaterName) }

// write replaces the mark: after a power cut it is the old one or the new one. That costs one sync; the name may be durable later, which leaves an older mark.
func (m Mark) write(database string) error {
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	path := markPath(database)
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, markTemplate, line, Sum(line))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Sum is the checksum of stored bytes: CRC-32C, which finds every flipped bit and every burst up to 32 bits.
func Sum(b []byte) int64 { return int64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))) }

// MissingBelow compares a database, on a connection to it, with its mark.
func MissingBelow(ctx context.Context, c *sql.Conn, m Mark) (missing Missing, ok bool, err error) {
	return m.lacks(&Reader{ctx: ctx, conn: &conn{c: c, stmts: map[string]*sql.Stmt{}}})
}

// lacks compares a database with its mark. ok is false where nothing is missing, or where the mark is of an earlier life of the server.
func (m Mark) lacks(r *Reader) (missing Missing, ok bool, err error) {
	now, from, err := r.mark(m.Event)
	if err != nil || m.Epoch < now.Epoch || m.Epoch == now.Epoch && m.Position <= now.Position && m.Event <= now.Event {
		return missing, false, err
	}
	if now.Event != 0 {
		missing.From = time.UnixMilli(from)
	}
	missing.To = time.UnixMilli(m.Time)
	if m.Event > now.Event {
		var have int64
		if _, err := r.row(countEvents, nil, &have); err != nil {
			return missing, false, err
		}
		missing.Events = min(max(m.Events-have, 1), int64(m.Event-now.Event)) // rooms may have been purged meanwhile
	}
	return missing, true, nil
}

// mark is where the database stands. What was purged counts as there, and its position is that up to which some were reserved. The mark's number of
// events is that of those after one.
func (r *Reader) mark(after NID) (m Mark, lastTS int64, err error) {
	if _, err := r.row(topEvent, nil, &m.Event, &lastTS); err != nil {
		return m, 0, err
	}
	var purged NID
	for name, dest := range map[string]any{MetaEpoch: &m.Epoch, metaPosition: &m.Position, MetaPurged: &purged} {
		if _, err := r.row(getMetaInt, in(name), dest); err != nil {
			return m, 0, err
		}
	}
	if after == 0 {
		_, err = r.row(countEvents, nil, &m.Events)
	} else {
		_, err = r.row(countAfter, in(after), &m.Events)
	}
	m.Event = max(m.Event, purged)
	return m, lastTS, err
}

// NotePurge is to be called by a write that deletes events for ever, with how many they are: they are not missing.
func (tx *Tx) NotePurge(events int64) error {
	tx.events -= events
	return tx.PutMeta(MetaPurged, tx.pos.last)
}

// highWater moves the mark of an open database.
type highWater struct {
	path    string
	now     func() time.Time
	visible func() int64
	events  atomic.Int64 // how many there are
	last    Mark         // of the checkpointer's goroutine
	syncs   atomic.Int64
}

// move writes the mark where anything was published since the last one. top gives the last event.
func (h *highWater) move(top func() (NID, error)) error {
	m := Mark{Epoch: h.last.Epoch, Position: h.visible(), Events: h.events.Load(), Time: Millis(h.now())}
	if m.Position == h.last.Position && m.Events == h.last.Events {
		return nil
	}
	var err error
	if m.Event, err = top(); err != nil {
		return err
	}
	h.syncs.Add(1)
	if err := m.write(h.path); err != nil {
		return err
	}
	h.last = m
	return nil
}

// Missing tells what the database lacked when it was opened, below its mark. ok is false where nothing was missing.
func (db *DB) Missing() (m Missing, ok bool) { return db.missing, db.lacks }

// judge holds the database against its mark before anything is written. Where something is missing, what was given to clients since must not be given
// again: it is as if a backup had been restored.
func (db *DB) judge(ctx context.Context) error {
	m, ok, err := ReadMark(db.path)
	if err != nil {
		db.log.Warn().Err(err).Msg("high-water mark not read: what a damaged disk may have lost is not known")
	}
	if ok {
		if err := db.Read(ctx, func(r *Reader) (err error) {
			db.missing, db.lacks, err = m.lacks(r)
			return err
		}); err != nil {
			return err
		}
	}
	if db.lacks {
		if err := db.Write(ctx, func(tx *Tx) error { return tx.afterLoss(m, db.missing, time.Now()) }); err != nil {
			return err
		}
	}
	return db.beginMarks(ctx, m)
}

// afterLoss does what a restore does, above all that the life that was lost may have given.
func (tx *Tx) afterLoss(m Mark, missing Missing, now time.Time) error {
	if err := tx.raiseEpoch(m.Epoch); err != nil {
		return err
	}
	tx.pos.last = max(tx.pos.last, m.Position)
	if _, err := tx.AfterRestore(now); err != nil {
		return err
	}
	told, err := json.Marshal(missing)
	if err != nil {
		return err
	}
	return tx.PutMeta(MetaMissing, told)
}

// raiseEpoch lets the next epoch be above one.
func (tx *Tx) raiseEpoch(to int64) error {
	epoch, err := tx.MetaInt(MetaEpoch)
	if err != nil || epoch >= to {
		return err
	}
	return tx.PutMeta(MetaEpoch, to)
}

// beginMarks lets the checkpointer move the mark from now on. The count goes on from the mark's, or is made once.
func (db *DB) beginMarks(ctx context.Context, m Mark) error {
	h := &highWater{path: db.path, now: time.Now, visible: db.Visible}
	var now Mark
	if err := db.Read(ctx, func(r *Reader) (err error) {
		if db.lacks {
			m = Mark{}
		}
		now, _, err = r.mark(m.Event)
		return err
	}); err != nil {
		return err
	}
	h.events.Store(m.Events + now.Events)
	h.last = Mark{Epoch: now.Epoch, Position: -1} // so that it is written once in any case
	db.high.Store(h)
	return nil
}

// count keeps the number of events after a commit.
func (db *DB) count(group []*Pending) {
	h := db.high.Load()
	if h == nil {
		return // what is written before the marks begin is counted there
	}
	for _, p := range group {
		if p.err == nil && p.tx != nil {
			h.events.Add(p.tx.events)
		}
	}
}
