package syncer

import (
	"testing"

	"beffroi/server/store"
)

// What the snapshot has beyond upto is for the next answer.
func TestAroundTellsWhatHeldWhen(t *testing.T) {
	steps := []step{{pos: 2, membership: store.Invite}, {pos: 5, membership: store.Join}, {pos: 9, membership: store.Leave}}
	for _, c := range []struct {
		since, upto int64
		was, now    store.Membership
		between     int
	}{
		{0, 1, 0, 0, 0}, {0, 2, 0, store.Invite, 1}, {2, 4, store.Invite, store.Invite, 0}, {2, 5, store.Invite, store.Join, 1},
		{1, 8, 0, store.Join, 2}, {5, 8, store.Join, store.Join, 0}, {5, 9, store.Join, store.Leave, 1},
	} {
		was, now, between := around(steps, c.since, c.upto)
		if was.membership != c.was || now.membership != c.now || len(between) != c.between {
			t.Errorf("since %d up to %d: %v, %v, %d between", c.since, c.upto, was.membership, now.membership, len(between))
		}
	}
}
