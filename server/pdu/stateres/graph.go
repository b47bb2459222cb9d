package stateres

import (
	"fmt"
	"slices"

	"beffroi/server/pdu"
)

// ref is an event within one resolution: its index in the graph.
type ref int32

// graph holds the events that a resolution has read, each once, linked by their
// auth_events.
type graph struct {
	src   Source
	refs  map[string]ref
	nodes []node
}

type node struct {
	id       string
	event    *pdu.Event // nil: missing, or not asked for yet
	rejected bool
	asked    bool
	auth     []ref // its auth_events, each once
}

func newGraph(src Source) *graph { return &graph{src: src, refs: map[string]ref{}} }

// ref names an event, which need not be read yet.
func (g *graph) ref(id string) ref {
	r, ok := g.refs[id]
	if !ok {
		r = ref(len(g.nodes))
		g.refs[id] = r
		g.nodes = append(g.nodes, node{id: id})
	}
	return r
}

// load reads those of the events that were not asked for before, at once.
func (g *graph) load(refs []ref) error {
	var ids []string
	for _, r := range refs {
		if n := &g.nodes[r]; !n.asked {
			n.asked = true
			ids = append(ids, n.id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	events, err := g.src.Events(ids)
	if err != nil {
		return err
	}
	for _, e := range events {
		g.put(e)
	}
	return nil
}

// put notes an event that was asked for.
func (g *graph) put(e Event) {
	r, known := g.refs[e.ID()]
	if !known || g.nodes[r].event != nil {
		return
	}
	ids := e.AuthEvents()
	links := make([]ref, 0, len(ids))
	for _, id := range ids {
		if a := g.ref(id); !slices.Contains(links, a) {
			links = append(links, a)
		}
	}
	n := &g.nodes[r]
	n.event, n.rejected, n.auth = e.Event, e.Rejected, links
}

// must reads events that stand in a state.
func (g *graph) must(refs []ref) error {
	if err := g.load(refs); err != nil {
		return err
	}
	for _, r := range refs {
		if g.nodes[r].event == nil {
			return fmt.Errorf("%w: %s", ErrMissing, g.nodes[r].id)
		}
	}
	return nil
}

// chain adds to seen the auth chains of events, level by level, until it has all
// or enough says so (nil: all).
//
// Spec: rooms/v2, "Auth chain".
func (g *graph) chain(of []ref, seen *set, enough func() bool) error {
	for len(of) > 0 && (enough == nil || !enough()) {
		if err := g.load(of); err != nil {
			return err
		}
		var next []ref
		for _, r := range of {
			for _, a := range g.nodes[r].auth {
				if seen.add(a) {
					next = append(next, a)
				}
			}
		}
		of = next
	}
	return nil
}

// key is the entry of the state that an event is for; ok is false where it is
// missing, or no state event.
func (g *graph) key(r ref) (key entry, ok bool) {
	e := g.nodes[r].event
	if e == nil {
		return key, false
	}
	stateKey, ok := e.StateKey()
	return entry{Type: e.Type(), StateKey: stateKey}, ok
}

// event is an event that was read, nil for what is missing and for -1.
func (g *graph) event(r ref) *pdu.Event {
	if r < 0 {
		return nil
	}
	return g.nodes[r].event
}

// authEvent is the event of a type and state key among the auth_events of an
// event, -1 where there is none.
func (g *graph) authEvent(r ref, key entry) ref {
	for _, a := range g.nodes[r].auth {
		if e := g.nodes[a].event; e != nil && e.Is(key.Type, key.StateKey) {
			return a
		}
	}
	return -1
}

// set is a set of events. Its zero value is empty.
type set []uint64

func (s set) has(r ref) bool {
	i := int(r >> 6)
	return i < len(s) && s[i]>>(r&63)&1 != 0
}

// add says whether r is new.
func (s *set) add(r ref) bool {
	if s.has(r) {
		return false
	}
	for int(r>>6) >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[r>>6] |= 1 << (r & 63)
	return true
}
