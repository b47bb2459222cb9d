package store

import (
	"database/sql"
	"slices"
)

// StateEntry is one entry of a room's state.
type StateEntry struct {
	Type, StateKey Atom
	NID            NID // 0: removed
}

// A whole snapshot is written where the groups since the last one number at least a quarter of the state's size, and at maxLinks in any
// case: a constant fraction of what is written, a bounded number of steps to read. The size is looked at every minLinks groups only.
const (
	minLinks = 64
	maxLinks = 1024
)

const (
	insertGroup = `INSERT INTO state_group (room, prev, links) VALUES (?, ?, ?)`
	insertDelta = `INSERT INTO state_delta (state_group, type, state_key, nid) VALUES (?, ?, ?, ?)`
	groupLinks  = `SELECT prev, links FROM state_group WHERE id = ?`

	chain = `WITH RECURSIVE chain (id, prev, links, step) AS (
			SELECT id, prev, links, 0 FROM state_group WHERE id = ?
			UNION ALL
			SELECT g.id, g.prev, g.links, c.step + 1 FROM chain c JOIN state_group g ON g.id = c.prev WHERE c.links > 0)`
	// One row a group, its entries as one text: a row for each entry would cost three times as much.
	groupState = chain + ` SELECT (SELECT group_concat(d.type || ' ' || d.state_key || ' ' || d.nid, ' ') FROM state_delta d WHERE d.state_group = c.id)
		FROM chain c ORDER BY c.step`
	groupEntry = chain + ` SELECT d.nid FROM chain c JOIN state_delta d ON d.state_group = c.id AND d.type = ? AND d.state_key = ?
		ORDER BY c.step LIMIT 1`

	currentState = `SELECT type, state_key, nid FROM current_state WHERE room = ?`
	currentOf    = `SELECT type, state_key, nid FROM current_state WHERE room = ? AND type = ?`
	currentCount = `SELECT count(*) FROM current_state WHERE room = ?`
	currentEntry = `SELECT nid FROM current_state WHERE room = ? AND type = ? AND state_key = ?`
	setCurrent   = `INSERT INTO current_state (room, type, state_key, nid) VALUES (?, ?, ?, ?)
		ON CONFLICT (room, type, state_key) DO UPDATE SET nid = excluded.nid`
	removeCurrent = `DELETE FROM current_state WHERE room = ? AND type = ? AND state_key = ?`
	addChange     = `INSERT INTO state_change (room, pos, type, state_key, old, new) VALUES (?, ?, ?, ?, ?, ?)`

	currentEvents = `SELECT ` + eventColumns + ` FROM current_state s JOIN event e ON e.nid = s.nid WHERE s.room = ?`
	currentOfType = `SELECT ` + eventColumns + ` FROM current_state s JOIN event e ON e.nid = s.nid WHERE s.room = ? AND s.type = ?`
	currentEvent  = `SELECT ` + eventColumns + ` FROM current_state s JOIN event e ON e.nid = s.nid
		WHERE s.room = ? AND s.type = ? AND s.state_key = ?`
	changesOf = `SELECT pos, new FROM state_change WHERE room = ? AND type = ? AND state_key = ? ORDER BY pos`
)

// AddStateGroup makes the group that differs from prev (0: nothing) by some entries.
func (tx *Tx) AddStateGroup(room RoomRef, prev int64, entries ...StateEntry) (int64, error) {
	links, err := tx.nextLinks(room, prev)
	if err != nil {
		return 0, err
	}
	group, err := tx.insert(insertGroup, room, prev, links)
	if err != nil {
		return 0, err
	}
	if links == 0 && prev != 0 {
		before, err := tx.GroupState(prev)
		if err != nil {
			return 0, err
		}
		entries = changed(before, entries)
	}
	for _, e := range entries {
		if err := tx.exec(insertDelta, group, e.Type, e.StateKey, e.NID); err != nil {
			return 0, err
		}
	}
	return group, nil
}

// changed is a state with some entries changed.
func changed(state, entries []StateEntry) []StateEntry {
	type key struct{ eventType, stateKey Atom }
	now := map[key]NID{}
	for _, e := range slices.Concat(state, entries) {
		now[key{e.Type, e.StateKey}] = e.NID
	}
	out := make([]StateEntry, 0, len(now))
	for k, nid := range now {
		if nid != 0 {
			out = append(out, StateEntry{k.eventType, k.stateKey, nid})
		}
	}
	return out
}

// nextLinks decides whether the group after prev is a difference, or (0) a whole snapshot.
func (tx *Tx) nextLinks(room RoomRef, prev int64) (int64, error) {
	if prev == 0 {
		return 0, nil
	}
	var links, size int64
	if _, err := tx.row(groupLinks, in(prev), new(int64), &links); err != nil {
		return 0, err
	}
	if (links+1)%minLinks != 0 {
		return links + 1, nil
	}
	if _, err := tx.row(currentCount, in(room), &size); err != nil {
		return 0, err
	}
	if links+1 < min(maxLinks, size/4) {
		return links + 1, nil
	}
	return 0, nil
}

// GroupState reads a group's whole state.
func (r *Reader) GroupState(group int64) ([]StateEntry, error) {
	var entries []StateEntry
	seen := map[[2]Atom]bool{}
	err := r.rows(groupState, in(group), func(rows *sql.Rows) error {
		var text sql.RawBytes
		if err := rows.Scan(&text); err != nil {
			return err
		}
		for n := numbers(text); len(n) > 0; {
			e := StateEntry{Type: Atom(n.next()), StateKey: Atom(n.next()), NID: NID(n.next())}
			if k := [2]Atom{e.Type, e.StateKey}; !seen[k] { // the last change comes first
				seen[k] = true
				entries = append(entries, e)
			}
		}
		return nil
	})
	return slices.DeleteFunc(entries, func(e StateEntry) bool { return e.NID == 0 }), err
}

// numbers is a text of natural numbers with a space between each two.
type numbers []byte

// next takes the first number away.
func (n *numbers) next() (v int64) {
	for i, c := range *n {
		if c == ' ' {
			*n = (*n)[i+1:]
			return v
		}
		v = v*10 + int64(c-'0')
	}
	*n = nil
	return v
}

// GroupEntry reads one entry of a group's state, 0 where it has none.
func (r *Reader) GroupEntry(group int64, eventType, stateKey Atom) (nid NID, err error) {
	_, err = r.row(groupEntry, in(group, eventType, stateKey), &nid)
	return nid, err
}

// StateBefore gives the state group before an event: what a state event that was accepted changes. 0: unknown.
func (r *Reader) StateBefore(e *Event) (int64, error) {
	if e.StateKey == 0 || e.State == 0 || e.Status&StatusRejected != 0 {
		return e.State, nil
	}
	var prev int64
	_, err := r.row(groupLinks, in(e.State), &prev, new(int64))
	return prev, err
}

func scanEntry(rows *sql.Rows) (e StateEntry, err error) {
	err = rows.Scan(&e.Type, &e.StateKey, &e.NID)
	return e, err
}

// SetCurrentState changes one entry of a room's current state at a position (without a NID: removes it), and gives the event that stood there, 0 for none.
func (tx *Tx) SetCurrentState(room RoomRef, pos int64, entry StateEntry) (old NID, err error) {
	if _, err := tx.row(currentEntry, in(room, entry.Type, entry.StateKey), &old); err != nil {
		return 0, err
	}
	if entry.NID == 0 {
		err = tx.exec(removeCurrent, room, entry.Type, entry.StateKey)
	} else {
		err = tx.exec(setCurrent, room, entry.Type, entry.StateKey, entry.NID)
	}
	if err != nil {
		return 0, err
	}
	what := TouchedState
	if entry.Type == AtomMember {
		what |= TouchedMembers
	}
	tx.touch(what, int64(room), pos)
	return old, tx.exec(addChange, room, pos, entry.Type, entry.StateKey, old, entry.NID)
}

// CurrentState lists the entries of a room's current state.
func (r *Reader) CurrentState(room RoomRef) ([]StateEntry, error) {
	return list(r, currentState, in(room), scanEntry)
}

// CurrentOfType lists the entries of one type of a room's current state.
func (r *Reader) CurrentOfType(room RoomRef, eventType Atom) ([]StateEntry, error) {
	return list(r, currentOf, in(room, eventType), scanEntry)
}

// CurrentEvents reads the events of a room's current state.
func (r *Reader) CurrentEvents(room RoomRef) ([]Event, error) {
	return list(r, currentEvents, in(room), scanEvent)
}

// CurrentEventsOfType reads the events of one type of a room's current state.
func (r *Reader) CurrentEventsOfType(room RoomRef, eventType Atom) ([]Event, error) {
	return list(r, currentOfType, in(room, eventType), scanEvent)
}

// CurrentEvent reads one event of a room's current state; ok is false where there is none.
func (r *Reader) CurrentEvent(room RoomRef, eventType, stateKey Atom) (e Event, ok bool, err error) {
	err = r.rows(currentEvent, in(room, eventType, stateKey), func(rows *sql.Rows) error {
		e, err = scanEvent(rows)
		ok = true
		return err
	})
	return e, ok, err
}

// StateChange is one change of an entry of the current state.
type StateChange struct {
	Pos int64
	New NID // 0: removed
}

// StateChanges lists the changes of one entry of a room's current state, the earliest first.
func (r *Reader) StateChanges(room RoomRef, eventType, stateKey Atom) ([]StateChange, error) {
	return list(r, changesOf, in(room, eventType, stateKey), func(rows *sql.Rows) (c StateChange, err error) {
		err = rows.Scan(&c.Pos, &c.New)
		return c, err
	})
}
