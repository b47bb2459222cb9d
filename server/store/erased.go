package store

import (
	"context"
	"database/sql"
	"maps"
	"sync/atomic"
)

const (
	erasedAll   = `SELECT user, pos FROM erased`
	markErased  = `INSERT INTO erased (user, pos, ts) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	unsweptAll  = `SELECT user, ts FROM erased WHERE swept = 0`
	sweptErased = `UPDATE erased SET swept = 1 WHERE user = ?`
)

// erasedUsers holds all erased users, few as they are: whoever shows an event asks for its sender.
type erasedUsers struct {
	pos atomic.Pointer[map[Atom]int64]
}

func (db *DB) loadErased(ctx context.Context) error {
	all := map[Atom]int64{}
	err := db.Read(ctx, func(r *Reader) error {
		return r.rows(erasedAll, nil, func(rows *sql.Rows) error {
			var user Atom
			var pos int64
			err := rows.Scan(&user, &pos)
			all[user] = pos
			return err
		})
	})
	db.erased.pos.Store(&all)
	return err
}

func (e *erasedUsers) add(user Atom, pos int64) {
	all := maps.Clone(*e.pos.Load())
	all[user] = pos
	e.pos.Store(&all)
}

// Erased gives the position at which a user was erased, 0 for who was not.
func (r *Reader) Erased(user Atom) int64 {
	if r.erased == nil {
		return 0
	}
	return (*r.erased.pos.Load())[user]
}

// AnyErased tells whether anybody was.
func (r *Reader) AnyErased() bool { return r.erased != nil && len(*r.erased.pos.Load()) > 0 }

// MarkErased notes that an account ended with its profile and data.
func (tx *Tx) MarkErased(user Atom, ts int64) error {
	pos, err := tx.NextPos()
	if err != nil || tx.Erased(user) != 0 {
		return err
	}
	tx.OnCommit(func() { tx.erased.add(user, pos) })
	return tx.exec(markErased, user, pos, ts)
}

// Unswept is an erased user of whom something may be left.
type Unswept struct {
	User Atom
	TS   int64 // of the erasure, milliseconds
}

// Unswept lists erased users until they are swept.
func (r *Reader) Unswept() ([]Unswept, error) {
	return list(r, unsweptAll, nil, func(rows *sql.Rows) (u Unswept, err error) {
		err = rows.Scan(&u.User, &u.TS)
		return u, err
	})
}

// Swept notes that nothing is left of an erased user.
func (tx *Tx) Swept(user Atom) error { return tx.exec(sweptErased, user) }
