package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// maxAsked is for how many events of a backfill the state before them is asked for, where it doesn't follow from others. Without it nobody knows
// who was in the room, and only what everybody might see is shown.
const maxAsked = 2

// Backfill puts older events that a server gave below the event at a place of the timeline, where a gap ends or the timeline begins. They become part
// of the history and of nothing else: neither the current state nor the stream changes. It tells how many were new.
//
// Spec: server-server API, "Backfilling and retrieving missing events".
func (s *Service) Backfill(ctx context.Context, origin, roomID string, above int64, raws []json.RawMessage) (int, error) {
	room, err := store.Get(ctx, s.db, func(r *store.Reader) (store.Room, error) { return Find(r, roomID) })
	if err != nil {
		return 0, err
	}
	rules, _ := pdu.RulesFor(room.Version)
	events := map[string]*pdu.Event{}
	for _, e := range s.verified(ctx, room, rules, raws, len(raws)) {
		events[e.ID()] = e
	}
	if events, err = s.older(ctx, room.Ref, above, events); err != nil {
		return 0, err
	}
	told, err := s.supplyOlder(ctx, room, rules, origin, events)
	if err != nil {
		return 0, err
	}
	for range maxAttempts {
		n, err := s.insertOlder(ctx, roomID, above, events, told)
		if !isStale(err) {
			return n, err
		}
	}
	return 0, errStale
}

// older are those among events that are missing before the event at a place or a later one, directly or not. Anything else is no history of it: what
// came to this server as such would be known, and never come into force. Nor is what is before events that are in the timeline: below those it has a place of its own.
func (s *Service) older(ctx context.Context, room store.RoomRef, above int64, events map[string]*pdu.Event) (map[string]*pdu.Event, error) {
	reached := map[string]*pdu.Event{}
	err := s.db.Read(ctx, func(r *store.Reader) error {
		missing, err := r.MissingBelow(room, above, store.OrdMax)
		for ; err == nil && len(missing) > 0; missing = missing[1:] {
			e := events[missing[0]]
			if e == nil || reached[e.ID()] != nil {
				continue
			}
			row, _, err := r.EventByID(e.ID())
			if err != nil {
				return err
			}
			if !row.Placed {
				reached[e.ID()] = e
				missing = append(missing, e.PrevEvents()...)
			}
		}
		return err
	})
	return reached, err
}

// insertOlder judges and stores older events.
func (s *Service) insertOlder(ctx context.Context, roomID string, above int64, events map[string]*pdu.Event, told map[string]*told) (int, error) {
	l, err := s.cache.acquireAtRest(ctx, roomID)
	if err != nil {
		return 0, err
	}
	defer l.mu.Unlock()
	var b *backfill
	err = s.db.Read(ctx, func(r *store.Reader) error {
		b = &backfill{graph: newGraph(r, l), told: told, after: map[string]*state{}}
		for _, e := range inOrder(events, (*pdu.Event).PrevEvents) {
			if err := b.judge(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(b.older) == 0 {
		return 0, err
	}
	if err := s.db.Write(ctx, func(tx *store.Tx) error { return b.write(tx, above) }); err != nil {
		return 0, err
	}
	for _, v := range b.older {
		l.redact(v.redacts)
	}
	return len(b.older), nil
}

// supplyOlder asks for what allows older events, and for the state before those of them whose own doesn't follow from others.
func (s *Service) supplyOlder(ctx context.Context, room store.Room, rules pdu.Rules, origin string, events map[string]*pdu.Event) (map[string]*told, error) {
	given, spent := map[string]*told{}, new(spent)
	for _, e := range inOrder(events, (*pdu.Event).PrevEvents) {
		a := &arrival{Event: e, room: room, from: origin, spent: spent}
		missing, err := s.lacks(ctx, a)
		if err != nil {
			return nil, err
		}
		if err := s.fetch(ctx, a, rules, missing.auth, nil); err != nil {
			s.Log.Info().Err(err).Str("room", room.ID).Str("server", origin).Msg("auth events were not given")
		}
		if len(given) == maxAsked || !anyOutside(missing.prevs, events) {
			continue
		}
		if given[e.ID()], err = s.askState(ctx, a, rules); err != nil {
			s.Log.Info().Err(err).Str("room", room.ID).Str("server", origin).Msg("the state of older events was not given")
			delete(given, e.ID())
		}
	}
	return given, nil
}

func anyOutside(ids []string, events map[string]*pdu.Event) bool {
	for _, id := range ids {
		if events[id] == nil {
			return true
		}
	}
	return false
}

// backfill judges older events, the oldest first.
type backfill struct {
	*graph
	told  map[string]*told
	after map[string]*state // the state after those of these events whose state is known
	older []*verdict
}

// judge holds an older event to its auth events, and to the state before it where that is known. One whose auth events are not known is left out.
func (b *backfill) judge(e *pdu.Event) error {
	row, err := b.stored(e.ID())
	if errors.Is(err, errElsewhere) || err == nil && row != nil && row.Status&store.StatusOutlier == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	v := &verdict{event: e, status: store.StatusAside, nids: b.nids}
	if row != nil {
		v.outlier, v.status, v.event = row.NID, row.Status&^store.StatusOutlier|store.StatusAside, row.e
	}
	if v.event.RedactedOnArrival() {
		v.status |= store.StatusRedactedOnArrival
	}
	b.judges(v.event)
	err = b.judgeByAuthEvents(v)
	if err == nil {
		err = b.judgeByOwnState(v)
	}
	if err != nil {
		delete(b.fresh, e.ID())
		if errors.Is(err, ErrLacks) {
			return nil
		}
		return err
	}
	b.events[e.ID()] = &vertex{store.Event{ID: e.ID(), Room: b.Ref, NID: v.outlier, Status: v.status}, v.event}
	b.older = append(b.older, v)
	if !v.placed() {
		return nil
	}
	return b.redaction(v)
}

// redaction finds what an older event redacts, once. Where the state before it is not known its sender has the levels of a room that sets none.
func (b *backfill) redaction(v *verdict) error {
	if err := b.graph.redaction(v); err != nil || v.redacts == nil {
		return err
	}
	b.events[v.redacts.target.ID].RedactedBy = ownNID
	return nil
}

func (b *backfill) judgeByOwnState(v *verdict) (err error) {
	if v.before, err = b.stateBefore(v); err != nil || v.before == nil {
		return err
	}
	refusal, err := b.check(v.before)
	if err != nil {
		return err
	}
	if refusal != nil && len(v.missing) > 0 {
		return ErrLacks
	}
	if err := v.refuse(store.StatusRejected, refusal); err != nil {
		return err
	}
	if err := b.stateAfter(v); err != nil {
		return err
	}
	b.after[v.event.ID()] = v.after
	return nil
}

// stateBefore is the state before an older event, nil where nobody knows it.
func (b *backfill) stateBefore(v *verdict) (*state, error) {
	var states []*state
	for _, id := range v.event.PrevEvents() {
		if st := b.after[id]; st != nil {
			states = append(states, st)
			continue
		}
		p, err := b.vertex(id)
		switch {
		case err != nil:
			return nil, err
		case p != nil && p.State != 0:
			states = append(states, ofGroup(p.State))
		case p == nil || !b.isFresh(id):
			v.missing = append(v.missing, id)
		}
	}
	told := b.told[v.event.ID()]
	switch {
	case v.event.IsCreate():
		return &state{}, nil
	case len(states) == len(v.event.PrevEvents()):
		return b.resolve(states)
	case told == nil:
		return nil, nil
	}
	st, err := b.toldState(told)
	if err != nil {
		return nil, err
	}
	return b.resolve(append(states, st))
}

// write stores older events, those that were not rejected just below a place.
func (b *backfill) write(tx *store.Tx, above int64) error {
	from, isGap, err := tx.GapBelow(b.Ref, above)
	if err != nil {
		return err
	}
	if _, taken, err := tx.PlaceBelow(b.Ref, above); err != nil || taken && !isGap {
		return errOr(err, fmt.Errorf("room %s has no gap below place %d", b.ID, above))
	}
	ord := above
	for _, v := range b.older {
		if v.placed() {
			ord--
		}
	}
	lowest, groups := ord, layers{tx, b.Ref, b.nids, map[*state]int64{}}
	open := false
	for _, v := range b.older {
		if err := b.put(tx, groups, v, ord); err != nil {
			return err
		}
		if v.placed() {
			ord++
			open = open || len(v.missing) > 0
		}
	}
	if !isGap {
		return nil
	}
	if !open {
		lowest = from
	}
	return tx.NarrowGap(b.Ref, from, lowest)
}

// put stores one older event, at a place where it was not rejected.
func (b *backfill) put(tx *store.Tx, groups layers, v *verdict, ord int64) error {
	row, err := newRow(tx, b.Ref, toStore{judged: judged{Event: v.event}})
	if err != nil {
		return err
	}
	if known, err := tx.KnowsEvent(row.ID); err != nil || known && v.outlier == 0 {
		return errOr(err, errStale) // it came as an outlier meanwhile
	}
	if row.NID = v.outlier; row.NID == 0 {
		pos, err := tx.NextPos()
		if err != nil {
			return err
		}
		row.NID = store.NID(pos)
	}
	row.Status, row.Replaces, b.nids[row.ID] = v.status, v.replaces, row.NID
	if v.before != nil {
		if row.State, err = groups.put(v.after); err != nil {
			return err
		}
	}
	row.Ord, row.Placed = ord, v.placed()
	if err := addOrPlace(tx, v, &row); err != nil {
		return err
	}
	if err := redactEarly(tx, &row, v.event); err != nil || !v.placed() {
		return err
	}
	for _, id := range v.missing {
		if err := tx.AddMissing(row.Room, id, row.NID); err != nil {
			return err
		}
	}
	if err := tx.FillMissing(row.Room, row.ID); err != nil {
		return err
	}
	if err := placeOlder(tx, &row, v.event); err != nil {
		return err
	}
	return b.redact(tx, v, &row)
}

// redact applies an older redaction, or keeps it until what it redacts comes.
func (b *backfill) redact(tx *store.Tx, v *verdict, row *store.Event) error {
	if v.early != nil {
		return tx.AddEarlyRedaction(row.Room, v.early.eventID, store.EarlyRedaction{NID: row.NID, Anyones: v.early.anyones})
	}
	if v.redacts == nil {
		return nil
	}
	return tx.Redact(b.nids[v.redacts.target.ID], row.NID, v.redacts.redacted.JSON())
}

// placeOlder puts an event into the timeline that nobody is notified of: the counts stay those of what is below it.
func placeOlder(tx *store.Tx, row *store.Event, e *pdu.Event) error {
	below, _, err := tx.PlaceBelow(row.Room, row.Ord)
	if err != nil {
		return err
	}
	p := store.Place{Room: row.Room, Ord: row.Ord, NID: row.NID, Sender: row.Sender, Notify: below.Notify, NotifyMain: below.NotifyMain,
		NotifyThread: below.NotifyMain}
	if p.Thread, err = threadOf(tx, row.Room, e); err != nil {
		return err
	}
	if p.Thread != 0 {
		last, _, err := tx.ThreadPlaceBelow(row.Room, p.Thread, row.Ord)
		if err != nil {
			return err
		}
		p.NotifyThread = last.NotifyThread
	}
	if err := tx.AddPlace(p); err != nil {
		return err
	}
	return tx.Relate(row)
}
