package stateres

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"beffroi/server/pdu"
)

// TestDeepChain: the depth of an auth chain costs time, never the stack.
func TestDeepChain(t *testing.T) {
	links := 100_000
	if testing.Short() {
		links = 10_000
	}
	for _, version := range []string{"2", "12"} {
		f, base := newFakes(t, version)
		last := f.memory["$levels"].Event
		for i := range links {
			last = f.add(fmt.Sprint("$levels", i), "m.room.power_levels", "", f.levels(), "$member", last.ID())
		}
		topic := f.add("$topic", "m.room.topic", "", nil, "$member", last.ID())
		got := f.resolve(base, base.after(last).after(topic))
		if got[levelsKey] != last.ID() || got[entry{Type: "m.room.topic"}] != "$topic" {
			t.Errorf("version %s: power levels %s, topic %s", version, got[levelsKey], got[entry{Type: "m.room.topic"}])
		}
	}
}

// TestCircles: before room version 3 event ids are their senders' choice, and so
// auth_events may run in circles. Resolution ends, and gives the same in any order.
func TestCircles(t *testing.T) {
	f, base := newFakes(t, "2")
	a := f.add("$a", "m.room.power_levels", "", f.levels(), "$member", "$b")
	b := f.add("$b", "m.room.power_levels", "", f.levels(), "$member", "$c")
	c := f.add("$c", "m.room.power_levels", "", f.levels(), "$member", "$a")
	self := f.add("$self", "m.room.topic", "", nil, "$member", "$self", "$a")
	states := []State{base, base.after(a).after(self), base.after(b), base.after(c)}
	want := f.resolve(states...)
	if want[levelsKey] == "" || want[entry{Type: "m.room.topic"}] != "$self" {
		t.Errorf("resolved %v", want)
	}
	for states := range permutations(states) {
		if got := f.resolve(states...); !maps.Equal(got, want) {
			t.Errorf("resolved %v and %v", got, want)
		}
	}
}

// TestMissing: what a state names has to be there; what is missing from auth
// chains is no authority.
func TestMissing(t *testing.T) {
	f, base := newFakes(t, "11")
	gone := State{}
	maps.Copy(gone, base)
	gone[entry{Type: "m.room.topic"}] = "$gone"
	if _, err := Resolve(f.rules, []State{base, gone}, f); !errors.Is(err, ErrMissing) {
		t.Errorf("an event in conflict is missing: %v", err)
	}
	if s, err := Resolve(f.rules, []State{gone, gone}, f); err != nil || !maps.Equal(s, gone) {
		t.Errorf("what is not in conflict is not looked at: %v, %v", s, err)
	}

	topic := f.add("$topic", "m.room.topic", "", nil, "$member", "$levels", "$unknown")
	if got := f.resolve(base, base.after(topic)); got[entry{Type: "m.room.topic"}] != "$topic" {
		t.Errorf("an auth event that the state has too is missing: %v", got)
	}
	delete(f.memory, "$member")
	if _, err := Resolve(f.rules, []State{base, base.after(topic)}, f); !errors.Is(err, ErrMissing) {
		t.Errorf("the sender's membership is missing from the store: %v", err)
	}
	without := State{createKey: createID}
	if got := f.resolve(without, without.after(topic)); !maps.Equal(got, without) {
		t.Errorf("a sender whose membership nobody has is joined: %v", got)
	}
}

// TestRejected: an event that the state at it refused can still be resolved into
// the state, but authorises nothing as an auth event.
//
// Spec: rooms/v2, "Rejected events".
func TestRejected(t *testing.T) {
	f, base := newFakes(t, "11")
	f.reject(f.add("$topic", "m.room.topic", "", nil, "$member", "$levels").ID())
	topic := entry{Type: "m.room.topic"}
	if got := f.resolve(base, base.after(f.memory["$topic"].Event)); got[topic] != "$topic" {
		t.Errorf("a rejected event that the rules allow is left out: %v", got)
	}
	without := State{createKey: createID}
	with := without.after(f.memory["$topic"].Event)
	if got := f.resolve(without, with); got[topic] != "$topic" {
		t.Errorf("auth events do not stand in for the state: %v", got)
	}
	f.reject("$member")
	if got := f.resolve(without, with); got[topic] != "" {
		t.Errorf("a rejected auth event stands in for the state: %v", got)
	}
}

// TestReadsNothingWithoutConflict: equal states need no event.
func TestReadsNothingWithoutConflict(t *testing.T) {
	for _, version := range []string{"1", "2", "12"} {
		rules, _ := pdu.RulesFor(version)
		_, base := newFakes(t, version)
		for _, states := range [][]State{nil, {base}, {base, base, base}} {
			got, err := Resolve(rules, states, nil) // a nil Source can't be asked
			if err != nil || len(states) > 0 && !maps.Equal(got, base) || got == nil {
				t.Errorf("version %s, %d states: %v, %v", version, len(states), got, err)
			}
		}
	}
}

// TestFails: a source's error is the resolution's.
func TestFails(t *testing.T) {
	broken := errors.New("disk")
	for _, version := range []string{"1", "2", "12"} {
		f, base := newFakes(t, version)
		states := []State{base.after(f.add("$a", "m.room.topic", "", nil)), base.after(f.add("$b", "m.room.topic", "", nil))}
		if _, err := Resolve(f.rules, states, failing{broken}); !errors.Is(err, broken) {
			t.Errorf("version %s: %v", version, err)
		}
	}
	if _, err := Resolve(pdu.Rules{}, nil, nil); err == nil {
		t.Error("rules of no version have a resolution")
	}
}

type failing struct{ err error }

func (f failing) Events([]string) ([]Event, error) { return nil, f.err }

// TestCommonChainKeepsOut: an event that all states reach over what they have in
// common is not in the auth difference, though the conflicted events of one state
// alone lead to it. If it were, it would be tried again and win by its place in
// the mainline ordering.
func TestCommonChainKeepsOut(t *testing.T) {
	f, base := newFakes(t, "11")
	name := entry{Type: "m.room.name"}
	old := f.add("$old", "m.room.name", "", nil, "$member", "$levels")
	common := f.add("$common", "m.room.avatar", "", nil, "$member", "$levels", old.ID())
	topic := f.add("$topic", "m.room.topic", "", nil, "$member", "$levels", old.ID())

	if got := f.resolve(base, base.after(topic)); got[name] != old.ID() {
		t.Fatalf("the auth difference has no %s: %v", old.ID(), got)
	}
	base = base.after(common)
	if got := f.resolve(base, base.after(topic)); got[name] != "" {
		t.Errorf("the auth difference has what all chains have: %v", got)
	}
}
