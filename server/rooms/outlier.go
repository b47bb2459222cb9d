package rooms

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// fetching gets events of a room that stand outside its timeline: they allow others, or are part of a state.
type fetching struct {
	*Service
	a     *arrival
	rules pdu.Rules
	ready map[string]*pdu.Event // got, and waiting for those that allow them
	bytes int                   // of those
	named map[string]bool       // asked for, or going to be
}

// maxReady is the most bytes of events that are in memory until those come that allow them.
const maxReady = 16 << 20

// fetch stores as outliers those among some events that are not known, and all that allow them. Some may be at hand already.
func (s *Service) fetch(ctx context.Context, a *arrival, rules pdu.Rules, ids []string, atHand []*pdu.Event) error {
	f := &fetching{Service: s, a: a, rules: rules, ready: map[string]*pdu.Event{}, named: map[string]bool{a.ID(): true}}
	a.spent.events += len(atHand)
	todo, err := f.take(ctx, atHand)
	if err != nil {
		return err
	}
	for todo = append(f.unnamed(todo), f.unnamed(slices.Clone(ids))...); len(todo) > 0; {
		n := min(len(todo), fetchBatch)
		batch, err := f.wanted(ctx, todo[:n])
		if err != nil {
			return err
		}
		todo = todo[n:]
		if len(batch) == 0 {
			continue
		}
		if a.spent.events += len(batch); a.spent.events > maxFetched {
			return fmt.Errorf("%s names more than %d events that are missing", a.from, maxFetched)
		}
		raws, err := s.Remote.Events(ctx, a.from, a.room.ID, batch)
		if err != nil {
			return err
		}
		more, err := f.take(ctx, among(s.verified(ctx, a.room, rules, raws, len(batch)), batch))
		if err != nil {
			return err
		}
		todo = append(todo, f.unnamed(more)...)
	}
	return nil
}

// unnamed names ids, and leaves those that were not yet.
func (f *fetching) unnamed(ids []string) []string {
	return slices.DeleteFunc(ids, func(id string) bool {
		named := f.named[id]
		f.named[id] = true
		return named
	})
}

// among are those of the events that were asked for.
func among(events []*pdu.Event, ids []string) []*pdu.Event {
	return slices.DeleteFunc(events, func(e *pdu.Event) bool { return !slices.Contains(ids, e.ID()) })
}

// wanted are those among events that are neither known nor at hand.
func (f *fetching) wanted(ctx context.Context, ids []string) ([]string, error) {
	return store.Get(ctx, f.db, func(r *store.Reader) ([]string, error) {
		missing, err := unknown(r, f.a.room.Ref, ids)
		return slices.DeleteFunc(missing, func(id string) bool { return f.ready[id] != nil }), err
	})
}

// take stores what can be judged, keeps the rest, and gives the ids of what that waits for.
func (f *fetching) take(ctx context.Context, events []*pdu.Event) (waitsFor []string, err error) {
	for _, e := range events {
		if f.ready[e.ID()] == nil {
			f.bytes += len(e.JSON())
		}
		f.ready[e.ID()] = e
	}
	if f.bytes > maxReady {
		return nil, fmt.Errorf("%s gave more than %d bytes of events that wait for others", f.a.from, maxReady)
	}
	var rows []outlier
	err = f.db.Read(ctx, func(r *store.Reader) error {
		rows, waitsFor, err = f.judge(r)
		return err
	})
	if err != nil || len(rows) == 0 {
		return waitsFor, err
	}
	return waitsFor, f.db.Write(ctx, func(tx *store.Tx) error {
		if room, err := Find(&tx.Reader, f.a.room.ID); err != nil || room.Ref != f.a.room.Ref {
			return errOr(err, notIn()) // it was purged while others were asked
		}
		for _, o := range rows {
			if err := putOutlier(tx, f.a.room.Ref, o); err != nil {
				return err
			}
		}
		return nil
	})
}

// outlier is an event outside the timeline that was judged by its auth events.
type outlier struct {
	*pdu.Event
	rejected bool
}

// judge takes out of what is ready the events whose auth events are known, in an order in which each follows its own.
func (f *fetching) judge(r *store.Reader) (out []outlier, waitsFor []string, err error) {
	known, err := f.known(r)
	if err != nil {
		return nil, nil, err
	}
	create, err := f.create(r)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range inOrder(f.ready, (*pdu.Event).AuthEvents) {
		missing := slices.DeleteFunc(e.AuthEvents(), func(id string) bool { return known[id].Event != nil })
		if len(missing) > 0 {
			waitsFor = append(waitsFor, missing...)
			continue
		}
		o := outlier{e, rejects(f.rules, f.a.room.ID, e, known) || create != "" && anotherCreate(e, create) != nil}
		known[e.ID()] = o
		out = append(out, o)
		delete(f.ready, e.ID())
		f.bytes -= len(e.JSON())
	}
	return out, waitsFor, nil
}

// create is the id of the room's create event, "" where it has none yet.
func (f *fetching) create(r *store.Reader) (string, error) {
	e, _, err := current(r, f.a.room.Ref, createKey())
	return e.ID, err
}

// known reads the auth events of what is ready, and the create event, which version 12 does not list.
func (f *fetching) known(r *store.Reader) (map[string]outlier, error) {
	ids := map[string]bool{}
	for _, e := range f.ready {
		for _, id := range e.AuthEvents() {
			ids[id] = true
		}
	}
	if f.rules.RoomIDIsHash {
		ids["$"+f.a.room.ID[1:]] = true
	}
	events, err := authChain{r, f.a.room.Ref, f.rules}.Events(slices.Collect(maps.Keys(ids)))
	known := map[string]outlier{}
	for _, e := range events {
		known[e.ID()] = outlier{e.Event, e.Rejected}
	}
	return known, err
}

// rejects judges an event by its auth events, which are known.
func rejects(rules pdu.Rules, roomID string, e *pdu.Event, known map[string]outlier) bool {
	listed := auth.Map{}
	if rules.RoomIDIsHash {
		if create := known["$"+roomID[1:]].Event; create != nil {
			listed.Put(create)
		}
	}
	var authEvents []*pdu.Event
	for _, id := range e.AuthEvents() {
		authEvents = append(authEvents, known[id].Event)
		listed.Put(known[id].Event)
	}
	return auth.CheckAuthEvents(e, authEvents, func(id string) bool { return known[id].rejected }) != nil || auth.Check(e, listed) != nil
}

// putOutlier writes an event without place and state, unless somebody did meanwhile.
func putOutlier(tx *store.Tx, room store.RoomRef, o outlier) error {
	if known, err := tx.KnowsEvent(o.ID()); err != nil || known {
		return err
	}
	pos, err := tx.NextPos()
	if err != nil {
		return err
	}
	row, err := newRow(tx, room, toStore{judged: judged{Event: o.Event}})
	if err != nil {
		return err
	}
	row.NID, row.Status = store.NID(pos), row.Status|store.StatusOutlier
	if o.rejected {
		row.Status |= store.StatusRejected
	}
	if err := tx.AddEvent(&row); err != nil {
		return err
	}
	return redactEarly(tx, &row, o.Event)
}

// inOrder lists events so that each comes after those among them that it names; else the less deep come first. What names itself in a circle, as
// events of the first room versions could, is left out.
func inOrder(events map[string]*pdu.Event, named func(*pdu.Event) []string) (out []*pdu.Event) {
	waits, namedBy := map[string]int{}, map[string][]*pdu.Event{}
	var ready []*pdu.Event
	for id, e := range events {
		for _, before := range named(e) {
			if events[before] != nil {
				waits[id]++
				namedBy[before] = append(namedBy[before], e)
			}
		}
		if waits[id] == 0 {
			ready = append(ready, e)
		}
	}
	for len(ready) > 0 {
		slices.SortFunc(ready, func(a, b *pdu.Event) int {
			return cmp.Or(cmp.Compare(a.Depth(), b.Depth()), cmp.Compare(a.ID(), b.ID()))
		})
		var next []*pdu.Event
		for _, e := range ready {
			out = append(out, e)
			for _, after := range namedBy[e.ID()] {
				if waits[after.ID()]--; waits[after.ID()] == 0 {
					next = append(next, after)
				}
			}
		}
		ready = next
	}
	return out
}
