package rooms

import (
	"context"
	"errors"
	"fmt"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/pdu/stateres"
	"beffroi/server/store"
)

// verdict is all that follows from an event which does not simply follow the room's head, ready to be written.
type verdict struct {
	event    *pdu.Event
	status   int
	reason   error  // why it was refused
	before   *state // the state before it
	after    *state // the state after it; that before it for what is no state or was rejected
	replaces store.NID
	outlier  store.NID // its row, where it is in the database already
	missing  []string  // which of the events before it are not in the timeline
	tips     []*vertex // the forward extremities after it, as far as they are stored; nil where they stay
	isTip    bool      // it is one itself
	current  *state    // the room's current state after it
	changes  map[auth.Key]string
	moves    []move // the same, for the copy in memory
	nids     map[string]store.NID
	redacts  *redaction // what it redacts
	early    *earlyRedaction
	hidden   bool // it was redacted before it came
}

// earlyRedaction says that what an event redacts is not known yet.
type earlyRedaction struct {
	eventID string
	anyones bool
}

// placed tells whether the event enters the timeline.
func (v *verdict) placed() bool { return v.status&(store.StatusRejected|store.StatusSoftFailed) == 0 }

// judge holds an event to all that is asked of one. It gives nothing where the event is known already, and ErrLacks where something is not known
// that it builds upon.
//
// Spec: server-server API, "Checks performed on receipt of a PDU", steps 4 to 6, "Rejection", "Soft failure".
func (g *graph) judge(ctx context.Context, a *arrival) (*verdict, error) {
	row, err := g.stored(a.ID())
	if err != nil || row != nil && row.Status&store.StatusOutlier == 0 {
		return nil, err
	}
	v := &verdict{event: g.own, nids: g.nids}
	if row != nil {
		v.outlier, v.status, v.event = row.NID, row.Status&^store.StatusOutlier, row.e
		g.judges(row.e)
	}
	if g.own.RedactedOnArrival() {
		v.status |= store.StatusRedactedOnArrival
	}
	if err := g.judgeByAuthEvents(v); err != nil {
		return nil, err
	}
	if v.before, err = g.stateBefore(a, v); err != nil {
		return nil, err
	}
	if err := g.judgeByState(ctx, v); err != nil {
		return nil, err
	}
	if v.placed() && a.unwanted != nil {
		if err := v.refuse(store.StatusSoftFailed, a.unwanted); err != nil {
			return nil, err
		}
	}
	if err := g.stateAfter(v); err != nil {
		return nil, err
	}
	if !v.placed() {
		return v, nil
	}
	if err := g.settleTips(v); err != nil {
		return nil, err
	}
	return v, g.redaction(v)
}

// errElsewhere says that another room has an event of this id. In the first room versions senders choose their ids.
var errElsewhere = errors.New("another room has an event of this id")

// stored reads an event that is to be judged; nil where it is not known.
func (g *graph) stored(id string) (*vertex, error) {
	row, err := g.vertex(id)
	if err != nil || row != nil {
		return row, err
	}
	known, err := g.r.KnowsEvent(id)
	if err == nil && known {
		err = errElsewhere
	}
	return nil, err
}

// judgeByAuthEvents is step 4: the event is judged by its auth events.
func (g *graph) judgeByAuthEvents(v *verdict) error {
	var authEvents []*pdu.Event
	listed, rejected := auth.Map{createKey(): g.held[createKey()]}, map[string]bool{}
	for _, id := range g.own.AuthEvents() {
		a, err := g.vertex(id)
		if err != nil || a == nil {
			return errOr(err, ErrLacks)
		}
		rejected[id] = a.Status&store.StatusRejected != 0
		authEvents = append(authEvents, a.e)
		listed.Put(a.e)
	}
	err := auth.CheckAuthEvents(g.own, authEvents, func(id string) bool { return rejected[id] })
	if create := g.held[createKey()]; err == nil && create != nil {
		err = anotherCreate(g.own, create.ID())
	}
	if err == nil {
		err = auth.Check(g.own, listed)
	}
	return v.refuse(store.StatusRejected, err)
}

// anotherCreate rejects a create event in a room that has one: the server that the room's id names, up to room version 11, could make more, and rule
// by what those allow. An event that another one allows is rejected as what a rejected event allows.
func anotherCreate(e *pdu.Event, createID string) error {
	if e.IsCreate() && e.ID() != createID {
		return &auth.Rejected{Reason: "the room has another create event"}
	}
	return nil
}

// refuse notes a refusal by the authorisation rules; any other error is one.
func (v *verdict) refuse(status int, err error) error {
	var refusal *auth.Rejected
	if !errors.As(err, &refusal) {
		return err
	}
	v.status |= status
	v.reason = refusal
	return nil
}

// stateBefore is the resolution of the states after the events before the event.
func (g *graph) stateBefore(a *arrival, v *verdict) (*state, error) {
	var states []*state
	for _, id := range g.own.PrevEvents() {
		p, err := g.vertex(id)
		if err != nil {
			return nil, err
		}
		if p == nil || p.State == 0 {
			v.missing = append(v.missing, id)
			continue
		}
		states = append(states, ofGroup(p.State))
	}
	if len(v.missing) > 0 || len(states) == 0 {
		if a.state == nil {
			return nil, ErrLacks
		}
		st, err := g.toldState(a.state)
		if err != nil {
			return nil, err
		}
		states = append(states, st)
	}
	return g.resolve(states)
}

// toldState is the state that another server told, of the events that are known and were not rejected, as changes of the current one.
func (g *graph) toldState(t *told) (*state, error) {
	whole := stateres.State{}
	rows, err := g.r.StateRows(g.Ref, t.ids)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.StateKey == 0 || row.Status&store.StatusRejected != 0 {
			continue
		}
		key, err := g.key(row.StateEntry)
		if err != nil {
			return nil, err
		}
		whole[key] = row.ID
		if !g.isFresh(row.ID) {
			g.nids[row.ID] = row.NID
		}
	}
	now := ofGroup(g.head.group)
	current, err := g.all(now)
	if err != nil {
		return nil, err
	}
	diff := difference(current, whole)
	if len(diff) == 0 {
		return now, nil
	}
	return &state{base: now, diff: diff, whole: whole}, nil
}

// judgeByState is steps 5 and 6: the event is judged by the state before it, and by the room's current one. After a gap, where that state was told,
// this server may have missed how the current state changed: there the resolution of both counts, which keeps bans in force.
func (g *graph) judgeByState(ctx context.Context, v *verdict) error {
	refusal, err := g.check(v.before)
	if err != nil {
		return err
	}
	if refusal != nil && len(v.missing) > 0 { // for good it is rejected only by what is known: another server may tell better
		return fmt.Errorf("%w: refused by the state that was told: %w", ErrLacks, refusal)
	}
	if err := v.refuse(store.StatusRejected, refusal); err != nil || v.status&store.StatusRejected != 0 {
		return err
	}
	if v.before.is(ofGroup(g.head.group)) {
		return nil
	}
	v.status |= store.StatusAside
	if len(v.missing) > 0 {
		both, err := g.resolve([]*state{ofGroup(g.head.group), v.before})
		if err != nil {
			return err
		}
		if refusal, err = g.check(both); err != nil {
			return err
		}
		return v.refuse(store.StatusSoftFailed, refusal)
	}
	if err := g.know(ctx, needed(g.own)...); err != nil {
		return err
	}
	return v.refuse(store.StatusSoftFailed, auth.Check(g.own, g.held))
}

// stateAfter is the state after the event, and what it replaces there.
func (g *graph) stateAfter(v *verdict) error {
	v.after = v.before
	key, isState := g.own.StateKey()
	if !isState || v.status&store.StatusRejected != 0 {
		return nil
	}
	v.after = v.before.with(g.own)
	id, err := g.entry(v.before, auth.Key{Type: g.own.Type(), StateKey: key})
	if err != nil || id == "" {
		return err
	}
	replaced, err := g.vertex(id)
	if err == nil && replaced != nil {
		v.replaces = replaced.NID
	}
	return err
}
