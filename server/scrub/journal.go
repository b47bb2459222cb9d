package scrub

import (
	"bytes"
	"context"

	"beffroi/server/store"
)

// journal compares a row of the journal with its hash, which goes over the row before, too. That of the first row is in meta, once rows were pruned. Where
// the row before can't be read, that is told where it stands.
func (s *scrub) journal(ctx context.Context, t *table, row []any) error {
	j := store.JournalRow{Seq: number(t.at(row, "seq")), TS: number(t.at(row, "ts")), Actor: text(t.at(row, "actor")), Act: text(t.at(row, "act")),
		Target: text(t.at(row, "target")), RoomID: text(t.at(row, "room_id")), Outcome: text(t.at(row, "outcome")), Detail: text(t.at(row, "detail")),
		Hash: blob(t.at(row, "hash"))}
	before := s.link
	s.link = store.JournalLink{Seq: j.Seq, Hash: j.Hash}
	if before.Seq == 0 {
		var anchor []byte
		if err := s.r.one(ctx, `SELECT value FROM meta WHERE name = ?`, []any{store.MetaJournalAnchor}, &anchor); err != nil {
			return err
		}
		before, _ = store.ParseJournalLink(anchor)
	}
	if before.Seq == j.Seq-1 && !bytes.Equal(j.Hash, j.HashAfter(before.Hash)) {
		s.found.add(Finding{Kind: RowAltered, Table: t.name, Count: 1, Details: []string{keyText(t.key, row)}})
	}
	return nil
}
