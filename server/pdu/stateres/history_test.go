package stateres

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/pdu/pdutest"
)

// history is a room whose people fight: a trunk, forks, and merges of them. Some
// events are built on what a server saw long ago, and some that the rules refuse
// are in the state all the same, marked as rejected: a server may lie.
type history struct {
	*pdutest.Room
	rnd      *rand.Rand
	people   []string
	branches []*pdutest.Branch
	stale    map[*pdutest.Branch]*pdutest.Branch // an older view of each branch
	rejected map[string]bool
	merges   [][]State // the sets of states to resolve
}

// newHistory grows a room from a seed. merge is how states become one on the way.
func newHistory(t testing.TB, version string, seed uint64, merge func(*history, []State) State) *history {
	t.Helper()
	people := []string{"@alice:a.fr", "@bob:b.fr", "@carol:c.fr", "@dave:a.fr", "@eve:b.fr", "@frank:c.fr"}
	room, trunk := pdutest.NewRoom(t, version, people[0])
	h := &history{Room: room, rnd: rand.New(rand.NewPCG(seed, 0)), people: people,
		stale: map[*pdutest.Branch]*pdutest.Branch{}, rejected: map[string]bool{}}
	h.found(trunk)
	h.branches = []*pdutest.Branch{trunk}
	h.grow(trunk, 3+h.rnd.IntN(10))
	for range 1 + h.rnd.IntN(3) {
		h.branches = append(h.branches, h.branches[0].Fork())
	}
	for range 1 + h.rnd.IntN(3) {
		for _, b := range h.branches {
			h.grow(b, 2+h.rnd.IntN(8))
		}
		states := h.states()
		h.merges = append(h.merges, states)
		if h.rnd.IntN(2) == 0 { // a branch that goes on from all of them
			merged := h.branches[h.rnd.IntN(len(h.branches))].Fork()
			merged.State = merge(h, states)
			h.branches[0] = merged
		}
	}
	return h
}

func (h *history) states() (states []State) {
	for _, b := range h.branches {
		states = append(states, maps.Clone(b.State))
	}
	return states
}

func (h *history) source() memory {
	src := memory{}
	for id, e := range h.Events {
		src[id] = Event{Event: e, Rejected: h.rejected[id]}
	}
	return src
}

// found is how rooms begin, in most cases.
func (h *history) found(b *pdutest.Branch) {
	b.Member("join", h.people[0], h.people[0])
	if h.rnd.IntN(8) > 0 {
		b.State0("m.room.power_levels", h.people[0], map[string]any{"users": h.users(map[string]int{h.people[1]: 50, h.people[2]: 50})})
	}
	b.State0("m.room.join_rules", h.people[0], map[string]any{"join_rule": "public"})
	for _, p := range h.people[1:4] {
		b.Member("join", p, p)
	}
}

// users adds the creator where the version has them in power levels.
func (h *history) users(users map[string]int) map[string]int {
	if !h.Rules.CreatorsRule {
		users[h.people[0]] = 100
	}
	return users
}

func (h *history) grow(b *pdutest.Branch, steps int) {
	for range steps {
		h.Now = 1_700_000_000_000 + int64(h.rnd.IntN(30)) // equal, and in any order
		if h.stale[b] == nil || h.rnd.IntN(6) == 0 {
			h.stale[b] = b.Fork()
		}
		view := b
		if h.rnd.IntN(5) == 0 {
			view = h.stale[b].Fork()
			view.Tips = b.Tips
		}
		e := h.act(view)
		if allowed := view.Allowed(e) && b.Allowed(e); !allowed && h.rnd.IntN(6) > 0 {
			continue
		} else if !allowed {
			h.rejected[e.ID()] = true
			if !view.Allowed(e) {
				continue // not even by its own auth_events: it is in no state
			}
		}
		b.Add(e)
	}
}

// act is something that somebody tries.
func (h *history) act(b *pdutest.Branch) *pdu.Event {
	sender, target := h.anyone(), h.anyone()
	if h.rnd.IntN(3) == 0 {
		sender = h.people[h.rnd.IntN(3)]
	}
	member := func(membership, of, by string) *pdu.Event {
		return b.Build("m.room.member", &of, by, map[string]any{"membership": membership, "displayname": fmt.Sprint(h.rnd.IntN(100))})
	}
	state := func(eventType string, content any) *pdu.Event {
		return b.Build(eventType, new(string), sender, content)
	}
	switch h.rnd.IntN(14) {
	case 0, 1, 2:
		return member("join", sender, sender)
	case 3:
		return member("leave", sender, sender)
	case 4, 5:
		return member("leave", target, sender)
	case 6, 7:
		return member("ban", target, sender)
	case 8:
		return member("invite", target, sender)
	case 9, 10:
		return state("m.room.power_levels", h.levels(b))
	case 11:
		return state("m.room.join_rules", map[string]any{"join_rule": h.joinRule()})
	case 12:
		return state("m.room.topic", map[string]any{"topic": h.rnd.IntN(100)})
	}
	return state("m.room.name", map[string]any{"name": h.rnd.IntN(100)})
}

// joinRule is one that the room's version has. Others make a difference: the
// oracle takes a rule that is unknown for "invite", the specification for one that
// lets nobody in, not even who is in to change their name.
func (h *history) joinRule() string {
	rules := []string{"public", "invite"}
	if h.Rules.Knocking {
		rules = append(rules, "knock")
	}
	return rules[h.rnd.IntN(len(rules))]
}

func (h *history) anyone() string { return h.people[h.rnd.IntN(len(h.people))] }

// levels are those in force with a change or two.
func (h *history) levels(b *pdutest.Branch) any {
	content := struct {
		Users        map[string]int `json:"users"`
		Events       map[string]int `json:"events"`
		StateDefault int            `json:"state_default"`
	}{Users: map[string]int{}, Events: map[string]int{}, StateDefault: 50}
	if e := h.Events[b.State[levelsKey]]; e != nil {
		if err := json.Unmarshal(e.Content(), &content); err != nil {
			panic(err)
		}
	}
	for range 1 + h.rnd.IntN(2) {
		who := h.anyone()
		if who == h.people[0] && h.Rules.CreatorsRule {
			continue
		}
		content.Users[who] = []int{0, 25, 50, 75, 100}[h.rnd.IntN(5)]
	}
	if h.rnd.IntN(5) == 0 {
		content.Events["m.room.topic"] = []int{0, 50, 100}[h.rnd.IntN(3)]
	}
	return content
}

// String tells the history, for whoever has to find out why something differs.
func (h *history) String() string {
	var out string
	events := slices.Collect(maps.Values(h.Events))
	slices.SortFunc(events, func(a, b *pdu.Event) int { return int(a.Depth() - b.Depth()) })
	for _, e := range events {
		key, _ := e.StateKey()
		out += fmt.Sprintf("%s depth %d ts %d %s %q by %s %s rejected=%t auth=%.5s\n", e.ID()[:5], e.Depth(), e.OriginServerTS()%1000, e.Type(), key,
			e.Sender(), e.Content(), h.rejected[e.ID()], e.AuthEvents())
	}
	for i, states := range h.merges {
		for j, s := range states {
			out += fmt.Sprintf("merge %d state %d: %s\n", i, j, short(s))
		}
	}
	return out
}

func short(s State) string {
	var parts []string
	for key, id := range s {
		parts = append(parts, fmt.Sprintf("%s %s=%.5s", key.Type, key.StateKey, id))
	}
	slices.Sort(parts)
	return fmt.Sprint(parts)
}
