package rooms_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"beffroi/server/rooms"
	"beffroi/server/store"
)

// clocked is a room core whose time stands still until it is moved.
func clocked(t *testing.T) (w *world, pass func(time.Duration)) {
	w = start(t)
	now := time.Now()
	w.Service = rooms.New(w.db, w.hub, func() time.Time { return now }, w.Config)
	return w, func(d time.Duration) { now = now.Add(d) }
}

func TestARoomThatNobodyUsesLeavesTheMemory(t *testing.T) {
	w, pass := clocked(t)
	alice := w.user("alice")
	quiet, busy := w.create(alice, rooms.CreateRequest{}), w.create(alice, rooms.CreateRequest{})
	pass(9 * time.Minute)
	_, err := w.say(alice, busy, "1")
	w.ok(err)
	w.Evict()
	if held, _ := w.InMemory(); !held[quiet] || !held[busy] {
		t.Fatal("after nine minutes:", held)
	}
	pass(2 * time.Minute)
	w.Evict()
	if held, _ := w.InMemory(); held[quiet] || !held[busy] {
		t.Fatal("after eleven minutes:", held)
	}
	_, err = w.say(alice, quiet, "1")
	w.ok(err)
	checkLine(w, quiet)
	pass(time.Hour)
	w.Evict()
	if held, weight := w.InMemory(); len(held) != 0 || weight != 0 {
		t.Error("after an hour:", held, weight)
	}
}

func TestRoomsInMemoryHaveABudget(t *testing.T) {
	w, pass := clocked(t)
	ctx := context.Background()
	alice := w.user("alice")
	heavy := fmt.Sprintf(`{"users_default":0,"x":"%050000d"}`, 0)
	var ids []string
	const budget = 2 << 20
	w.SetMaxWeight(budget)
	for range budget/50000 + 20 {
		id := w.create(alice, rooms.CreateRequest{})
		_, err := w.SetState(ctx, alice, id, "m.room.power_levels", "", []byte(heavy))
		w.ok(err)
		ids = append(ids, id)
		pass(time.Second)
		if _, weight := w.InMemory(); weight > budget+200000 {
			t.Fatal("the rooms weigh", weight)
		}
	}
	held, weight := w.InMemory()
	if held[ids[0]] || !held[ids[len(ids)-1]] || weight < budget/2 {
		t.Errorf("%d of %d rooms are in memory and weigh %d", len(held), len(ids), weight)
	}
	_, err := w.say(alice, ids[0], "again")
	w.ok(err)
	checkLine(w, ids[0])
}

// A message costs as much in a room of many as in a room of two, and only those are held in memory who act.
func TestASendReadsAndWritesTheSameInALargeRoom(t *testing.T) {
	ctx := context.Background()
	costs := map[int][2]int64{}
	for _, size := range []int{2, 300} {
		path := filepath.Join(t.TempDir(), "b.db")
		w := open(t, path)
		alice := w.user("alice")
		room := w.create(alice, rooms.CreateRequest{Preset: "public_chat"})
		for i := range size - 1 {
			w.ok(w.Join(ctx, w.user(fmt.Sprint("u", i)), room, ""))
		}
		w.ok(w.db.Close())
		w = open(t, path)
		for _, txn := range []string{"first", "second"} {
			before := w.db.Reads()
			_, err := w.say(alice, room, txn)
			w.ok(err)
			cost := costs[size]
			cost[len(txn)-5] = w.db.Reads() - before
			costs[size] = cost
		}
		if n := w.MembersHeld(ctx, room); n != 1 {
			t.Errorf("%d members of %d are held", n, size)
		}
	}
	if costs[2] != costs[300] || costs[2][1] > 3 {
		t.Errorf("statements of a first and a second message: %v in a room of 2, %v in one of 300", costs[2], costs[300])
	}
}

// Members who are not in memory are judged by what the database has, members who just changed by what is queued.
func TestMembersAreReadWhenTheyAct(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	alice, bob, carol := w.user("alice"), w.user("bob"), w.user("carol")
	room := w.create(alice, rooms.CreateRequest{Preset: "public_chat"})
	w.ok(w.Join(ctx, bob, room, ""))
	w.ok(w.Ban(ctx, alice, room, carol.ID, ""))
	w.Service = rooms.New(w.db, w.hub, time.Now, w.Config)
	if err := w.Join(ctx, carol, room, ""); err == nil {
		t.Error("who is banned joined")
	}
	_, err := w.say(bob, room, "hello")
	w.ok(err)
	heard := w.hub.Wakes(int64(bob.Atom))
	hold := make(chan struct{})
	held := w.db.Submit(ctx, func(*store.Tx) error {
		<-hold
		return nil
	})
	leave, err := w.BeginMember(ctx, bob, room, "leave")
	w.ok(err)
	if _, err := w.BeginSend(ctx, bob, room, "m.room.message", "2", []byte(`{}`)); err == nil {
		t.Error("who is about to have left may still write")
	}
	close(hold)
	w.ok(held.Wait())
	w.ok(leave())
	if w.hub.Wakes(int64(bob.Atom)) == heard {
		t.Error("who left was not woken")
	}
	heard = w.hub.Wakes(int64(bob.Atom))
	_, err = w.say(alice, room, "3")
	w.ok(err)
	if w.hub.Wakes(int64(bob.Atom)) != heard {
		t.Error("who is gone was woken")
	}
}
