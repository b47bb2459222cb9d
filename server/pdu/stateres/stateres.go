package stateres

import (
	"errors"
	"fmt"
	"maps"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
)

// State is a room's state: event ids by type and state key.
type State map[auth.Key]string

// Event is an event as the algorithms see it. Rejected are those that failed the
// authorisation rules when they came.
type Event struct {
	*pdu.Event
	Rejected bool
}

// Source gives events of one room, those that it has, in any order. An event of
// another room is one that it does not have. Each event is asked for once.
type Source interface {
	Events(ids []string) ([]Event, error)
}

// ErrMissing: the source lacks an event that stands in one of the states.
var ErrMissing = errors.New("an event of the state is missing")

// Resolve gives the resolution of states. It reads nothing where they do not
// differ. The error is the source's, or wraps ErrMissing for an event in conflict
// and for one that the authorisation rules look at; events that are missing from
// auth chains count as events without auth events that nobody may use.
func Resolve(r pdu.Rules, states []State, src Source) (State, error) {
	switch r.Resolution {
	case pdu.ResolutionV1:
		return resolveV1(states, newGraph(src))
	case pdu.ResolutionV2, pdu.ResolutionV21:
		return resolveV2(r, states, newGraph(src))
	}
	return nil, fmt.Errorf("room version %q has no state resolution", r.Version)
}

// sameEverywhere are the entries that stand with the same value in every state:
// the unconflicted state map of v2.
func sameEverywhere(states []State) State {
	if len(states) == 0 {
		return State{}
	}
	same := maps.Clone(states[0])
	if same == nil {
		return State{}
	}
	for _, s := range states[1:] {
		maps.DeleteFunc(same, func(key entry, id string) bool { return s[key] != id })
	}
	return same
}

// entry names an entry of a state.
type entry = auth.Key

// The entries that the algorithms name themselves.
var (
	createKey    = entry{Type: "m.room.create"}
	levelsKey    = entry{Type: "m.room.power_levels"}
	joinRulesKey = entry{Type: "m.room.join_rules"}
)
