package pusher

import (
	"context"
	"time"

	"beffroi/server/store"
)

// How often the cursors are written: soon where something was told or waits, so that a crash repeats little, else so that a start reads little.
const (
	saveSoon = 5 * time.Second
	saveRest = time.Minute
)

// plan says when the cursors are to be written.
func (l *loop) plan() {
	rest := saveRest
	switch {
	case len(l.lines) == 0 || l.pos == l.saved && !l.moved:
		return
	case l.moved:
		rest = saveSoon
	}
	if at := l.Now().Add(rest); l.saveAt.IsZero() || at.Before(l.saveAt) {
		l.saveAt = at
	}
}

// save writes the cursors: the common one, and those of the pushers that are behind it. What was told between the last save and a crash is told again,
// with the same event ids.
func (l *loop) save(ctx context.Context) error {
	var moved []*line
	for _, ln := range l.lines {
		if pos, behind := ln.cursor(); behind != ln.Behind || behind && pos != ln.Pos {
			moved = append(moved, ln)
		}
	}
	err := l.db.Write(ctx, func(tx *store.Tx) error {
		for _, ln := range moved {
			pos, behind := ln.cursor()
			if err := tx.SettlePusher(ln.ID, pos, behind); err != nil {
				return err
			}
		}
		return tx.MovePushCursor(l.pos)
	})
	if err != nil {
		l.saveAt = l.Now().Add(tryAgain)
		return err
	}
	for _, ln := range moved {
		ln.Pos, ln.Behind = ln.cursor()
	}
	l.saved, l.moved, l.saveAt = l.pos, false, time.Time{}
	return nil
}

// cursor is up to where everything is settled, where that is not where the others are.
func (ln *line) cursor() (pos int64, behind bool) {
	if len(ln.notes) == 0 {
		return ln.Pos, false
	}
	return ln.notes[0].pos - 1, true
}
