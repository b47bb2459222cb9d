package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Indexed is what the full-text index holds of an event: words in the form in which they are searched, separated by spaces.
type Indexed struct {
	NID               NID
	Room              RoomRef
	Sender            Atom
	Body, Name, Topic string
}

// Edit is an event that replaces the content of another one.
type Edit struct {
	NID    NID
	Target string // event id
}

// IndexBatch is one step of the full-text index.
type IndexBatch struct {
	Rows  []Indexed
	Gone  []NID // are taken out first
	Edits []Edit
	Again []NID // of ToIndexAgain: done
	Upto  NID   // the last event that was looked at
}

const (
	indexCursor = `SELECT nid, dirty FROM search_cursor`
	moveCursor  = `UPDATE search_cursor SET nid = max(nid, ?), dirty = dirty + ?`
	cleanCursor = `UPDATE search_cursor SET dirty = dirty - ?`

	// toIndex names the types m.room.name, m.room.topic and m.room.message.
	toIndex      = `SELECT nid, type IN (8, 9, 16) FROM event WHERE nid > ? ORDER BY nid LIMIT ?`
	toIndexAgain = `SELECT nid FROM search_again ORDER BY nid LIMIT ?`
	indexAgain   = `INSERT INTO search_again (nid) VALUES (?) ON CONFLICT DO NOTHING`
	indexedAgain = `DELETE FROM search_again WHERE nid = ?`

	// indexEvent takes no event that was redacted or whose room went since it was read.
	indexEvent = `INSERT OR REPLACE INTO search (rowid, tags, body, name, topic) SELECT ?1, ?2, ?3, ?4, ?5
		WHERE EXISTS (SELECT 1 FROM event WHERE nid = ?1 AND redacted_by IS NULL AND room NOT IN (SELECT room FROM purge))`
	unindexEvent = `DELETE FROM search WHERE rowid = ?`
	isIndexed    = `SELECT 1 FROM search WHERE rowid = ?`
	unindexRoom  = `DELETE FROM search WHERE rowid IN (SELECT rowid FROM search WHERE search MATCH ? LIMIT ?)`
	clearIndex   = `INSERT INTO search (search) VALUES ('delete-all')`
	clearEdits   = `DELETE FROM search_edit`
	resetCursor  = `UPDATE search_cursor SET nid = 0, dirty = 0`
	mergeIndex   = `INSERT INTO search (search, rank) VALUES ('merge', ?)`
	changesTotal = `SELECT total_changes()`

	putEdit  = `INSERT INTO search_edit (target, nid) VALUES (?, ?) ON CONFLICT DO NOTHING`
	editsOf  = `SELECT nid FROM search_edit WHERE target = ? ORDER BY nid`
	targetOf = `SELECT target FROM search_edit WHERE nid = ?`

	hits = `SELECT s.rowid, coalesce((SELECT target FROM search_edit x WHERE x.nid = s.rowid), x''), ` + lightColumns + `
		FROM search s CROSS JOIN event e ON e.nid = s.rowid
		WHERE s.search MATCH ? AND s.rowid BETWEEN ? AND ? AND e.redacted_by IS NULL AND e.room IN (SELECT value FROM json_each(?))
		ORDER BY s.rowid DESC LIMIT ?`
	countHits    = `SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH ? LIMIT ?)`
	lightColumns = `e.room, e.ord, e.event_id, e.type, e.state_key, e.sender, e.ts, e.status, e.state`
)

// IndexedUpto gives the last event that the full-text index has looked at; dirty: of so many events that were taken out of it
// words may still be in its bytes.
func (r *Reader) IndexedUpto() (nid NID, dirty int64, err error) {
	_, err = r.row(indexCursor, nil, &nid, &dirty)
	return nid, dirty, err
}

// ToIndex looks at up to limit events after one, and gives those of them that may have a text. last is the last one that was looked at.
func (r *Reader) ToIndex(after NID, limit int) (nids []NID, last NID, err error) {
	last = after
	err = r.rows(toIndex, in(after, limit), func(rows *sql.Rows) error {
		var wanted bool
		err := rows.Scan(&last, &wanted)
		if wanted {
			nids = append(nids, last)
		}
		return err
	})
	return nids, last, err
}

// ToIndexAgain lists events that changed.
func (r *Reader) ToIndexAgain(limit int) ([]NID, error) {
	return list(r, toIndexAgain, in(limit), scanInt[NID])
}

// EditsOf lists the edits of a message that are known to the index.
func (r *Reader) EditsOf(eventID string) ([]NID, error) {
	return list(r, editsOf, in(eventIDBytes(eventID)), scanInt[NID])
}

// EditTarget gives the id of the message that an event edits, as the index knows it; "": none.
func (r *Reader) EditTarget(nid NID) (string, error) {
	var id []byte
	_, err := r.row(targetOf, in(nid), &id)
	return eventIDText(id), err
}

// indexAgain notes that an event is other than it was.
func (tx *Tx) indexAgain(nid NID) error { return tx.exec(indexAgain, nid) }

// Index takes a step of the full-text index.
func (tx *Tx) Index(b *IndexBatch) error {
	dirty := 0
	for _, nid := range b.Gone {
		was, err := tx.row(isIndexed, in(nid), new(int))
		if err == nil && was {
			dirty++
			err = tx.exec(unindexEvent, nid)
		}
		if err != nil {
			return err
		}
	}
	for i := range b.Rows {
		row := &b.Rows[i]
		if err := tx.exec(indexEvent, row.NID, RoomTag(row.Room)+" "+SenderTag(row.Sender), row.Body, row.Name, row.Topic); err != nil {
			return err
		}
	}
	for _, e := range b.Edits {
		if err := tx.exec(putEdit, eventIDBytes(e.Target), e.NID); err != nil {
			return err
		}
	}
	for _, nid := range b.Again {
		if err := tx.exec(indexedAgain, nid); err != nil {
			return err
		}
	}
	return tx.exec(moveCursor, b.Upto, dirty)
}

// ClearIndex empties the full-text index: it is to be filled anew from the first event on.
func (tx *Tx) ClearIndex() error {
	return errors.Join(tx.exec(clearIndex), tx.exec(clearEdits), tx.exec(resetCursor))
}

// mergePages is how many pages of the index one write merges.
const mergePages = 64

// MergeIndex writes the full-text index anew in small writes, so that no word of what was taken out of it is in its bytes any more. It does
// nothing where nothing was taken out.
func (db *DB) MergeIndex(ctx context.Context) error {
	dirty, err := Get(ctx, db, func(r *Reader) (int64, error) {
		_, dirty, err := r.IndexedUpto()
		return dirty, err
	})
	if err != nil || dirty == 0 {
		return err
	}
	for pages, more := -mergePages, true; more; pages = mergePages {
		err := db.Write(ctx, func(tx *Tx) (err error) {
			more, err = tx.mergeIndex(pages)
			return err
		})
		if err != nil {
			return err
		}
	}
	return db.Write(ctx, func(tx *Tx) error { return tx.exec(cleanCursor, dirty) })
}

// mergeIndex merges some pages; a negative number begins. more: there was something to merge.
//
// Source: SQLite, "FTS5", "The 'merge' Command".
func (tx *Tx) mergeIndex(pages int) (more bool, err error) {
	var before, after int64
	if _, err := tx.row(changesTotal, nil, &before); err != nil {
		return false, err
	}
	if err := tx.exec(mergeIndex, pages); err != nil {
		return false, err
	}
	_, err = tx.row(changesTotal, nil, &after)
	return after-before >= 2, err
}

// RoomTag is the word that all events of a room have in the index.
func RoomTag(room RoomRef) string { return fmt.Sprint("r", int64(room)) }

// SenderTag is the word that all events of a sender have in the index.
func SenderTag(sender Atom) string { return fmt.Sprint("u", int64(sender)) }

// Hit is an event that the full-text index found.
type Hit struct {
	Event        // without JSON and transaction id
	Edits string // the id of the message that it edits; "": none
}

// CountHits counts the events of all rooms that match an FTS5 expression, up to limit.
func (r *Reader) CountHits(match string, limit int) (n int, err error) {
	_, err = r.row(countHits, in(match, limit), &n)
	return n, err
}

// Hits lists up to limit events of some rooms with from ≤ nid ≤ upto that match an FTS5 expression, the latest first. What is redacted is left out.
func (r *Reader) Hits(match string, rooms []RoomRef, from, upto NID, limit int) ([]Hit, error) {
	return list(r, hits, in(match, from, upto, jsonArray(rooms), limit), func(rows *sql.Rows) (h Hit, err error) {
		var target, id []byte
		var ord, stateKey sql.NullInt64
		err = rows.Scan(&h.NID, &target, &h.Room, &ord, &id, &h.Type, &stateKey, &h.Sender, &h.TS, &h.Status, &h.State)
		h.ID, h.Ord, h.Placed, h.StateKey = eventIDText(id), ord.Int64, ord.Valid, Atom(stateKey.Int64)
		if len(target) > 0 {
			h.Edits = eventIDText(target)
		}
		return h, err
	})
}

// sweepIndex takes the rooms that are being removed out of the full-text index.
func (db *DB) sweepIndex(ctx context.Context, rooms []RoomRef) error {
	for _, room := range rooms {
		for n := int64(1); n > 0; {
			err := db.Write(ctx, func(tx *Tx) (err error) {
				if n, err = tx.execCount(unindexRoom, `tags : "`+RoomTag(room)+`"`, purgeRows); err != nil || n == 0 {
					return err
				}
				return tx.exec(moveCursor, 0, n)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Derived tells whether a table holds only what the server makes anew from the others by itself, and so is in no backup.
func Derived(table string) bool { return table == "search" || strings.HasPrefix(table, "search_") }

// CorruptIndex tells whether an error says that the full-text index is damaged, and nothing else.
func CorruptIndex(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CORRUPT_VTAB
}
