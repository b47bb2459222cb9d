package stateres

import (
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
)

// iterative is the state that the iterative auth checks build, as the event sees
// it that is being checked.
type iterative struct {
	*building
	checked ref
}

// Event is the event in force: that of the state, and where it has none that of
// the auth_events of the event that is checked, unless it was rejected. The create
// event that a room id implies counts as one of the auth_events.
//
// Spec: rooms/v2, "Iterative auth checks".
func (it *iterative) Event(eventType, stateKey string) *pdu.Event {
	key := entry{Type: eventType, StateKey: stateKey}
	if r := it.at(key); r >= 0 {
		return it.g.nodes[r].event
	}
	for _, a := range it.g.nodes[it.checked].auth {
		if n := &it.g.nodes[a]; n.event != nil && !n.rejected && n.event.Is(eventType, stateKey) {
			return n.event
		}
	}
	if key == createKey {
		return it.g.event(it.g.create(it.checked))
	}
	return nil
}

// apply is the iterative auth checks algorithm: of the events, in their order, it
// puts those into the state that the authorisation rules allow.
//
// Spec: rooms/v2, "Iterative auth checks".
func (it *iterative) apply(events []ref) error {
	if err := it.prepare(events); err != nil {
		return err
	}
	for _, r := range events {
		it.checked = r
		rejected := auth.Check(it.g.nodes[r].event, it)
		if it.err != nil {
			return it.err
		}
		if key, _ := it.g.key(r); rejected == nil {
			it.entries[key] = r
		}
	}
	return nil
}
