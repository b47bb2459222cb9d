package bench

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"beffroi/server/servertest"
)

// TestJoinLargeRoom joins a room with very many members and a large state: first on a peer that only has it in memory, then on a Beffroi. Goal: 1,000 members, 5,000
// state events, 5 s.
func TestJoinLargeRoom(t *testing.T) {
	slowly(t)
	members, state := 30, 100
	if *measure {
		members, state = 1_000, 5_000
	}
	n := servertest.NewNetwork(t)
	peer, there, home := n.Peer().Reside("12"), n.Start(""), n.Start("")
	for i := range members {
		who := peer.User(fmt.Sprint("agent", i))
		peer.Set("m.room.member", who, who, map[string]any{"membership": "join", "displayname": fmt.Sprint("Agent ", i)})
	}
	for i := members + 5; i < state; i++ {
		peer.Set("fr.beffroi.pin", fmt.Sprint("place", i), peer.User("host"), map[string]any{"body": "Le conseil municipal se réunit mardi à 18 h 30 en mairie.", "n": i})
	}
	size := 0
	for _, id := range peer.Line.State {
		size += len(peer.Room.Events[id].JSON())
	}
	joins := func(what string, at *servertest.Server, through string) {
		u := at.Register(t, "alice")
		runtime.GC()
		peak, stop := heapPeak()
		before := peak()
		defer stop()
		begun := time.Now()
		u.Must(http.MethodPost, "/_matrix/client/v3/join/"+url.PathEscape(peer.Room.ID)+"?via="+url.QueryEscape(through), map[string]any{}, nil)
		took := time.Since(begun)
		begun = time.Now()
		rooms := u.Sync("", "").Rooms.Join
		synced := time.Since(begun)
		if len(rooms) != 1 {
			t.Fatalf("%d rooms in sync", len(rooms))
		}
		fmt.Printf("%s: a room of %d members and %d state events (%d KiB) joined in %d ms, first sync %d ms; heap of all servers together %d MiB before, %d at most\n",
			what, members, len(peer.Line.State), size>>10, took.Milliseconds(), synced.Milliseconds(), before>>20, peak()>>20)
		if *measure && took > 5*time.Second {
			t.Errorf("%s: %s", what, took)
		}
	}
	joins("on a peer", there, peer.Name)
	joins("on another Beffroi", home, there.ServerName)
}

// heapPeak looks at the heap of this process every few milliseconds until stop is called.
func heapPeak() (peak func() uint64, stop func()) {
	var most atomic.Uint64
	done := make(chan struct{})
	look := func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(sample)
		if now := sample[0].Value.Uint64(); now > most.Load() {
			most.Store(now)
		}
	}
	look()
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				look()
			case <-done:
				return
			}
		}
	}()
	return most.Load, func() { close(done) }
}
