package stateres

// The auth difference is ∪Cᵢ − ∩Cᵢ of the full auth chains Cᵢ of the states. The
// chains of what all states have in common are part of each Cᵢ. So it is what the
// chains of the conflicted events differ in, less what is in those common chains,
// and these, which may mean to read the whole state of the room, are looked at
// only where that decides over an event that is not in the full conflicted set
// anyway.
//
// Spec: rooms/v2, "Auth difference".

// chainDifference is ∪Dᵢ − ∩Dᵢ, where Dᵢ are the auth chains of the events that
// state i does not have in common with all others. It reads those chains.
func (c *conflict) chainDifference(g *graph) ([]ref, error) {
	var in []int32 // by event: how many of the chains it is in
	for _, events := range c.each {
		var seen set
		if err := g.chain(events, &seen, nil); err != nil {
			return nil, err
		}
		in = append(in, make([]int32, len(g.nodes)-len(in))...)
		for r := range in {
			if seen.has(ref(r)) {
				in[r]++
			}
		}
	}
	var differing []ref
	for r, n := range in {
		if n > 0 && int(n) < len(c.each) {
			differing = append(differing, ref(r))
		}
	}
	return differing, nil
}

// addAuthDifference adds the auth difference to the full conflicted set.
func (c *conflict) addAuthDifference(full *set, differing []ref, g *graph) error {
	var open []ref // what only the common chains decide over
	for _, r := range differing {
		if _, isState := g.key(r); isState && !full.has(r) {
			open = append(open, r)
		}
	}
	if len(open) == 0 {
		return nil
	}
	same := make([]ref, 0, len(c.same))
	for _, id := range c.same {
		same = append(same, g.ref(id))
	}
	var common set
	rest := open
	allFound := func() bool {
		for len(rest) > 0 && common.has(rest[0]) {
			rest = rest[1:]
		}
		return len(rest) == 0
	}
	if err := g.chain(same, &common, allFound); err != nil {
		return err
	}
	for _, r := range open {
		if !common.has(r) {
			full.add(r)
		}
	}
	return nil
}
