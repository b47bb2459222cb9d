package pdutest

import (
	"fmt"
	"testing"

	"beffroi/server/pdu"
)

const admin = "@admin:a.fr"

// BigFork is a room with so many members that forks in two, each fork with so many
// state events that the other one does not have: new names, kicks, bans, joins, and
// now and then power levels and join rules, so that events which stand in no state
// are in the auth difference too.
func BigFork(t testing.TB, version string, members, forked int) (*Room, [2]*Branch) {
	t.Helper()
	r, trunk := NewRoom(t, version, admin)
	trunk.Member("join", admin, admin)
	trunk.levels(0)
	trunk.State0("m.room.join_rules", admin, map[string]any{"join_rule": "public"})
	trunk.State0("m.room.name", admin, map[string]any{"name": "Conseil"})
	for i := range members {
		trunk.Member("join", person(i), person(i))
	}
	forks := [2]*Branch{trunk, trunk.Fork()}
	for i, b := range forks {
		for n := range forked {
			b.step(i*members/2, n)
		}
	}
	return r, forks
}

func (b *Branch) step(first, n int) *pdu.Event {
	who := person(first + n)
	switch {
	case n%100 == 50:
		return b.levels(first + n)
	case n%100 == 75:
		return b.State0("m.room.join_rules", admin, map[string]any{"join_rule": "public", "n": n})
	case n%10 == 1:
		return b.Member("leave", who, admin)
	case n%10 == 2:
		return b.Member("ban", who, admin)
	case n%10 == 3:
		newcomer := fmt.Sprintf("@new%d:c.fr", first+n)
		return b.Member("join", newcomer, newcomer)
	case n%10 == 4:
		return b.Set("fr.beffroi.pin", who[1:], admin, map[string]any{"n": n})
	}
	return b.Set("m.room.member", who, who, map[string]any{"membership": "join", "displayname": fmt.Sprint("Nom ", n)})
}

func (b *Branch) levels(n int) *pdu.Event {
	users := map[string]any{person(0): n % 100}
	if !b.room.Rules.CreatorsRule {
		users[admin] = 100
	}
	return b.State0("m.room.power_levels", admin, map[string]any{"users": users})
}

func person(i int) string { return fmt.Sprintf("@person%d:b.fr", i) }
