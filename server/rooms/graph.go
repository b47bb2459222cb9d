package rooms

import (
	"fmt"
	"maps"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/pdu/stateres"
	"beffroi/server/store"
)

// graph reads a room's events and states while one event is judged. The room is locked, and nothing is queued.
type graph struct {
	*live
	r      *store.Reader
	own    *pdu.Event            // the event that is judged; it may be in the database as an outlier
	fresh  map[string]*pdu.Event // events that are judged and not stored yet, this one among them
	events map[string]*vertex
	wholes map[int64]stateres.State
	nids   map[string]store.NID
	err    error // of a read that an auth.State could not tell of
}

// vertex is an event of the graph.
type vertex struct {
	store.Event
	e *pdu.Event
}

// ownNID stands for the number of the event that is judged, which it gets when it is stored.
const ownNID store.NID = -1

func newGraph(r *store.Reader, l *live) *graph {
	return &graph{live: l, r: r, fresh: map[string]*pdu.Event{}, events: map[string]*vertex{}, wholes: map[int64]stateres.State{}, nids: map[string]store.NID{}}
}

// judges says which event is judged.
func (g *graph) judges(e *pdu.Event) {
	g.own = e
	g.fresh[e.ID()] = e
	g.nids[e.ID()] = ownNID
}

func (g *graph) isFresh(id string) bool { return g.fresh[id] != nil }

// vertex reads an event of the room; nil where it is not known.
func (g *graph) vertex(id string) (*vertex, error) {
	if v, ok := g.events[id]; ok {
		return v, nil
	}
	row, ok, err := g.r.EventByID(id)
	if err != nil {
		return nil, err
	}
	if !ok || row.Room != g.Ref {
		g.events[id] = nil
		return nil, nil
	}
	return g.add(row)
}

func (g *graph) add(row store.Event) (*vertex, error) {
	e, err := row.PDU(g.rules)
	if err != nil {
		return nil, err
	}
	v := &vertex{row, e}
	g.events[row.ID] = v
	if !g.isFresh(row.ID) {
		g.nids[row.ID] = row.NID
	}
	return v, nil
}

// event is an event of the room, which must be known.
func (g *graph) event(id string) (*pdu.Event, error) {
	if e := g.fresh[id]; e != nil {
		return e, nil
	}
	v, err := g.vertex(id)
	if err != nil || v == nil {
		return nil, errOr(err, fmt.Errorf("room %s: event %s is missing", g.ID, id))
	}
	return v.e, nil
}

// state is the state at some point of the graph: that of a group, or one that is not stored yet.
type state struct {
	group int64               // 0: not stored
	base  *state              // what it changes, where it is not stored; nil: nothing
	diff  map[auth.Key]string // the changes, by event ids; "": removed
	whole stateres.State      // all of it, where that was needed
}

func ofGroup(group int64) *state { return &state{group: group} }

// with is a state after a state event.
func (st *state) with(e *pdu.Event) *state {
	key, _ := e.StateKey()
	return &state{base: st, diff: map[auth.Key]string{{Type: e.Type(), StateKey: key}: e.ID()}}
}

// is tells whether two states are one; two groups may say the same and be two.
func (st *state) is(other *state) bool {
	return st == other || st != nil && other != nil && st.group != 0 && st.group == other.group
}

// entry is the id of an event in a state, "" for none.
func (g *graph) entry(st *state, key auth.Key) (string, error) {
	for ; st != nil && st.group == 0; st = st.base {
		if id, ok := st.diff[key]; ok {
			return id, nil
		}
	}
	if st == nil {
		return "", nil
	}
	if whole, ok := g.wholes[st.group]; ok {
		return whole[key], nil
	}
	return g.groupEntry(st.group, key)
}

func (g *graph) groupEntry(group int64, key auth.Key) (string, error) {
	eventType, err := g.r.FindAtom(key.Type)
	if err != nil || eventType == 0 {
		return "", err
	}
	stateKey, err := g.r.FindAtom(key.StateKey)
	if err != nil || stateKey == 0 {
		return "", err
	}
	nid, err := g.r.GroupEntry(group, eventType, stateKey)
	if err != nil || nid == 0 {
		return "", err
	}
	row, ok, err := g.r.Event(nid)
	if err != nil || !ok {
		return "", errOr(err, fmt.Errorf("room %s: event %d is missing", g.ID, nid))
	}
	_, err = g.add(row)
	return row.ID, err
}

// all reads the whole of a state.
func (g *graph) all(st *state) (stateres.State, error) {
	var above []*state
	for ; st != nil && st.group == 0 && st.whole == nil; st = st.base {
		above = append(above, st)
	}
	whole := stateres.State{}
	switch {
	case st == nil:
	case st.whole != nil:
		whole = maps.Clone(st.whole)
	default:
		all, err := g.group(st.group)
		if err != nil {
			return nil, err
		}
		whole = maps.Clone(all)
	}
	for i := len(above) - 1; i >= 0; i-- {
		for key, id := range above[i].diff {
			set(whole, key, id)
		}
	}
	return whole, nil
}

func set(st stateres.State, key auth.Key, id string) {
	if id == "" {
		delete(st, key)
		return
	}
	st[key] = id
}

// group reads the whole of a stored state.
func (g *graph) group(group int64) (stateres.State, error) {
	if whole, ok := g.wholes[group]; ok {
		return whole, nil
	}
	entries, err := g.r.GroupState(group)
	if err != nil {
		return nil, err
	}
	nids := make([]store.NID, len(entries))
	for i, e := range entries {
		nids[i] = e.NID
	}
	ids, err := g.r.EventIDs(nids)
	if err != nil {
		return nil, err
	}
	whole := make(stateres.State, len(entries))
	for _, e := range entries {
		key, err := g.key(e)
		if err != nil {
			return nil, err
		}
		whole[key] = ids[e.NID]
		g.nids[ids[e.NID]] = e.NID
	}
	g.wholes[group] = whole
	return whole, nil
}

func (g *graph) key(e store.StateEntry) (key auth.Key, err error) {
	if key.Type, err = g.r.Text(e.Type); err != nil {
		return key, err
	}
	key.StateKey, err = g.r.Text(e.StateKey)
	return key, err
}

// standing is a state as the authorisation rules see it.
type standing struct {
	*graph
	state *state
}

// Event implements auth.State. An error is kept in the graph.
func (s standing) Event(eventType, stateKey string) *pdu.Event {
	id, err := s.entry(s.state, auth.Key{Type: eventType, StateKey: stateKey})
	if err != nil || id == "" {
		s.fail(err)
		return nil
	}
	e, err := s.event(id)
	s.fail(err)
	return e
}

func (g *graph) fail(err error) {
	if g.err == nil {
		g.err = err
	}
}

// check judges the event by a state.
func (g *graph) check(st *state) (refusal, err error) {
	refusal = auth.Check(g.own, standing{g, st})
	return refusal, g.err
}
