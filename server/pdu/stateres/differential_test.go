package stateres

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/pdu/pdutest"

	gmsl "github.com/matrix-org/gomatrixserverlib"
)

var histories = flag.Int("histories", 40, "random histories to compare with gomatrixserverlib, per room version")

// TestDifferential holds random histories of every room version against
// gomatrixserverlib. From room version 2 on that library resolves otherwise than
// the specification says in some cases; so there are three comparisons: we give
// what the specification's text gives with the library's authorisation rules
// (reference); the library gives what that text gives with the library's known
// faults (deviations); and how often we and it agree outright is counted.
//
// Room version 12 it cannot resolve: getPowerLevelFromAuthEvents panics, because in
// v2.1 no create event is resolved at that point. There the reference alone counts.
func TestDifferential(t *testing.T) {
	total, each := 0, uint64(*histories)
	if testing.Short() {
		each = min(each, 4)
	}
	for n := 1; n <= 12; n++ {
		version := fmt.Sprint(n)
		if _, ok := pdu.RulesFor(version); !ok {
			t.Logf("room version %s is not known", version)
			continue
		}
		t.Run("v"+version, func(t *testing.T) {
			c := &comparison{version: version, by: map[string]int{}}
			for seed := range each {
				h := newHistory(t, version, uint64(n)<<32|seed, ourMerge(t))
				for i, states := range h.merges {
					c.one(t, h, fmt.Sprintf("seed %d, merge %d", seed, i), states)
				}
				total++
			}
			t.Log(c)
		})
	}
	t.Logf("%d histories compared", total)
}

// TestOracleHasNoV12 tells when the library learns to resolve rooms of version 12, so
// that TestDifferential can ask it.
func TestOracleHasNoV12(t *testing.T) {
	f, base := newFakes(t, "12")
	next := f.add("$next", "m.room.power_levels", "", f.levels(), "$member", "$levels")
	h := &history{Room: &pdutest.Room{Rules: f.rules, Events: map[string]*pdu.Event{}}}
	for id, e := range f.memory {
		h.Events[id] = e.Event
	}
	defer func() {
		if said := fmt.Sprint(recover()); !strings.Contains(said, "missing resolved create event") {
			t.Errorf("it does, or fails otherwise than it did; compare it: %s", said)
		}
	}()
	newOracle(t, h).resolve([]State{base, base.after(next)})
}

func ourMerge(t testing.TB) func(*history, []State) State {
	return func(h *history, states []State) State {
		t.Helper()
		s, err := Resolve(h.Rules, states, h.source())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// comparison counts.
type comparison struct {
	version                            string
	resolutions, nothing, asked, agree int
	by                                 map[string]int // differences, by the deviation that alone makes one
}

func (c *comparison) String() string {
	s := fmt.Sprintf("%d resolutions (%d without conflict), the oracle agrees in %d of %d", c.resolutions, c.nothing, c.agree, c.asked)
	for _, name := range slices.Sorted(maps.Keys(c.by)) {
		s += fmt.Sprintf("; %s: %d", name, c.by[name])
	}
	return s
}

// one compares one resolution.
func (c *comparison) one(t *testing.T, h *history, where string, states []State) {
	t.Helper()
	c.resolutions++
	if maps.Equal(sameEverywhere(states), states[0]) && maps.Equal(states[0], states[len(states)-1]) {
		c.nothing++
	}
	ours, err := Resolve(h.Rules, states, h.source())
	if err != nil {
		t.Fatal(err)
	}
	o := newOracle(t, h)
	if want := o.reference(0).resolve(states); !maps.Equal(ours, want) {
		t.Fatalf("%s: we say %s\nthe specification %s\n%s", where, short(ours), short(want), h)
	}
	if h.Rules.CreatorsRule {
		return
	}
	c.asked++
	theirs := o.resolve(states)
	if maps.Equal(ours, theirs) {
		c.agree++
		return
	}
	if explained := o.reference(allDeviations).resolve(states); !maps.Equal(theirs, explained) {
		t.Errorf("%s: the oracle says %s\nwith its known faults it should %s\nwe %s\n%s", where, short(theirs), short(explained), short(ours), h)
	}
	c.attribute(o, states, ours)
}

// attribute finds the deviations that alone are enough for another result.
func (c *comparison) attribute(o *oracle, states []State, ours State) {
	alone := false
	for i, name := range deviationNames {
		if !maps.Equal(o.reference(1<<i).resolve(states), ours) {
			c.by[name]++
			alone = true
		}
	}
	if !alone {
		c.by["several together"]++
	}
}

// oracle is gomatrixserverlib with a history's events.
type oracle struct {
	h      *history
	events map[string]gmsl.PDU
}

func newOracle(t testing.TB, h *history) *oracle {
	t.Helper()
	impl, err := gmsl.GetRoomVersion(gmsl.RoomVersion(h.Rules.Version))
	if err != nil {
		t.Fatal(err)
	}
	o := &oracle{h: h, events: map[string]gmsl.PDU{}}
	for id, e := range h.Events {
		p, err := impl.NewEventFromTrustedJSONWithEventID(id, e.JSON(), false)
		if err != nil {
			t.Fatal(err)
		}
		o.events[id] = p
	}
	return o
}

func (o *oracle) reference(d deviations) *reference {
	return &reference{events: o.events, rejected: o.h.rejected, deviations: d, algorithm: o.h.Rules.Resolution}
}

func (o *oracle) resolve(states []State) State {
	var sets [][]gmsl.PDU
	for _, s := range states {
		var set []gmsl.PDU
		for _, id := range s {
			set = append(set, o.events[id])
		}
		sets = append(sets, set)
	}
	given := slices.Collect(maps.Values(o.events))
	if o.h.Rules.Resolution == pdu.ResolutionV1 { // there it asks for the unconflicted state
		agreed, _ := conflictsV1(states, newGraph(nil))
		given = nil
		for _, id := range agreed {
			given = append(given, o.events[id])
		}
	}
	resolved, err := gmsl.ResolveConflictsNew(gmsl.RoomVersion(o.h.Rules.Version), sets, given, userOf,
		func(id string) bool { return o.h.rejected[id] })
	if err != nil {
		panic(err)
	}
	result := State{}
	for _, e := range resolved {
		result[keyOf(e)] = e.EventID()
	}
	return result
}
