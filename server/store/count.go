package store

import (
	"database/sql"
	"maps"
)

// Counted says for whom an event counts as unread. ARCHITECTURE.md, "What is derived instead of written".
type Counted struct {
	Notify, Highlight bool         // for everybody in the room, by the default push rules
	Modes             *Modes       // of those with push rules of their own; nil: nobody has any
	Marks             []UnreadMark // for whom it counts otherwise
}

// Mode is what a user's push rules make of a room's usual events. 0: what the default rules do.
type Mode int64

// The bits of a mode.
const (
	ModeQuiet Mode = 1 << iota // what notifies by the default rules, but for what highlights everybody, doesn't notify
	ModeDeaf                   // what highlights everybody doesn't notify
	ModePlain                  // nor highlight
)

// Modes are those of the users with push rules of their own. It is not changed once it was given.
type Modes struct{ Of map[Atom]Mode }

// UnreadMark is by how much an event counts otherwise for a user than for everybody who is in the same mode.
type UnreadMark struct {
	User              Atom
	Notify, Highlight int64
}

// ModeMemory spares the writer from looking up modes that it knows. One belongs to a room in memory and ends with it.
type ModeMemory struct {
	stored *Modes // stand in the database
	of     map[Atom]Mode
}

const (
	modesIn = `SELECT user, mode FROM unread_mode WHERE room = ? ORDER BY user, ord`
	putMode = `INSERT INTO unread_mode (room, user, ord, mode) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET mode = excluded.mode`

	lastMark  = `SELECT notify, highlight FROM unread_mark WHERE room = ? AND user = ? AND thread = ? AND ord < ? ORDER BY ord DESC LIMIT 1`
	putMark   = `INSERT INTO unread_mark (room, user, thread, ord, notify, highlight) VALUES (?, ?, ?, ?, ?, ?)`
	marksAt   = `SELECT user, notify, highlight FROM unread_mark WHERE room = ? AND ord = ?`
	dropMark  = `DELETE FROM unread_mark WHERE room = ? AND user = ? AND thread = ? AND ord = ?`
	lessMarks = `UPDATE unread_mark SET notify = notify - ?, highlight = highlight - ? WHERE room = ? AND user = ? AND thread = ? AND ord > ?`

	putEverybody = `INSERT INTO unread_everybody (room, thread, ord, highlight) VALUES (?1, ?2, ?3, 1 + coalesce(
		(SELECT highlight FROM unread_everybody WHERE room = ?1 AND thread = ?2 AND ord < ?3 ORDER BY ord DESC LIMIT 1), 0))`
	isEverybody   = `SELECT 1 FROM unread_everybody WHERE room = ? AND thread = ? AND ord = ?`
	dropEverybody = `DELETE FROM unread_everybody WHERE room = ? AND thread = ? AND ord = ?`
	lessEverybody = `UPDATE unread_everybody SET highlight = highlight - 1 WHERE room = ? AND thread = ? AND ord > ?`

	countedAt = `SELECT t.room, t.thread, t.ord, t.notify > coalesce(
			(SELECT b.notify FROM timeline b WHERE b.room = t.room AND b.ord < t.ord ORDER BY b.ord DESC LIMIT 1), 0)
		FROM event e JOIN timeline t ON t.room = e.room AND t.ord = e.ord WHERE e.nid = ? AND e.redacted_by IS NULL`
	putRedacted = `INSERT INTO unread_redacted (room, thread, ord) VALUES (?, ?, ?)`

	usersWithRules = `SELECT a.user, t.text FROM account_data a JOIN atom t ON t.id = a.user WHERE a.room = 0 AND a.type = 21`
)

// CountUnread stores what the timeline's row of an event doesn't say of its counts. It writes nothing for an event that counts for everybody
// alike and highlights nobody.
func (tx *Tx) CountUnread(p Place, c Counted, memory *ModeMemory) error {
	changed, err := tx.storeModes(p, c.Modes, memory)
	if err != nil {
		return err
	}
	tx.touchCount(&p, &c, changed)
	if c.Highlight {
		if err := tx.exec(putEverybody, p.Room, p.Thread, p.Ord); err != nil {
			return err
		}
	}
	for _, m := range c.Marks {
		var notify, highlight int64
		if _, err := tx.row(lastMark, in(p.Room, m.User, p.Thread, p.Ord), &notify, &highlight); err != nil {
			return err
		}
		if err := tx.exec(putMark, p.Room, m.User, p.Thread, p.Ord, notify+m.Notify, highlight+m.Highlight); err != nil {
			return err
		}
	}
	return nil
}

// storeModes writes the modes that changed since the room's last event, and tells whether any did.
func (tx *Tx) storeModes(p Place, now *Modes, memory *ModeMemory) (changed bool, err error) {
	if now == nil || now == memory.stored {
		return false, nil
	}
	if memory.of == nil {
		memory.of = map[Atom]Mode{}
		err := tx.rows(modesIn, in(p.Room), func(rows *sql.Rows) error {
			var user Atom
			var mode Mode
			err := rows.Scan(&user, &mode)
			memory.of[user] = mode
			return err
		})
		if err != nil {
			return false, err
		}
	}
	for user, mode := range now.Of {
		if memory.of[user] == mode {
			continue
		}
		if err := tx.exec(putMode, p.Room, user, p.Ord, mode); err != nil {
			return false, err
		}
		changed = true
	}
	maps.Copy(memory.of, now.Of)
	memory.stored = now
	return changed, nil
}

// uncount takes an event out of the counts that is about to be redacted.
func (tx *Tx) uncount(nid NID) error {
	var p Place
	var counted bool
	found, err := tx.row(countedAt, in(nid), &p.Room, &p.Thread, &p.Ord, &counted)
	if err != nil || !found {
		return err
	}
	if counted {
		if err := tx.exec(putRedacted, p.Room, p.Thread, p.Ord); err != nil {
			return err
		}
	}
	highlights, err := tx.row(isEverybody, in(p.Room, p.Thread, p.Ord), new(int))
	if err != nil {
		return err
	}
	if highlights {
		for _, query := range []string{dropEverybody, lessEverybody} {
			if err := tx.exec(query, p.Room, p.Thread, p.Ord); err != nil {
				return err
			}
		}
	}
	return tx.unmark(p)
}

// unmark takes an event's marks out of those that came after it.
func (tx *Tx) unmark(p Place) error {
	marks, err := list(&tx.Reader, marksAt, in(p.Room, p.Ord), func(rows *sql.Rows) (m UnreadMark, err error) {
		err = rows.Scan(&m.User, &m.Notify, &m.Highlight)
		return m, err
	})
	if err != nil {
		return err
	}
	for _, m := range marks {
		var notify, highlight int64
		if _, err := tx.row(lastMark, in(p.Room, m.User, p.Thread, p.Ord), &notify, &highlight); err != nil {
			return err
		}
		if err := tx.exec(dropMark, p.Room, m.User, p.Thread, p.Ord); err != nil {
			return err
		}
		if err := tx.exec(lessMarks, m.Notify-notify, m.Highlight-highlight, p.Room, m.User, p.Thread, p.Ord); err != nil {
			return err
		}
	}
	return nil
}

// UsersWithRules lists the users who ever changed their push rules, with their ids.
func (r *Reader) UsersWithRules() (map[Atom]string, error) { return r.usersNamed(usersWithRules) }

func (r *Reader) usersNamed(query string) (map[Atom]string, error) {
	users := map[Atom]string{}
	err := r.rows(query, nil, func(rows *sql.Rows) error {
		var user Atom
		var id string
		err := rows.Scan(&user, &id)
		users[user] = id
		return err
	})
	return users, err
}
