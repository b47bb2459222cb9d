package stateres

import (
	"beffroi/server/pdu"
)

// memory is a Source in memory.
type memory map[string]Event

func (m memory) Events(ids []string) ([]Event, error) {
	events := make([]Event, 0, len(ids))
	for _, id := range ids {
		if e, ok := m[id]; ok {
			events = append(events, e)
		}
	}
	return events, nil
}

func (m memory) put(e *pdu.Event) { m[e.ID()] = Event{Event: e} }

// after is the state after an event.
func (s State) after(e *pdu.Event) State {
	next := make(State, len(s)+1)
	for key, id := range s {
		next[key] = id
	}
	if key, ok := e.StateKey(); ok {
		next[entry{Type: e.Type(), StateKey: key}] = e.ID()
	}
	return next
}
