package stateres

import (
	"errors"

	"beffroi/server/pdu"
)

// building is a state that is being resolved: entries on top of a base. It is an
// auth.State.
type building struct {
	g       *graph
	base    State
	entries map[entry]ref
	err     error // of the source, or ErrMissing; for whoever asked for an event
}

func newBuilding(g *graph, base State) *building {
	return &building{g: g, base: base, entries: map[entry]ref{}}
}

// at is the state's entry, -1 where there is none.
func (b *building) at(key entry) ref {
	if r, ok := b.entries[key]; ok {
		return r
	}
	id, ok := b.base[key]
	if !ok {
		return -1
	}
	r := b.g.ref(id)
	if err := b.g.must([]ref{r}); err != nil {
		b.err = errors.Join(b.err, err)
		return -1
	}
	return r
}

// Event implements auth.State.
func (b *building) Event(eventType, stateKey string) *pdu.Event {
	return b.g.event(b.at(entry{Type: eventType, StateKey: stateKey}))
}

// result is the state as it stands.
func (b *building) result() State {
	s := make(State, len(b.base)+len(b.entries))
	for key, id := range b.base {
		s[key] = id
	}
	for key, r := range b.entries {
		s[key] = b.g.nodes[r].id
	}
	return s
}

// prepare reads at once what most checks of the events will look at: their
// auth_events, and of the base the fixed keys and the memberships of senders and
// targets.
func (b *building) prepare(events []ref) error {
	keys := []entry{createKey, levelsKey, joinRulesKey}
	var refs []ref
	for _, r := range events {
		refs = append(refs, b.g.nodes[r].auth...)
		keys = append(keys, entry{Type: "m.room.member", StateKey: b.g.nodes[r].event.Sender()})
		if key, _ := b.g.key(r); key.Type == "m.room.member" {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		if id, ok := b.base[key]; ok {
			refs = append(refs, b.g.ref(id))
		}
	}
	return b.g.load(refs)
}
