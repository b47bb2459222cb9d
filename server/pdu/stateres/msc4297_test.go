package stateres

import (
	"maps"
	"testing"

	"beffroi/server/pdu/pdutest"
)

// TestProblemA is the first problem of MSC4297: a server that has fallen back to an
// old join rule merges with one that has not, after the only one who may set join
// rules has left. v2 finds nobody who allows either and loses the entry; v2.1 lets
// each event be allowed by what came before it, and keeps the newer one.
func TestProblemA(t *testing.T) {
	const alice, bob, charlie = "@alice:a.fr", "@bob:b.fr", "@charlie:c.fr"
	for version, keeps := range map[string]bool{"11": false, "12": true} {
		room, b := pdutest.NewRoom(t, version, alice)
		b.Member("join", alice, alice)
		b.State0("m.room.power_levels", alice, levelsFor(room, alice, nil))
		public := b.State0("m.room.join_rules", alice, map[string]any{"join_rule": "public"})
		b.Member("join", bob, bob)
		b.Member("join", charlie, charlie)
		invite := b.State0("m.room.join_rules", alice, map[string]any{"join_rule": "invite"})
		b.Member("leave", alice, alice)
		bobs, charlies := b.Fork(), b.Fork()
		renamed := map[string]any{"membership": "join", "displayname": "++"}
		bobs.Set("m.room.member", bob, bob, renamed)
		charlies.Set("m.room.member", charlie, charlie, renamed)
		charlies.State[joinRulesKey] = public.ID()

		got := resolveRoom(t, room, bobs.State, charlies.State)
		if keeps && got[joinRulesKey] != invite.ID() || !keeps && got[joinRulesKey] != "" {
			t.Errorf("version %s: join rules %q", version, got[joinRulesKey])
		}
		for user, of := range map[string]*pdutest.Branch{bob: bobs, charlie: charlies} {
			if key := (entry{Type: "m.room.member", StateKey: user}); got[key] != of.State[key] {
				t.Errorf("version %s: %s is not who they are", version, user)
			}
		}
	}
}

// TestProblemB is the second problem of MSC4297: a server that has fallen back to
// the first power levels merges with one that has the third. In v2 the second ones
// are in no state and in both auth chains, so that nothing leads from the first to
// the third, and the first stay; v2.1 has them in the conflicted state subgraph.
func TestProblemB(t *testing.T) {
	const alice, bob, charlie, zara, eve = "@alice:a.fr", "@bob:b.fr", "@charlie:c.fr", "@zara:a.fr", "@eve:b.fr"
	for version, keeps := range map[string]bool{"11": false, "12": true} {
		room, b := pdutest.NewRoom(t, version, alice)
		b.Member("join", alice, alice)
		first := b.State0("m.room.power_levels", alice, levelsFor(room, alice, nil))
		b.State0("m.room.join_rules", alice, map[string]any{"join_rule": "public"})
		b.Member("join", bob, bob)
		b.Member("join", charlie, charlie)
		b.State0("m.room.power_levels", alice, levelsFor(room, alice, map[string]int{bob: 50}))
		third := b.State0("m.room.power_levels", bob, levelsFor(room, alice, map[string]int{bob: 50, charlie: 50}))
		zaras, eves := b.Fork(), b.Fork()
		zaras.Member("join", zara, zara)
		eves.Member("join", eve, eve)
		eves.Set("m.room.member", eve, eve, map[string]any{"membership": "join", "displayname": "++"})
		eves.State[levelsKey] = first.ID()

		want := map[bool]string{false: first.ID(), true: third.ID()}[keeps]
		got := resolveRoom(t, room, zaras.State, eves.State)
		if got[levelsKey] != want || len(got) != len(b.State)+2 {
			t.Errorf("version %s: power levels %s and %d entries, want %s", version, got[levelsKey], len(got), want)
		}
	}
}

func levelsFor(room *pdutest.Room, alice string, users map[string]int) any {
	levels := map[string]int{}
	maps.Copy(levels, users)
	if !room.Rules.CreatorsRule {
		levels[alice] = 100
	}
	return map[string]any{"users": levels}
}

func resolveRoom(t *testing.T, room *pdutest.Room, states ...State) State {
	t.Helper()
	src := memory{}
	for _, e := range room.Events {
		src.put(e)
	}
	s, err := Resolve(room.Rules, states, src)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
