package store

import (
	"context"
	"database/sql"
	"errors"
)

// reservation is how many positions are reserved ahead at a time, so that giving one costs no write.
const reservation = 4096

// uncleanJump is by how much a start after a crash is above the reservation: where the end of the write-ahead log is lost, with it may be a reservation,
// and what was given under it in the last minute stands above the high-water mark.
const uncleanJump = 1 << 20

// positions gives every stream its positions. It is used by the writer only, so positions rise in the order of commits.
// Positions of a write that was rolled back are lost, never given again.
type positions struct {
	last     int64 // the last one given
	reserved int64 // up to here none is given again after a restart
}

const (
	getReservation = `SELECT value FROM meta WHERE name = '` + metaPosition + `'`
	setReservation = `INSERT INTO meta (name, value) VALUES ('` + metaPosition + `', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`
)

func loadPositions(ctx context.Context, c *conn) (*positions, error) {
	var p positions
	err := c.c.QueryRowContext(ctx, getReservation).Scan(&p.reserved)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	p.last = p.reserved
	return &p, nil
}

// next gives a position, and reserves more where the reservation ends.
func (p *positions) next(ctx context.Context, c *conn) (int64, error) {
	if p.last >= p.reserved {
		reserved := p.last + reservation
		if _, err := c.exec(ctx, setReservation, reserved); err != nil {
			return 0, err
		}
		p.reserved = reserved
	}
	p.last++
	return p.last, nil
}

// published is the last position that a reader may be told: where a write that was rolled back took the reservation with it, a
// restart begins below the last one given.
func (p *positions) published() int64 { return min(p.last, p.reserved) }

// undo forgets a reservation that was rolled back; positions given meanwhile stay given.
func (p *positions) undo(reserved int64) { p.reserved = reserved }
