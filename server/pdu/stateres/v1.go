package stateres

import (
	"bytes"
	"cmp"
	"crypto/sha1" //nolint:gosec // the order that room version 1 has; nothing relies on its strength
	"slices"

	"beffroi/server/pdu/auth"
)

// resolveV1 is the algorithm of room version 1. Entries that only some of the
// states have are no conflict.
//
// Spec: rooms/v1, "State resolution".
func resolveV1(states []State, g *graph) (State, error) {
	agreed, conflicts := conflictsV1(states, g)
	if len(conflicts) == 0 {
		return agreed, nil
	}
	var all []ref
	for _, events := range conflicts {
		all = append(all, events...)
	}
	if err := g.must(all); err != nil {
		return nil, err
	}
	r := &v1{building: newBuilding(g, agreed), conflicts: conflicts}
	if err := r.prepare(all); err != nil {
		return nil, err
	}
	r.resolve(func(key entry) bool { return key == levelsKey }, r.followed)
	r.resolve(func(key entry) bool { return key == joinRulesKey }, r.followed)
	r.resolve(func(key entry) bool { return key.Type == "m.room.member" }, r.followed)
	r.resolve(func(entry) bool { return true }, r.picked)
	return r.result(), r.err
}

// conflictsV1 gives the union of the states without the conflicting events, and
// these by their entry.
func conflictsV1(states []State, g *graph) (agreed State, conflicts map[entry][]ref) {
	agreed, conflicts = State{}, map[entry][]ref{}
	for _, s := range states {
		for key, id := range s {
			first, known := agreed[key]
			if !known {
				agreed[key] = id
			}
			if !known || first == id {
				continue
			}
			if conflicts[key] == nil {
				conflicts[key] = []ref{g.ref(first)}
			}
			if r := g.ref(id); !slices.Contains(conflicts[key], r) {
				conflicts[key] = append(conflicts[key], r)
			}
		}
	}
	for key := range conflicts {
		delete(agreed, key)
	}
	return agreed, conflicts
}

// v1 is one resolution: the R of the specification, and what is still in conflict.
type v1 struct {
	*building
	conflicts map[entry][]ref
}

// resolve settles the conflicts of some keys. They enter R together, so that none
// depends on the order in which they are taken.
func (v *v1) resolve(which func(entry) bool, choose func(entry, []ref) ref) {
	chosen := map[entry]ref{}
	for key, events := range v.conflicts {
		if which(key) {
			chosen[key] = choose(key, v.sorted(events))
			delete(v.conflicts, key)
		}
	}
	for key, r := range chosen {
		v.entries[key] = r
	}
}

// sorted is by ascending depth, then descending SHA-1 of the event id.
func (v *v1) sorted(events []ref) []ref {
	return slices.SortedFunc(slices.Values(events), func(x, y ref) int {
		a, b := &v.g.nodes[x], &v.g.nodes[y]
		if c := cmp.Compare(a.event.Depth(), b.event.Depth()); c != 0 {
			return c
		}
		hashA, hashB := sha1.Sum([]byte(a.id)), sha1.Sum([]byte(b.id)) //nolint:gosec // see above
		return bytes.Compare(hashB[:], hashA[:])
	})
}

// followed is the last event of the list up to which each is allowed by what came
// before: the rule for events that the authorisation rules look at.
func (v *v1) followed(key entry, sorted []ref) ref {
	defer delete(v.entries, key)
	v.entries[key] = sorted[0]
	for _, r := range sorted[1:] {
		if auth.Check(v.g.nodes[r].event, v) != nil {
			break
		}
		v.entries[key] = r
	}
	return v.entries[key]
}

// picked is the last event of the list that is allowed: the rule for all others.
// The specification does not say what becomes of an entry of which none is; as
// elsewhere in v1, and as servers have always done, the first one stays.
func (v *v1) picked(_ entry, sorted []ref) ref {
	for i := len(sorted) - 1; i > 0; i-- {
		if auth.Check(v.g.nodes[sorted[i]].event, v) == nil {
			return sorted[i]
		}
	}
	return sorted[0]
}
