package stateres

import "strings"

// create is the create event that an event is based on, -1 where none is known:
// the one among its auth_events, and from room version 12 on the one whose hash
// the room id is.
//
// Spec: rooms/v12, "Event format".
func (g *graph) create(r ref) ref {
	e := g.nodes[r].event
	if !e.Rules().RoomIDIsHash {
		return g.authEvent(r, createKey)
	}
	if create, ok := g.refs["$"+strings.TrimPrefix(e.RoomID(), "!")]; ok {
		return create
	}
	return -1
}

// loadCreates reads the create events that room ids name.
func (g *graph) loadCreates(events set) error {
	var creates []ref
	for r := range g.nodes {
		if e := g.nodes[r].event; events.has(ref(r)) && e.Rules().RoomIDIsHash {
			creates = append(creates, g.ref("$"+strings.TrimPrefix(e.RoomID(), "!")))
		}
	}
	return g.load(creates)
}
