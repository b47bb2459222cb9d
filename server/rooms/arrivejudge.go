package rooms

import (
	"fmt"
	"maps"
	"slices"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// settled is a room that arrived, after it was judged.
type settled struct {
	join  *pdu.Event
	fresh []outlier               // events that are not in the database yet, each after those that allow it
	state map[auth.Key]*pdu.Event // before the join
}

// judge holds all events to those that allow them, and the join to the state. What is allowed by events that did not come is left out.
//
// Spec: server-server API, "Joining Rooms", "PUT /_matrix/federation/v2/send_join/{roomId}/{eventId}".
func (a *arriving) judge(r *store.Reader, join *pdu.Event) (*settled, error) {
	known, err := a.known(r)
	if err != nil {
		return nil, err
	}
	old := len(known)
	create, err := a.create(known)
	if err != nil {
		return nil, err
	}
	out := &settled{join: join, fresh: make([]outlier, 0, max(len(a.events)-old, 0))}
	for _, e := range inOrder(a.events, (*pdu.Event).AuthEvents) {
		if _, stored := known[e.ID()]; stored || !allKnown(known, e) {
			continue
		}
		o := outlier{e, rejects(a.join.rules, a.room, e, known) || anotherCreate(e, create) != nil}
		known[e.ID()] = o
		out.fresh = append(out.fresh, o)
	}
	if out.state, err = a.stateOf(known); err != nil {
		return nil, err
	}
	return out, a.judgeJoin(join, known, out.state)
}

func allKnown(known map[string]outlier, e *pdu.Event) bool {
	return !slices.ContainsFunc(e.AuthEvents(), func(id string) bool { return known[id].Event == nil })
}

// known reads the events that are in the database already: this server may have been in the room before.
func (a *arriving) known(r *store.Reader) (map[string]outlier, error) {
	known := map[string]outlier{}
	room, ok, err := findAny(r, a.room)
	if err != nil || !ok {
		return known, err
	}
	ids := maps.Clone(a.events)
	for _, e := range a.events {
		for _, id := range e.AuthEvents() {
			ids[id] = nil
		}
	}
	events, err := authChain{r, room, a.join.rules}.Events(slices.Collect(maps.Keys(ids)))
	for _, e := range events {
		known[e.ID()] = outlier{e.Event, e.Rejected}
	}
	return known, err
}

// findAny finds a room that is here, or that arrives.
func findAny(r *store.Reader, roomID string) (store.RoomRef, bool, error) {
	room, ok, err := r.FindRoom(roomID)
	if err != nil || ok {
		return room.Ref, ok, err
	}
	return r.FindArriving(roomID)
}

// create is the id of the room's create event, which must stand in the state and say the version that the room is said to have.
func (a *arriving) create(known map[string]outlier) (string, error) {
	for _, id := range a.state {
		e := a.event(known, id)
		if e == nil || !e.Is("m.room.create", "") {
			continue
		}
		if version, ok := auth.RoomVersion(e.Body()); !ok || version != a.join.rules.Version {
			return "", fmt.Errorf("the room has version %q, not %q", version, a.join.rules.Version)
		}
		return id, nil
	}
	return "", fmt.Errorf("the room has no create event")
}

func (a *arriving) event(known map[string]outlier, id string) *pdu.Event {
	if o := known[id]; o.Event != nil {
		return o.Event
	}
	return a.events[id]
}

// stateOf is the state as the other server gives it, of what was not rejected.
func (a *arriving) stateOf(known map[string]outlier) (map[auth.Key]*pdu.Event, error) {
	state := map[auth.Key]*pdu.Event{}
	for _, id := range a.state {
		o := known[id]
		if o.Event == nil || o.rejected || !o.IsState() {
			continue
		}
		key, _ := o.StateKey()
		entry := auth.Key{Type: o.Type(), StateKey: key}
		if other := state[entry]; other != nil && other.ID() != id {
			return nil, fmt.Errorf("the state has two events of type %s", o.Type())
		}
		state[entry] = o.Event
	}
	return state, nil
}

// judgeJoin holds the join to its auth events and to the state.
func (a *arriving) judgeJoin(join *pdu.Event, known map[string]outlier, state auth.Map) error {
	var authEvents []*pdu.Event
	for _, id := range join.AuthEvents() {
		if known[id].Event == nil {
			return fmt.Errorf("%s allows the join and did not come", id)
		}
		authEvents = append(authEvents, known[id].Event)
	}
	if err := auth.CheckAuthEvents(join, authEvents, func(id string) bool { return known[id].rejected }); err != nil {
		return err
	}
	return auth.Check(join, state)
}

// serversIn lists the servers of who is joined in a state.
func serversIn(state auth.Map) []string {
	servers := map[string]bool{}
	for key, e := range state {
		if key.Type == "m.room.member" && auth.Membership(e) == "join" {
			servers[pdu.ServerOf(key.StateKey)] = true
		}
	}
	return slices.Sorted(maps.Keys(servers))
}
