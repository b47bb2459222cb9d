package stateres

import (
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
)

// isPowerEvent says whether an event might remove someone's ability to do
// something in the room.
//
// Spec: rooms/v2, "Power events".
func isPowerEvent(e *pdu.Event) bool {
	switch e.Type() {
	case "m.room.power_levels", "m.room.join_rules":
		return e.IsState()
	case "m.room.member":
		target, isState := e.StateKey()
		membership := auth.Membership(e)
		return isState && (membership == "leave" || membership == "ban") && e.Sender() != target
	}
	return false
}

// powerEvents are the power events of the full conflicted set and what of it is in
// their auth chains; others is the rest.
//
// Spec: rooms/v2, "Algorithm", step 1.
func powerEvents(full set, g *graph) (power, others []ref) {
	var roots []ref
	for r := range g.nodes {
		if full.has(ref(r)) && isPowerEvent(g.nodes[r].event) {
			roots = append(roots, ref(r))
		}
	}
	var chosen set
	for _, r := range g.closure(roots) {
		if full.has(r) {
			chosen.add(r)
			power = append(power, r)
		}
	}
	for r := range g.nodes {
		if full.has(ref(r)) && !chosen.has(ref(r)) {
			others = append(others, ref(r))
		}
	}
	return power, others
}
