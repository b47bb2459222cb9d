package stateres

import (
	"maps"

	"beffroi/server/pdu"
)

// v2 is one resolution by the algorithm of room version 2, or by that of 12, which
// is called v2.1.
type v2 struct {
	g      *graph
	powers map[powerOf]int64
}

// resolveV2 is the algorithm of room versions 2 to 11 and of 12.
//
// Spec: rooms/v2, rooms/v12, "State resolution".
func resolveV2(r pdu.Rules, states []State, g *graph) (State, error) {
	c := splitStates(states, g)
	if len(c.events) == 0 {
		return c.same, nil
	}
	if err := g.must(c.events); err != nil {
		return nil, err
	}
	full, err := c.fullConflictedSet(r, g)
	if err != nil {
		return nil, err
	}
	if err := g.loadCreates(full); err != nil {
		return nil, err
	}
	var start State // v2.1 starts from an empty state map
	if r.Resolution == pdu.ResolutionV2 {
		start = c.same
	}
	v := v2{g: g, powers: map[powerOf]int64{}}
	result, err := v.algorithm(full, start)
	if err != nil {
		return nil, err
	}
	maps.Copy(result, c.same) // 5
	return result, nil
}

// algorithm is steps 1 to 4.
//
// Spec: rooms/v2, rooms/v12, "Algorithm".
func (v *v2) algorithm(full set, start State) (State, error) {
	power, others := powerEvents(full, v.g)
	state := iterative{building: newBuilding(v.g, start)}
	if err := state.apply(v.powerOrder(power)); err != nil { // 1, 2
		return nil, err
	}
	levels := state.at(levelsKey)
	if state.err != nil {
		return nil, state.err
	}
	others, err := v.mainlineOrder(others, levels) // 3
	if err != nil {
		return nil, err
	}
	if err := state.apply(others); err != nil { // 4
		return nil, err
	}
	return state.result(), nil
}
