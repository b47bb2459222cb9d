// Package journal keeps what administrators did: who, when, what, whom or which room, how it ended; never content. Rows are only added, and each carries a hash over
// itself and the row before, so that a row that was changed or taken out afterwards shows. After a year they are pruned from the front; the place where
// the rest begins stays known.
//
// A row is written before the act, so that nothing is done without one; where the act fails a second row says so.
package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"beffroi/server/merr"
	"beffroi/server/store"

	"github.com/rs/zerolog"
)

// Keep is how long acts are kept. Source: SECURITY.md; CNIL, "Journalisation": six months to a year.
const Keep = 365 * 24 * time.Hour

// The outcomes of rows.
const (
	Ordered = "ordered" // it was done, unless a row that follows says otherwise
	Failed  = "failed"  // what the row of the number detail.of ordered was not done, or not wholly
)

// Console is the actor of what is done at the machine itself, without an account.
const Console = "beffroi"

// How long a target and a detail can be, in bytes: ids have 255 at most.
const (
	maxID     = 255
	maxDetail = 2000
)

// Entry is an act that is about to be done.
type Entry struct {
	Actor  string // a user id, or Console
	Act    Act
	Target string         // whom or what it concerns: an id; "": nobody
	RoomID string         // "": no room
	Detail map[string]any // settings and counts, never content; nil: none
}

// Service keeps the journal of one server.
type Service struct {
	db  *store.DB
	now func() time.Time
	log zerolog.Logger
}

// New makes the journal.
func New(db *store.DB, now func() time.Time, log zerolog.Logger) *Service {
	return &Service{db: db, now: now, log: log}
}

// Do writes the entry, then acts. Where it can't be written nothing is done; where the act fails that is written too, and its error is given.
func (s *Service) Do(ctx context.Context, e Entry, act func(ctx context.Context) error) error {
	seq, err := s.Record(ctx, e)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	failure := act(ctx)
	if failure == nil {
		return nil
	}
	e.Detail = map[string]any{"of": seq, "errcode": merr.From(failure).Code}
	if _, err := s.record(context.WithoutCancel(ctx), e, Failed); err != nil {
		s.log.Error().Err(err).Int64("of", seq).Msg("journal: the failure of an act could not be written")
	}
	return failure
}

// Record writes an entry and gives its number. It is for what is done already, or what can't fail.
func (s *Service) Record(ctx context.Context, e Entry) (seq int64, err error) {
	return s.record(ctx, e, Ordered)
}

func (s *Service) record(ctx context.Context, e Entry, outcome string) (seq int64, err error) {
	row, err := e.row(s.now(), outcome)
	if err != nil {
		return 0, err
	}
	err = s.db.Write(ctx, func(tx *store.Tx) (err error) {
		row, err = tx.AppendJournal(row)
		return err
	})
	if err == nil { // the hash in the machine's log holds the chain from outside
		s.log.Info().Int64("seq", row.Seq).Str("act", row.Act).Str("outcome", outcome).Hex("hash", row.Hash).Msg("journal")
	}
	return row.Seq, err
}

// Append adds what is done in the caller's write: it stands there exactly where that does.
func Append(tx *store.Tx, now time.Time, e Entry) error {
	row, err := e.row(now, Ordered)
	if err == nil {
		_, err = tx.AppendJournal(row)
	}
	return err
}

func (e Entry) row(now time.Time, outcome string) (store.JournalRow, error) {
	detail := []byte("{}")
	if len(e.Detail) > 0 {
		var err error
		if detail, err = json.Marshal(e.Detail); err != nil {
			return store.JournalRow{}, err
		}
	}
	if len(detail) > maxDetail {
		detail = fmt.Appendf(nil, `{"bytes":%d}`, len(detail))
	}
	return store.JournalRow{TS: store.Millis(now), Actor: short(e.Actor), Act: string(e.Act), Target: short(e.Target), RoomID: short(e.RoomID),
		Outcome: outcome, Detail: string(detail)}, nil
}

// short cuts what is longer than an id can be, and what is no UTF-8.
func short(id string) string {
	id = strings.ToValidUTF8(id, "\ufffd")
	for len(id) > maxID {
		_, n := utf8.DecodeLastRuneInString(id)
		id = id[:len(id)-n]
	}
	return id
}

// maxPage is how many rows a page has at most.
const maxPage = 500

// Page reads the rows below a number (0: from the end) that the filter chooses, the latest first.
func (s *Service) Page(ctx context.Context, below int64, f store.JournalFilter, limit int) ([]store.JournalRow, error) {
	if below <= 0 {
		below = 1<<63 - 1
	}
	return store.Get(ctx, s.db, func(r *store.Reader) ([]store.JournalRow, error) {
		return r.JournalBack(below, f, min(max(limit, 1), maxPage))
	})
}

// pruneRows is how many rows one write of a pruning looks at.
const pruneRows = 500

// Prune takes rows away that are older than a year, from the front: up to the first that is not.
func (s *Service) Prune(ctx context.Context) error {
	before := store.Millis(s.now().Add(-Keep))
	for {
		n, err := s.prunePart(ctx, before)
		if err != nil || n < pruneRows {
			return err
		}
	}
}

func (s *Service) prunePart(ctx context.Context, before int64) (n int, err error) {
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		rows, err := tx.JournalFrom(0, pruneRows)
		if err != nil {
			return err
		}
		for n = 0; n < len(rows) && rows[n].TS < before; n++ {
		}
		if n == 0 {
			return nil
		}
		return tx.PruneJournal(rows[n-1].Seq)
	})
	return n, err
}
