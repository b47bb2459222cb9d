package scrub

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"

	"beffroi/server/store"
)

// row checks one row by itself, or beside the one before it.
func (s *scrub) row(ctx context.Context, t *table, row []any) error {
	switch t.name {
	case "event":
		return s.event(ctx, t, row)
	case "timeline":
		return s.counts(ctx, t, row)
	case "receipt":
		return s.receipt(ctx, t, row)
	case "journal":
		return s.journal(ctx, t, row)
	case "account_data":
		s.summed(t, row, store.Sum(blob(t.at(row, "content"))))
	case "to_device":
		s.summed(t, row, store.Sum(blob(t.at(row, "json"))))
	case "key_backup_session":
		s.summed(t, row, store.BackupSession{FirstMessageIndex: number(t.at(row, "first_message_index")),
			ForwardedCount: number(t.at(row, "forwarded_count")), IsVerified: number(t.at(row, "is_verified")) != 0,
			SessionData: blob(t.at(row, "session_data"))}.Sum())
	case "event_frame":
		h := fnv.New64a()
		_, _ = h.Write(blob(t.at(row, "text")))
		s.summed(t, row, int64(h.Sum64()))
	case "signing_key":
		s.signingKey(t, row)
	case "media":
		u := store.Media{ID: text(t.at(row, "media_id")), SHA256: blob(t.at(row, "sha256")), Size: number(t.at(row, "size")),
			ContentType: text(t.at(row, "content_type")), FileName: text(t.at(row, "file_name")), Created: number(t.at(row, "created"))}
		s.summed(t, row, u.Sum())
		s.media = append(s.media, u)
	}
	return nil
}

// summed compares a row with its checksum, where it has one.
func (s *scrub) summed(t *table, row []any, sum int64) {
	if stored := t.at(row, "sum"); stored != nil && stored != any(sum) { // a damaged one may be of another type
		s.found.add(Finding{Kind: RowAltered, Table: t.name, Count: 1, Details: []string{keyText(t.columns[:2], row[len(t.key):])}})
	}
}

// signingKey compares a key with its id, where this server made it: the id begins with that of the public half.
func (s *scrub) signingKey(t *table, row []any) {
	id, seed := text(t.at(row, "key_id")), blob(t.at(row, "seed"))
	why := ""
	if len(seed) != ed25519.SeedSize {
		why = fmt.Sprintf("%d bytes", len(seed))
	} else if made := hex.EncodeToString(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)[:4]); len(id) == len("ed25519:")+len(made) && id != "ed25519:"+made {
		why = "it is of ed25519:" + made
	}
	if why != "" {
		s.found.add(Finding{Kind: KeyAltered, Table: t.name, Count: 1, Details: []string{id + ": " + why}})
	}
}

// receipt looks for the event that a receipt names, at its place.
func (s *scrub) receipt(ctx context.Context, t *table, row []any) error {
	var ord any
	id := store.EventIDBytes(text(t.at(row, "event_id")))
	err := s.r.one(ctx, `SELECT ord FROM event WHERE event_id = ? AND room = ?`, []any{id, t.at(row, "room")}, &ord)
	if damaged(err) {
		return nil // told where it stands
	}
	if going, purge := s.purging(ctx, number(t.at(row, "room"))); going || purge != nil {
		return errors.Join(err, purge)
	}
	if err == nil && ord != t.at(row, "ord") {
		f := Finding{Kind: Reference, Table: t.name, What: "event_id → event", Count: 1, Details: []string{keyText(t.key, row)}}
		if r := s.room(ctx, number(t.at(row, "room"))); r != nil {
			f.RoomID, f.RoomName = r.id, r.name
		}
		s.found.add(f)
	}
	return err
}

// place is a row of a timeline.
type place struct {
	room, pos          int64
	notify, notifyMain int64
	live               bool // part of the stream
}

// counts compares a row of a timeline with the one before it, in the same room: positions rise, and so do the counts, by one at most.
func (s *scrub) counts(ctx context.Context, t *table, row []any) error {
	pos, live := t.at(row, "pos").(int64)
	p := place{number(t.at(row, "room")), pos, number(t.at(row, "notify")), number(t.at(row, "notify_main")), live}
	before := s.place
	s.place = p
	if !live || !before.live || before.room != p.room {
		return nil
	}
	grew, grewMain := p.notify-before.notify, p.notifyMain-before.notifyMain
	if p.pos > before.pos && (grew == 0 || grew == 1) && (grewMain == 0 || grewMain == 1) {
		return nil
	}
	if going, err := s.purging(ctx, p.room); going || err != nil {
		return err
	}
	f := Finding{Kind: Counts, Table: t.name, Count: 1, Details: []string{keyText(t.key, row)}}
	if r := s.room(ctx, p.room); r != nil {
		f.RoomID, f.RoomName = r.id, r.name
	}
	s.found.add(f)
	return nil
}
