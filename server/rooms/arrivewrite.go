package rooms

import (
	"context"
	"maps"
	"slices"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// writeBatch is how many events, or entries of a state, one write of a room that arrives has: others have their turn between two.
const writeBatch = 500

// landing writes a room that arrived. Until the last write nobody sees anything of it; where it is cut off, another join goes on from there.
type landing struct {
	*Service
	*settled
	user   User
	roomID string
	room   store.RoomRef
	quiet  bool                  // nobody sees anything of the room yet: it is not found, or known by an invitation only
	rows   []store.StateRow      // of the state
	seats  []seat                // what changes of the current state
	group  int64                 // the state before the join
	who    map[string]*pdu.Event // the events of the state, by their ids
}

// seat is an entry that the current state gets.
type seat struct {
	store.StateEntry
	membership store.Membership // of an m.room.member event
	local      bool             // of a user of this server
}

// land writes the room, and lets everybody find it.
func (s *Service) land(ctx context.Context, u User, roomID string, a *settled) error {
	l := &landing{Service: s, settled: a, user: u, roomID: roomID, who: map[string]*pdu.Event{}}
	for _, e := range a.state {
		l.who[e.ID()] = e
	}
	for _, step := range []func(context.Context) error{l.begin, l.putEvents, l.putGroup, l.compare, l.putQuietly, l.end} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// begin finds the room, or makes its row.
func (l *landing) begin(ctx context.Context) error {
	purging, err := store.Get(ctx, l.db, func(r *store.Reader) (bool, error) { return r.PurgesRoom(l.roomID) })
	if err != nil {
		return err
	}
	if purging {
		if err := l.sweep(ctx); err != nil {
			return err
		}
	}
	return l.db.Write(ctx, func(tx *store.Tx) error {
		room, ok, err := tx.FindRoom(l.roomID)
		if err != nil {
			return err
		}
		if l.room, l.quiet = room.Ref, true; ok {
			_, ok, err = tx.LastPlace(l.room)
			l.quiet = !ok
			return err
		}
		l.room, err = tx.BeginArrival(l.roomID, l.join.Rules().Version)
		return err
	})
}

// putEvents stores the events that are not known.
func (l *landing) putEvents(ctx context.Context) error {
	for batch := range slices.Chunk(l.fresh, writeBatch) {
		err := l.db.Write(ctx, func(tx *store.Tx) error {
			for _, o := range batch {
				if err := putOutlier(tx, l.room, o); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	l.fresh = nil
	return nil
}

// putGroup stores the state before the join, which nothing refers to yet.
func (l *landing) putGroup(ctx context.Context) error {
	ids := slices.Collect(maps.Keys(l.who))
	err := l.db.Read(ctx, func(r *store.Reader) (err error) {
		l.rows, err = r.StateRows(l.room, ids)
		return err
	})
	if err != nil {
		return err
	}
	entries := make([]store.StateEntry, len(l.rows))
	for i, row := range l.rows {
		entries[i] = row.StateEntry
	}
	err = l.db.Write(ctx, func(tx *store.Tx) (err error) {
		l.group, err = tx.AddStateGroup(l.room, 0)
		return err
	})
	for batch := range slices.Chunk(entries, writeBatch) {
		if err != nil {
			return err
		}
		err = l.db.Write(ctx, func(tx *store.Tx) error { return tx.GrowStateGroup(l.group, batch) })
	}
	return err
}

// compare finds what changes of the current state.
func (l *landing) compare(ctx context.Context) error {
	now := map[store.StateEntry]bool{}
	gone := map[store.StateEntry]bool{} // without number
	err := l.db.Read(ctx, func(r *store.Reader) error {
		entries, err := r.CurrentState(l.room)
		for _, e := range entries {
			now[e], gone[store.StateEntry{Type: e.Type, StateKey: e.StateKey}] = true, true
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, row := range l.rows {
		delete(gone, store.StateEntry{Type: row.Type, StateKey: row.StateKey})
		e := l.who[row.ID]
		key, _ := e.StateKey()
		if now[row.StateEntry] && !l.quiet {
			continue
		}
		l.seats = append(l.seats, seat{row.StateEntry, store.ParseMembership(auth.Membership(e)), l.local(key)})
	}
	for e := range gone {
		l.seats = append(l.seats, seat{e, store.Leave, true})
	}
	return nil
}

// putQuietly makes the current state of a room that nobody sees, but for what concerns users of this server.
func (l *landing) putQuietly(ctx context.Context) error {
	if !l.quiet {
		return nil
	}
	var quiet, rest []seat
	for _, one := range l.seats {
		if one.local && one.Type == store.AtomMember {
			rest = append(rest, one)
		} else {
			quiet = append(quiet, one)
		}
	}
	for batch := range slices.Chunk(quiet, writeBatch) {
		if err := l.db.Write(ctx, func(tx *store.Tx) error { return l.take(tx, batch, 0) }); err != nil {
			return err
		}
	}
	l.seats = rest
	return nil
}

// take changes the current state. Memberships are known from a place of the timeline on.
func (l *landing) take(tx *store.Tx, seats []seat, ord int64) error {
	pos, err := tx.NextPos()
	if err != nil {
		return err
	}
	for _, one := range seats {
		old, err := tx.SetCurrentState(l.room, pos, one.StateEntry)
		if err != nil {
			return err
		}
		if one.Type != store.AtomMember {
			continue
		}
		m := store.Member{Room: l.room, User: one.StateKey, Membership: one.membership, NID: one.NID, Pos: pos, Ord: ord}
		if m.NID == 0 {
			m.NID = old
		}
		if err := tx.PutMember(m); err != nil {
			return err
		}
	}
	return nil
}

// end writes the join, and all that anybody sees. What this server had of the room in memory ends with it.
func (l *landing) end(ctx context.Context) error {
	if held, err := l.cache.acquireAtRest(ctx, l.roomID); err == nil {
		defer held.mu.Unlock()
		defer held.dead.Store(true)
	}
	return l.db.Write(ctx, func(tx *store.Tx) error {
		at, err := l.head(tx)
		if err != nil {
			return err
		}
		row, err := newRow(tx, l.room, toStore{judged: judged{Event: l.join}})
		if err != nil {
			return err
		}
		missing, err := l.missing(tx)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			at.gap += gapSize
		}
		if err := openGap(tx, l.room, at); err != nil {
			return err
		}
		at.ord++
		if err := l.take(tx, l.seats, at.ord); err != nil {
			return err
		}
		if err := l.putJoin(tx, at, &row, missing); err != nil {
			return err
		}
		if err := tx.DropStripped(l.room, l.user.Atom); err != nil {
			return err
		}
		if err := tx.EndArrival(l.room, l.join.Rules().Version); err != nil {
			return err
		}
		l.wake(tx)
		return nil
	})
}

// head is where the room's timeline ends.
func (l *landing) head(tx *store.Tx) (*mark, error) {
	at := &mark{group: l.group, modes: &store.ModeMemory{}}
	last, _, err := tx.LastPlace(l.room)
	at.ord, at.notify, at.notifyMain = last.Ord, last.Notify, last.NotifyMain
	if err != nil {
		return nil, err
	}
	restores, err := tx.Restores(l.room)
	at.gap = restores * gapSize
	return at, err
}

// missing are the events before the join that are not in the timeline.
func (l *landing) missing(tx *store.Tx) (ids []string, err error) {
	for _, id := range l.join.PrevEvents() {
		e, ok, err := tx.EventByID(id)
		if err != nil {
			return nil, err
		}
		if !ok || e.Room != l.room || !e.Placed {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// putJoin writes the join as the only event that the room's next one follows.
func (l *landing) putJoin(tx *store.Tx, at *mark, row *store.Event, missing []string) error {
	pos, err := tx.NextPos()
	if err != nil {
		return err
	}
	if known, err := tx.KnowsEvent(row.ID); err != nil || known {
		return errOr(err, errElsewhere)
	}
	row.NID, row.Ord, row.Placed = store.NID(pos), at.ord, true
	if err := l.storeState(tx, at, row, l.join, pos); err != nil {
		return err
	}
	row.State = at.group
	if err := tx.AddEvent(row); err != nil {
		return err
	}
	if err := l.show(tx, at, row, toStore{judged: judged{Event: l.join}}, pos); err != nil {
		return err
	}
	for _, id := range missing {
		if err := tx.AddMissing(l.room, id, row.NID); err != nil {
			return err
		}
	}
	return tx.Unfork(l.room)
}

// wake wakes the user, who looks into the room, and users of this server whose membership changed.
func (l *landing) wake(tx *store.Tx) {
	topics := []int64{topic(l.room), int64(l.user.Atom)}
	for _, one := range l.seats {
		if one.local && one.Type == store.AtomMember {
			topics = append(topics, int64(one.StateKey))
		}
	}
	tx.OnCommit(func() { l.hub.Wake(topics...) })
}
