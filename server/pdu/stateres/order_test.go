package stateres

import (
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// permutations are all orders of states.
func permutations(states []State) iter.Seq[[]State] {
	return func(yield func([]State) bool) {
		orders := [][]State{nil}
		for _, s := range states {
			var longer [][]State
			for _, order := range orders {
				for i := range len(order) + 1 {
					longer = append(longer, slices.Insert(slices.Clone(order), i, s))
				}
			}
			orders = longer
		}
		for _, order := range orders {
			if !yield(order) {
				return
			}
		}
	}
}

// shuffled is a source that answers in another order each time, twice, and with an
// event that nobody asked for.
type shuffled struct {
	memory
	rnd *rand.Rand
}

func (s shuffled) Events(ids []string) ([]Event, error) {
	events, err := s.memory.Events(ids)
	events = append(events, events...)
	for _, e := range s.memory {
		events = append(events, e)
		break
	}
	s.rnd.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events, err
}

// TestEveryOrder: neither the order of the states, nor that of the events, nor that
// a state comes twice changes a resolution. It has what all states agree in, and
// nothing that no state leads to; a result that is resolved with itself stays.
func TestEveryOrder(t *testing.T) {
	for _, version := range []string{"1", "2", "6", "10", "11", "12"} {
		t.Run("v"+version, func(t *testing.T) {
			for seed := range uint64(15) {
				h := newHistory(t, version, seed, ourMerge(t))
				src := shuffled{h.source(), rand.New(rand.NewPCG(seed, 1))}
				for _, states := range h.merges {
					inEveryOrder(t, h, states, src)
				}
			}
		})
	}
}

func inEveryOrder(t *testing.T, h *history, states []State, src Source) {
	t.Helper()
	resolve := func(states ...State) State {
		s, err := Resolve(h.Rules, states, src)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	want := resolve(states...)
	orders := slices.Collect(permutations(states))
	for _, s := range states {
		orders = append(orders, append(slices.Clone(states), s))
	}
	orders = append(orders, []State{want}, []State{want, want})
	for _, order := range orders {
		if got := resolve(order...); !maps.Equal(got, want) {
			t.Fatalf("resolved %s\nand %s\n%s", short(got), short(want), h)
		}
	}
	for key, id := range sameEverywhere(states) {
		if want[key] != id {
			t.Fatalf("%v is %.5s in all states and %.5s in their resolution\n%s", key, id, want[key], h)
		}
	}
	reached := reachedFrom(h, states)
	for key, id := range want {
		if e := h.Events[id]; !reached[id] || !e.Is(key.Type, key.StateKey) {
			t.Fatalf("%v is %.5s, which no state leads to\n%s", key, id, h)
		}
	}
}

// reachedFrom is the states' events and their auth chains.
func reachedFrom(h *history, states []State) map[string]bool {
	reached := map[string]bool{}
	var todo []string
	for _, s := range states {
		todo = slices.AppendSeq(todo, maps.Values(s))
	}
	for len(todo) > 0 {
		id := todo[0]
		todo = todo[1:]
		if !reached[id] {
			reached[id] = true
			todo = append(todo, h.Events[id].AuthEvents()...)
		}
	}
	return reached
}
