package bench

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"beffroi/server/servertest"

	"maunium.net/go/mautrix/id"
)

// between is a room of one server that a user of another has joined.
type between struct {
	t           *testing.T
	home, there *servertest.Server
	alice, bob  *servertest.User
	room        string
	since       string
}

// TestDeliveryBetweenServers measures how long a message takes from its sender at one Beffroi to a reader who waits at another, and how many come over in a burst. Goal: p50 8 ms,
// 2 CPU ms and 2 syncs for each, 300 a second.
func TestDeliveryBetweenServers(t *testing.T) {
	slowly(t)
	alone, burst := 5, 20
	if *measure {
		alone, burst = 300, 2000
	}
	n := servertest.NewNetwork(t)
	b := &between{t: t, home: n.Start(""), there: n.Start("")}
	b.home.Unchecked(t)
	b.there.Unchecked(t)
	b.alice, b.bob = b.home.Register(t, "alice"), b.there.Register(t, "bob")
	b.room = b.alice.CreateRoom(map[string]any{"preset": "public_chat"})
	b.bob.Must(http.MethodPost, "/_matrix/client/v3/join/"+url.PathEscape(b.room)+"?via="+url.QueryEscape(b.home.ServerName), map[string]any{}, nil)
	b.since = b.bob.Sync("", "").NextBatch
	b.read(1, func() { b.alice.SendText(b.room, "warm") })

	times := make([]time.Duration, alone)
	cost := b.count(func() {
		for i := range times {
			begun := time.Now()
			b.read(1, func() { b.alice.SendText(b.room, "Bonjour") })
			times[i] = time.Since(begun)
		}
	})
	slices.Sort(times)
	fmt.Printf("send to arrival, one by one, %d: p50 %.1f ms, p95 %.1f ms; %s\n", alone, ms(percentile(times, 50)), ms(percentile(times, 95)), cost(alone))

	begun := time.Now()
	cost = b.count(func() {
		b.read(burst, func() {
			var senders sync.WaitGroup
			for range 8 {
				senders.Go(func() {
					for range burst / 8 {
						b.alice.SendText(b.room, "Bonjour")
					}
				})
			}
			senders.Wait()
			for range burst % 8 {
				b.alice.SendText(b.room, "Bonjour")
			}
		})
	})
	fmt.Printf("burst of 8 senders, %d: %.0f a second; %s\n", burst, float64(burst)/time.Since(begun).Seconds(), cost(burst))
}

// read sends, and waits until bob has read n messages.
func (b *between) read(n int, send func()) {
	b.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		send()
	}()
	for until := time.Now().Add(time.Minute); n > 0; {
		answer := b.bob.Sync(b.since, "timeout=10000")
		b.since = answer.NextBatch
		room := answer.Rooms.Join[id.RoomID(b.room)]
		if n -= len(room.Timeline.Events); room.Timeline.Limited && room.Timeline.PrevBatch != "" && n > 0 {
			n = b.rest(n)
		}
		if time.Now().After(until) {
			b.t.Fatalf("%d did not come", n)
		}
	}
	<-done
}

// rest waits until nothing more comes where an answer left out messages: those can't be counted one by one.
func (b *between) rest(n int) int {
	for {
		answer := b.bob.Sync(b.since, "timeout=300")
		b.since = answer.NextBatch
		if len(answer.Rooms.Join) == 0 {
			return min(n, 0)
		}
	}
}

// count counts what this process and both databases do meanwhile: clients and both servers together.
func (b *between) count(run func()) func(n int) string {
	syncs := b.home.DB().Syncs() + b.there.DB().Syncs()
	meter, err := Count(os.Getpid())
	if err != nil {
		b.t.Fatal(err)
	}
	run()
	c, err := meter.Stop()
	if err != nil {
		b.t.Fatal(err)
	}
	syncs = b.home.DB().Syncs() + b.there.DB().Syncs() - syncs
	return func(n int) string {
		return fmt.Sprintf("for each, clients and both servers together: %.2f CPU ms, %.1f KB written, %.2f syncs", ms(c.CPU)/float64(n), float64(c.Written)/float64(n)/1e3, float64(syncs)/float64(n))
	}
}
