package store

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// JournalRow is an act of administration.
type JournalRow struct {
	Seq     int64  // without a gap
	TS      int64  // milliseconds
	Actor   string // a user id, or "beffroi" for the command line
	Act     string
	Target  string // whom or what it concerns: an id; "": nobody
	RoomID  string // "": no room
	Outcome string // "ordered" or "failed"
	Detail  string // a JSON object
	Hash    []byte // 32 bytes, see HashAfter
}

// JournalLink is a place in the chain: a row's number and hash. The zero value stands before the first row ever.
type JournalLink struct {
	Seq  int64
	Hash []byte
}

// JournalFilter chooses rows; what is empty chooses all.
type JournalFilter struct{ Actor, Act, Target, RoomID string }

const (
	journalColumns = `seq, ts, actor, act, target, room_id, outcome, detail, hash`
	insertJournal  = `INSERT INTO journal (` + journalColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	journalFrom    = `SELECT ` + journalColumns + ` FROM journal WHERE seq > ? ORDER BY seq LIMIT ?`
	journalBack    = `SELECT ` + journalColumns + ` FROM journal WHERE seq < ? AND ?2 IN ('', actor) AND ?3 IN ('', act)
		AND ?4 IN ('', target) AND ?5 IN ('', room_id) ORDER BY seq DESC LIMIT ?6`
	journalUpTo   = `SELECT seq, hash FROM journal WHERE seq = ?`
	deleteJournal = `DELETE FROM journal WHERE seq <= ?`
)

// HashAfter is the hash of a row that follows another's: SHA-256 over that hash and the JSON array of the row's other columns, in their order.
func (j JournalRow) HashAfter(before []byte) []byte {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	_ = enc.Encode([]any{j.Seq, j.TS, j.Actor, j.Act, j.Target, j.RoomID, j.Outcome, j.Detail}) // numbers and texts always can be
	sum := sha256.Sum256(append(bytes.Clone(before), bytes.TrimSuffix(text.Bytes(), []byte("\n"))...))
	return sum[:]
}

// AppendJournal adds a row at the end of the chain, and gives it with its number and hash.
func (tx *Tx) AppendJournal(j JournalRow) (JournalRow, error) {
	head, err := tx.JournalHead()
	if err != nil {
		return j, err
	}
	j.Seq = head.Seq + 1
	j.Hash = j.HashAfter(head.Hash)
	err = tx.exec(insertJournal, j.Seq, j.TS, j.Actor, j.Act, j.Target, j.RoomID, j.Outcome, j.Detail, j.Hash)
	if err != nil {
		return j, err
	}
	return j, tx.PutMeta(MetaJournalHead, JournalLink{j.Seq, j.Hash}.bytes())
}

// JournalHead is the last row that was added.
func (r *Reader) JournalHead() (JournalLink, error) { return r.journalLink(MetaJournalHead) }

// JournalAnchor is the last row that was pruned.
func (r *Reader) JournalAnchor() (JournalLink, error) { return r.journalLink(MetaJournalAnchor) }

func (r *Reader) journalLink(name string) (JournalLink, error) {
	b, err := r.MetaBytes(name)
	if b == nil || err != nil {
		return JournalLink{}, err
	}
	l, ok := ParseJournalLink(b)
	if !ok {
		err = fmt.Errorf("meta %s: %d bytes", name, len(b))
	}
	return l, err
}

func (l JournalLink) bytes() []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(l.Seq)), l.Hash...)
}

// ParseJournalLink reads what stands in meta.
func ParseJournalLink(b []byte) (JournalLink, bool) {
	if len(b) != 8+sha256.Size {
		return JournalLink{}, false
	}
	return JournalLink{Seq: int64(binary.BigEndian.Uint64(b)), Hash: b[8:]}, true
}

// JournalFrom reads up to limit rows after one, the earliest first.
func (r *Reader) JournalFrom(after int64, limit int) ([]JournalRow, error) {
	return list(r, journalFrom, in(after, limit), scanJournal)
}

// JournalBack reads up to limit rows below a number that are chosen, the latest first.
func (r *Reader) JournalBack(below int64, f JournalFilter, limit int) ([]JournalRow, error) {
	return list(r, journalBack, in(below, f.Actor, f.Act, f.Target, f.RoomID, limit), scanJournal)
}

// PruneJournal deletes the rows up to one, and keeps that one's place in the chain as the anchor of what follows.
func (tx *Tx) PruneJournal(upTo int64) error {
	var l JournalLink
	found, err := tx.row(journalUpTo, in(upTo), &l.Seq, &l.Hash)
	if err != nil || !found {
		return err
	}
	if err := tx.PutMeta(MetaJournalAnchor, l.bytes()); err != nil {
		return err
	}
	return tx.exec(deleteJournal, upTo)
}

func scanJournal(rows *sql.Rows) (j JournalRow, err error) {
	err = rows.Scan(&j.Seq, &j.TS, &j.Actor, &j.Act, &j.Target, &j.RoomID, &j.Outcome, &j.Detail, &j.Hash)
	return j, err
}
