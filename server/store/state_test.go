package store

import (
	"maps"
	"math/rand/v2"
	"testing"
)

type stateKey = [2]Atom

// history is a room's states as a model has them: after each change the group and what it must hold.
type history struct {
	room   RoomRef
	groups []int64
	states []map[stateKey]NID
}

// grow makes n random changes of a state with the given number of keys, in writes of a hundred.
func (h *history) grow(t testing.TB, db *DB, rng *rand.Rand, n, keys int) {
	t.Helper()
	for done := 0; done < n; done += 100 {
		write(t, db, func(tx *Tx) error {
			for i := range min(100, n-done) {
				if err := h.change(tx, rng, NID(done+i+1), keys); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func (h *history) change(tx *Tx, rng *rand.Rand, nid NID, keys int) error {
	prev, state := int64(0), map[stateKey]NID{}
	if n := len(h.groups); n > 0 {
		at := n - 1
		if rng.IntN(50) == 0 {
			at = rng.IntN(n) // a fork: the room goes on from an older group
		}
		prev, state = h.groups[at], maps.Clone(h.states[at])
	}
	entry := StateEntry{Type: Atom(2 + rng.IntN(3)), StateKey: Atom(1 + rng.IntN(keys)), NID: nid}
	if rng.IntN(8) == 0 {
		entry.NID = 0
		delete(state, stateKey{entry.Type, entry.StateKey})
	} else {
		state[stateKey{entry.Type, entry.StateKey}] = nid
	}
	if _, err := tx.SetCurrentState(h.room, int64(nid), entry); err != nil {
		return err
	}
	group, err := tx.AddStateGroup(h.room, prev, entry)
	h.groups, h.states = append(h.groups, group), append(h.states, state)
	return err
}

func asMap(entries []StateEntry) map[stateKey]NID {
	m := map[stateKey]NID{}
	for _, e := range entries {
		m[stateKey{e.Type, e.StateKey}] = e.NID
	}
	return m
}

func TestStateGroupsHoldRandomHistories(t *testing.T) {
	for name, keys := range map[string]int{"small state": 5, "middling state": 150, "large state": 1500} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			rng := rand.New(rand.NewPCG(1, uint64(keys)))
			h := history{room: 1}
			h.grow(t, db, rng, 1500, keys)
			checked := []int{0, 1, minLinks - 1, minLinks, minLinks + 1, len(h.groups) - 1}
			for range 30 {
				checked = append(checked, rng.IntN(len(h.groups)))
			}
			for _, at := range checked {
				h.check(t, db, rng, at, keys)
			}
			checkLinks(t, db, keys)
		})
	}
}

// check compares one group, whole and at random entries, with the model.
func (h *history) check(t *testing.T, db *DB, rng *rand.Rand, at, keys int) {
	t.Helper()
	entries := mustGet(t, db, func(r *Reader) ([]StateEntry, error) { return r.GroupState(h.groups[at]) })
	if got := asMap(entries); !maps.Equal(got, h.states[at]) || len(entries) != len(got) {
		t.Fatalf("group %d has %d entries, want %d", h.groups[at], len(entries), len(h.states[at]))
	}
	for range 5 {
		key := stateKey{Atom(2 + rng.IntN(3)), Atom(1 + rng.IntN(keys))}
		got := mustGet(t, db, func(r *Reader) (NID, error) { return r.GroupEntry(h.groups[at], key[0], key[1]) })
		if want := h.states[at][key]; got != want {
			t.Fatalf("group %d has %d at %v, want %d", h.groups[at], got, key, want)
		}
	}
}

// checkLinks checks that reading a state takes a bounded number of steps and that snapshots are rare.
func checkLinks(t *testing.T, db *DB, keys int) {
	t.Helper()
	var longest, groups, deltas int64
	if err := db.Read(t.Context(), func(r *Reader) error {
		if _, err := r.row(`SELECT max(links), count(*) FROM state_group`, nil, &longest, &groups); err != nil {
			return err
		}
		_, err := r.row(`SELECT count(*) FROM state_delta`, nil, &deltas)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if longest >= maxLinks || longest >= max(minLinks, int64(3*keys)) {
		t.Errorf("a state is read in %d steps", longest+1)
	}
	if deltas > 6*groups {
		t.Errorf("%d entries are stored for %d changes", deltas, groups)
	}
}

func TestStateBefore(t *testing.T) {
	db := open(t)
	h := history{room: 1}
	h.grow(t, db, rand.New(rand.NewPCG(1, 2)), 1, 5)
	var second int64
	write(t, db, func(tx *Tx) (err error) {
		second, err = tx.AddStateGroup(1, h.groups[0], StateEntry{Type: 3, StateKey: 9, NID: 99})
		return err
	})
	for name, c := range map[string]struct {
		event Event
		want  int64
	}{
		"a message":             {Event{State: second}, second},
		"a state event":         {Event{State: second, StateKey: 9}, h.groups[0]},
		"the first state event": {Event{State: h.groups[0], StateKey: 9}, 0},
	} {
		if got := mustGet(t, db, func(r *Reader) (int64, error) { return r.StateBefore(&c.event) }); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestCurrentStateTellsWhatItReplaces(t *testing.T) {
	db := open(t)
	want := map[stateKey]NID{{2, 1}: 3, {3, 7}: 2}
	write(t, db, func(tx *Tx) error {
		for i, e := range []struct {
			StateEntry
			old NID
		}{{StateEntry{2, 1, 1}, 0}, {StateEntry{3, 7, 2}, 0}, {StateEntry{2, 1, 3}, 1}} {
			old, err := tx.SetCurrentState(1, int64(i+1), e.StateEntry)
			if err != nil || old != e.old {
				t.Errorf("change %d replaces %d, want %d: %v", i, old, e.old, err)
			}
		}
		_, err := tx.SetCurrentState(2, 9, StateEntry{2, 1, 9}) // another room
		return err
	})
	if got := asMap(mustGet(t, db, func(r *Reader) ([]StateEntry, error) { return r.CurrentState(1) })); !maps.Equal(got, want) {
		t.Error(got)
	}
	changes := mustGet(t, db, func(r *Reader) ([]StateChange, error) { return r.StateChanges(1, 2, 1) })
	if len(changes) != 2 || changes[0] != (StateChange{1, 1}) || changes[1] != (StateChange{3, 3}) {
		t.Error(changes)
	}
}
