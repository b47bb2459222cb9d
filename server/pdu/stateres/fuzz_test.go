package stateres

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"beffroi/server/pdu"
)

// FuzzResolve reads a small room from bytes: events whose auth_events lead
// anywhere, to what comes later and to nothing too, and up to four states of them.
// Resolution ends without a panic, gives the same in every order, and what the
// states agree in stays.
func FuzzResolve(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		room, states := readRoom(t, b)
		src := shuffled{room.memory, rand.New(rand.NewPCG(1, 2))}
		want, wrong := Resolve(room.rules, states, src)
		if wrong != nil && !errors.Is(wrong, ErrMissing) {
			t.Fatal(wrong)
		}
		for order := range permutations(states) {
			got, err := Resolve(room.rules, order, src)
			if (err == nil) != (wrong == nil) || !maps.Equal(got, want) {
				t.Fatalf("resolved %s, %v\nand %s, %v", short(got), err, short(want), wrong)
			}
		}
		for key, id := range sameEverywhere(states) {
			if wrong == nil && want[key] != id {
				t.Fatalf("%v is %s in all states and %s in their resolution", key, id, want[key])
			}
		}
	})
}

// readRoom takes the version and how many states there are from the first byte,
// and five bytes for each of 30 events at most.
func readRoom(t *testing.T, b []byte) (*fakes, []State) {
	next := func() (c int) {
		if len(b) > 0 {
			c, b = int(b[0]), b[1:]
		}
		return c
	}
	first := next()
	room, base := newFakes(t, []string{"1", "2", "6", "11", "12"}[first%5])
	states := make([]State, first/5%4+1)
	for i := range states {
		states[i] = base
	}
	for i := 0; i < 30 && len(b) > 0; i++ {
		e := readEvent(next(), next(), i)
		for bits := next(); bits > 0; bits &= bits - 1 {
			e.auth = append(e.auth, fmt.Sprint("$e", (bits&-bits)%31+next()%8))
		}
		if !room.rules.RoomIDIsHash {
			e.auth = append(e.auth, createID)
		}
		e.auth = append(e.auth, "$member", "$levels")
		e.auth = e.auth[:min(len(e.auth), pdu.MaxAuthEvents)]
		where := next()
		built := e.build(t, room.rules)
		room.memory[e.id] = Event{Event: built, Rejected: where>>4&1 == 1}
		for i := range states {
			if where>>i&1 == 1 {
				states[i] = states[i].after(built)
			}
		}
		if where>>5 == 7 {
			delete(room.memory, e.id)
		}
	}
	return room, states
}

// readEvent makes an event of what two bytes say.
func readEvent(what, who, i int) fake {
	people := []string{creator, "@mod:b.fr", "@user:c.fr", "@other:a.fr"}
	key, target := "", people[who/4%4]
	e := fake{id: fmt.Sprint("$e", i), sender: people[who%4], ts: int64(what >> 6), depth: int64(who >> 5), stateKey: &key, content: map[string]any{}}
	switch what % 8 {
	case 0:
		e.eventType, e.content["users"] = "m.room.power_levels", map[string]any{"@mod:b.fr": who, target: what}
	case 1:
		e.eventType, e.content["join_rule"] = "m.room.join_rules", []string{"public", "invite"}[who/16%2]
	case 2, 3, 4, 5:
		e.eventType, e.stateKey = "m.room.member", &target
		e.content["membership"] = []string{"join", "leave", "ban", "invite"}[what%8-2]
	case 6:
		e.eventType = "m.room.topic"
	default:
		e.eventType = []string{"m.room.message", "m.room.create", "m.room.power_levels", "m.room.third_party_invite"}[who/16%4]
		if who >= 128 {
			e.stateKey = nil
		}
	}
	return e
}
