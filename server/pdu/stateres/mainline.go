package stateres

import (
	"cmp"
	"math"
	"slices"
)

// offMainline is the mainline position of events whose power levels lead to no
// event of the mainline.
const offMainline = math.MaxInt32

// mainlineOrder orders events by the mainline of the power levels in the partially
// resolved state.
//
// Spec: rooms/v2, "Mainline ordering".
func (v *v2) mainlineOrder(events []ref, levels ref) ([]ref, error) {
	position, err := v.g.mainline(levels)
	if err != nil {
		return nil, err
	}
	at := make(map[ref]int, len(events))
	for _, r := range events {
		at[r] = v.g.mainlinePosition(r, position)
	}
	return slices.SortedFunc(slices.Values(events), func(x, y ref) int {
		a, b := &v.g.nodes[x], &v.g.nodes[y]
		return cmp.Or(cmp.Compare(at[y], at[x]), cmp.Compare(a.event.OriginServerTS(), b.event.OriginServerTS()), cmp.Compare(a.id, b.id))
	}), nil
}

// mainline numbers the power levels from p (-1: none) to the room's first, each
// among the auth_events of the one before it.
func (g *graph) mainline(p ref) (position map[ref]int, err error) {
	position = map[ref]int{}
	for p >= 0 {
		if _, circle := position[p]; circle {
			break
		}
		position[p] = len(position)
		if err := g.load(g.nodes[p].auth); err != nil {
			return nil, err
		}
		p = g.authEvent(p, levelsKey)
	}
	return position, nil
}

// mainlinePosition is the place on the mainline where an event's power levels
// lead to. position learns that of the power levels on the way.
func (g *graph) mainlinePosition(r ref, position map[ref]int) int {
	var way []ref
	at := offMainline
	for p := g.authEvent(r, levelsKey); p >= 0; p = g.authEvent(p, levelsKey) {
		if i, known := position[p]; known {
			at = i
			break
		}
		position[p] = offMainline // so that circles end
		way = append(way, p)
	}
	for _, p := range way {
		position[p] = at
	}
	return at
}
