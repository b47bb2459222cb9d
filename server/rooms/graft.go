package rooms

import (
	"context"
	"fmt"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// graft queues an event anywhere in the room's graph. It waits until the database tells all, under the room's lock. It gives no write where the
// event is known already, and ErrLacks where something is not known that it builds upon.
func (s *Service) graft(ctx context.Context, a *arrival) (*write, error) {
	l, err := s.cache.acquireAtRest(ctx, a.room.ID)
	if err != nil {
		return nil, err
	}
	defer l.mu.Unlock()
	var v *verdict
	err = s.db.Read(ctx, func(r *store.Reader) error {
		g := newGraph(r, l)
		g.judges(a.Event)
		var err error
		if v, err = g.judge(ctx, a); err != nil || v == nil {
			return err
		}
		return g.readMoves(v)
	})
	if err != nil || v == nil {
		return nil, err
	}
	if v.reason != nil && a.relay {
		return nil, forbidden(v.reason)
	}
	if v.reason != nil {
		s.Log.Info().Str("room", l.ID).Str("event", v.event.ID()).Int("status", v.status).AnErr("reason", v.reason).Msg("event refused")
	}
	d := a.draft
	d.redacts = v.redacts
	return s.queueVerdict(ctx, l, judged{Event: v.event, draft: d, relay: a.relay}, v)
}

// queueVerdict moves the pending head over an event that was judged in the graph, and queues its write. The room is locked.
func (s *Service) queueVerdict(ctx context.Context, l *live, e judged, v *verdict) (*write, error) {
	if v.placed() {
		l.adopt(v)
	}
	if v.placed() && !v.hidden { // what was redacted before it came counts for nobody
		var err error
		if e.counted, err = s.count(ctx, l, e.Event); err != nil {
			l.dead.Store(true) // its head moved over an event that nobody stores
			return nil, err
		}
	}
	l.redact(e.redacts)
	w := s.submit(l, []toStore{{judged: e, verdict: v}})
	l.grafted = w.pending
	return w, nil
}

// acquireAtRest is acquire after everything that is queued is settled.
func (c *cache) acquireAtRest(ctx context.Context, roomID string) (*live, error) {
	for {
		l, err := c.acquire(ctx, roomID)
		if err != nil {
			return nil, err
		}
		if l.last != nil {
			_ = l.last.Wait() // its own sender is told
		}
		if !l.dead.Load() {
			return l, nil
		}
		l.mu.Unlock()
	}
}

// putVerdict writes an event with everything that follows from it. It gives the users whose membership changes.
func (s *Service) putVerdict(tx *store.Tx, l *live, at *mark, e toStore) (subjects []store.Atom, err error) {
	v := e.verdict
	if known, err := tx.KnowsEvent(e.ID()); err != nil || known && v.outlier == 0 {
		return nil, errOr(err, errStale) // it came as an outlier meanwhile: it is judged again
	}
	pos, err := tx.NextPos()
	if err != nil {
		return nil, err
	}
	row, err := newRow(tx, l.Ref, e)
	if err != nil {
		return nil, err
	}
	row.NID, row.Status, row.Replaces = store.NID(pos), v.status, v.replaces
	if v.outlier != 0 {
		row.NID, row.Status = v.outlier, row.Status|store.StatusAside // its number is not its position
	}
	groups := layers{tx, l.Ref, v.nids, map[*state]int64{}}
	v.nids[row.ID] = row.NID
	if row.State, err = groups.put(v.after); err != nil {
		return nil, err
	}
	if v.placed() {
		if err := openHistory(tx, l.Ref, at, v); err != nil {
			return nil, err
		}
		at.ord++
		row.Ord, row.Placed = at.ord, true
	}
	if err := addOrPlace(tx, v, &row); err != nil {
		return nil, err
	}
	if err := redactEarly(tx, &row, e.Event); err != nil || !v.placed() {
		return nil, err
	}
	if err := s.placeVerdict(tx, at, &row, e, pos); err != nil {
		return nil, err
	}
	if at.group, err = groups.put(v.current); err != nil {
		return nil, err
	}
	if err := putTips(tx, at, v, &row); err != nil {
		return nil, err
	}
	if subjects, err = groups.putCurrent(v, row.Ord, pos); err != nil {
		return nil, err
	}
	return subjects, e.send(tx, &row, pos)
}

// openHistory leaves places for the events before an event that were not given.
func openHistory(tx *store.Tx, room store.RoomRef, at *mark, v *verdict) error {
	if len(v.missing) > 0 {
		at.gap += gapSize
	}
	return openGap(tx, room, at)
}

func addOrPlace(tx *store.Tx, v *verdict, row *store.Event) error {
	if v.outlier != 0 {
		return tx.PlaceEvent(row)
	}
	return tx.AddEvent(row)
}

// placeVerdict appends an event to the timeline, with what is known of others that are not there.
func (s *Service) placeVerdict(tx *store.Tx, at *mark, row *store.Event, e toStore, pos int64) error {
	v := e.verdict
	if err := s.show(tx, at, row, e, pos); err != nil {
		return err
	}
	if int64(row.NID) != pos {
		if err := tx.AddLate(row.Room, pos, row.NID); err != nil {
			return err
		}
	}
	for _, id := range v.missing {
		if err := tx.AddMissing(row.Room, id, row.NID); err != nil {
			return err
		}
	}
	if err := tx.FillMissing(row.Room, row.ID); err != nil {
		return err
	}
	if v.early != nil {
		return tx.AddEarlyRedaction(row.Room, v.early.eventID, store.EarlyRedaction{NID: row.NID, Anyones: v.early.anyones})
	}
	return nil
}

// putTips writes the forward extremities, where they are others than the event alone.
func putTips(tx *store.Tx, at *mark, v *verdict, row *store.Event) error {
	if v.isTip && len(v.tips) == 0 {
		if !at.forked {
			return nil
		}
		at.forked = false
		return tx.Unfork(row.Room)
	}
	at.forked = true
	var nids []store.NID
	for _, t := range v.tips {
		nids = append(nids, t.NID)
	}
	if v.isTip {
		nids = append(nids, row.NID)
	}
	return tx.SetExtremities(row.Room, nids, at.group)
}

// layers stores states as groups.
type layers struct {
	tx   *store.Tx
	room store.RoomRef
	nids map[string]store.NID // of all events that the states name; those that are stored now among them
	done map[*state]int64
}

// put gives the group of a state, and makes those that are not stored yet.
func (y layers) put(st *state) (group int64, err error) {
	var above []*state
	for ; st != nil && st.group == 0 && y.done[st] == 0; st = st.base {
		above = append(above, st)
	}
	if st != nil {
		group = max(st.group, y.done[st])
	}
	for i := len(above) - 1; i >= 0; i-- {
		entries, err := y.entries(above[i].diff)
		if err != nil {
			return 0, err
		}
		if group, err = y.tx.AddStateGroup(y.room, group, entries...); err != nil {
			return 0, err
		}
		y.done[above[i]] = group
	}
	return group, nil
}

func (y layers) entries(diff map[auth.Key]string) (entries []store.StateEntry, err error) {
	for key, id := range diff {
		var e store.StateEntry
		if e.NID, err = y.nid(id); err != nil {
			return nil, err
		}
		if e.Type, err = y.tx.Atom(key.Type); err != nil {
			return nil, err
		}
		if e.StateKey, err = y.tx.Atom(key.StateKey); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// nid is the number of an event of a state, 0 for none.
func (y layers) nid(id string) (store.NID, error) {
	nid, known := y.nids[id]
	switch {
	case id == "":
		return 0, nil
	case !known || nid == ownNID:
		return 0, fmt.Errorf("the number of %s is not known", id)
	}
	return nid, nil
}

// putCurrent writes the changes of the current state, and the memberships that follow. It gives whose they are.
func (y layers) putCurrent(v *verdict, ord, pos int64) (subjects []store.Atom, err error) {
	entries, err := y.entries(v.changes)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		old, err := y.tx.SetCurrentState(y.room, pos, e)
		if err != nil {
			return nil, err
		}
		if e.Type != store.AtomMember {
			continue
		}
		subjects = append(subjects, e.StateKey)
		if err := y.putMember(e, old, ord, pos); err != nil {
			return nil, err
		}
	}
	return subjects, nil
}

// putMember sets a membership as the current state has it. Who has none any more has left with the event that stood there.
func (y layers) putMember(entry store.StateEntry, old store.NID, ord, pos int64) error {
	m := store.Member{Room: y.room, User: entry.StateKey, Membership: store.Leave, NID: old, Pos: pos, Ord: ord}
	if entry.NID != 0 {
		row, _, err := y.tx.Event(entry.NID)
		if err != nil {
			return err
		}
		membership, _ := pdu.StoredObject(row.JSON).Object("content").Text("membership")
		m.NID, m.Membership = entry.NID, store.ParseMembership(membership)
	}
	return y.tx.PutMember(m)
}
