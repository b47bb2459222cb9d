//go:build interop

package federation

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"beffroi/server/servertest"
)

// Three servers are cut from each other while people go on writing on each of them, and joined again: within half a minute all of them have
// everything, each event once, and the same state.
func TestThreeServersCutApart(t *testing.T) {
	const healed = 30 * time.Second
	s := newStreet(NewLab(t), 3)
	writers := s.settle()
	room := writers[0].room

	stop := make(chan struct{})
	var writing sync.WaitGroup
	for _, w := range writers {
		writing.Go(func() { w.write(stop) })
	}
	waitForAll(t, writers, 50)
	s.cut(true)
	after := waitForAll(t, writers, 1000)
	for i, w := range writers {
		if other := writers[(i+1)%3]; other.user.Do("GET", at(room, "/event/"+w.at(after[i]-1)), nil, nil) == http.StatusOK {
			t.Errorf("%s was not cut from %s", w.user.UserID, other.user.UserID)
		}
	}
	s.cut(false)
	joined := time.Now()
	waitForAll(t, writers, 50)
	close(stop)
	writing.Wait()

	var want []string
	for _, w := range writers {
		want = append(want, w.sent...)
	}
	slices.Sort(want)
	step(t, time.Second, healed-time.Since(joined), fmt.Sprintf("all have the same state and %d events", len(want)), func() bool {
		first, same := state(writers[0].user, room), 0
		for _, w := range writers {
			events := len(ids(w.user, room))
			if slices.Equal(state(w.user, room), first) && events == len(want) {
				same++
			}
			t.Logf("%v after they were joined again, %s has %d of %d events", time.Since(joined).Round(time.Millisecond), w.user.UserID, events, len(want))
		}
		return same == len(writers)
	})
	t.Logf("%d events, the last of them %v after the servers were joined again", len(want), time.Since(joined).Round(100*time.Millisecond))
	step(t, time.Second, healed-time.Since(joined), "no queue holds anything", func() bool {
		return !slices.ContainsFunc(writers, func(w *writer) bool { return w.waits() > 0 })
	})
	t.Logf("the queues are empty %v after", time.Since(joined).Round(100*time.Millisecond))
	for _, w := range writers {
		if got := ids(w.user, room); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
			t.Errorf("%s reads %d events, %d were sent", w.user.UserID, len(got), len(want))
		}
	}
}

// A writer sends messages and state, one after the other, and remembers what was acknowledged.
type writer struct {
	user  *servertest.User
	admin *servertest.User // of the same server
	room  string
	n     atomic.Int64

	mu   sync.Mutex
	sent []string
}

// waits is how much the writer's server still has to bring to others, as its administration says.
func (w *writer) waits() (n int) {
	var answer struct {
		Destinations []struct {
			Waiting int    `json:"waiting"`
			State   string `json:"state"`
			Dropped int    `json:"dropped"`
		} `json:"destinations"`
	}
	w.admin.Must("GET", "/_beffroi/admin/v1/federation/destinations", nil, &answer)
	for _, d := range answer.Destinations {
		if n += d.Waiting; d.State == "behind" || d.State == "failing" || d.State == "dead" {
			n++
		}
	}
	return n
}

// settle puts a user of each server into one room.
func (s *street) settle() (writers []*writer) {
	s.Helper()
	for i, n := range s.nodes {
		w := &writer{user: n.Register(s, fmt.Sprint("agent", i+1)), admin: n.RegisterAdmin(s, "admin")}
		writers = append(writers, w)
		if i == 0 {
			w.room = w.user.CreateRoom(object{"preset": "public_chat", "power_level_content_override": object{"state_default": 0}})
			continue
		}
		w.room = writers[0].room
		join(w.user, w.room, s.nodes[0])
	}
	within(s, patience, "all are in the room", func() bool {
		first := state(writers[0].user, writers[0].room)
		return !slices.ContainsFunc(writers, func(w *writer) bool { return !slices.Equal(state(w.user, w.room), first) })
	})
	return writers
}

// write sends until it is told to stop, some fifty events a second.
func (w *writer) write(stop <-chan struct{}) {
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-pace.C:
		}
		var sent struct {
			EventID string `json:"event_id"`
		}
		path, body := at(w.room, fmt.Sprint("/send/m.room.message/", i)), object{"msgtype": "m.text", "body": fmt.Sprint(w.user.UserID, " ", i)}
		if i%10 == 0 { // of ten keys, for which all contend
			path, body = at(w.room, fmt.Sprint("/state/fr.beffroi.drill/", i/10%10)), object{"by": w.user.UserID, "n": i}
		}
		w.user.Must("PUT", path, body, &sent)
		w.mu.Lock()
		w.sent = append(w.sent, sent.EventID)
		w.mu.Unlock()
		w.n.Add(1)
	}
}

func (w *writer) at(i int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent[i]
}

// waitForAll waits until each writer has sent so many more events, and gives how many they have sent.
func waitForAll(t *testing.T, writers []*writer, more int) (counts []int) {
	t.Helper()
	goals := map[*writer]int64{}
	for _, w := range writers {
		goals[w] = w.n.Load() + int64(more)
	}
	for _, w := range writers {
		within(t, time.Minute, fmt.Sprint(w.user.UserID, " writes"), func() bool { return w.n.Load() >= goals[w] })
	}
	for _, w := range writers {
		counts = append(counts, int(w.n.Load()))
	}
	return counts
}

// ids are the events of writers that a user's server shows, as often as it shows them.
func ids(u *servertest.User, room string) (all []string) {
	for _, e := range timeline(u, room) {
		if e.Type == "m.room.message" || e.Type == "fr.beffroi.drill" {
			all = append(all, e.EventID)
		}
	}
	return all
}
