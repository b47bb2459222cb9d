package syncer_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"beffroi/server/rooms"
	"beffroi/server/store"
)

// Each message is sent after its key, as clients do that encrypt: whoever reads, waiting or not, and losing answers, has the key by the answer that brings the
// message at the latest. (Where more messages to the device wait than fit into an answer, keys may come later: MaxToDevice.)
func TestKeysComeBeforeTheirMessages(t *testing.T) {
	for name, reader := range map[string]func(*world, rooms.User) *keyReader{"sliding": slidingKeyReader, "v3": syncingKeyReader} {
		for _, lossy := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " lossy ", lossy), func(t *testing.T) {
				t.Parallel()
				w := start(t)
				alice, bob := w.user("alice"), w.user("bob")
				id := w.create(alice, rooms.CreateRequest{})
				w.join(id, bob)
				c := reader(w, alice)
				c.readAll(id, lossy, func(n int) {
					w.key(alice, n)
					w.say(bob, id, strconv.Itoa(n))
				})
			})
		}
	}
}

// key sends one message to a user's device: {"n":N}.
func (w *world) key(u rooms.User, n int) {
	w.Helper()
	w.ok(w.db.Write(w.Context(), func(tx *store.Tx) error {
		tx.OnCommit(func() { w.hub.Wake(int64(u.Atom)) })
		return tx.QueueToDevice(u.Device, fmt.Appendf(nil, `{"n":%d}`, n))
	}))
}

// keyReader reads keys and messages.
type keyReader struct {
	w    *world
	keys map[int64]bool
	read int // messages
	next func() (res gjson.Result, toDevice, timeline string, taken func())
}

// readAll reads while write writes, forty messages ahead at most.
func (c *keyReader) readAll(room string, lossy bool, write func(n int)) {
	const messages = 300
	ahead, stop := make(chan struct{}, 40), make(chan struct{})
	var writing sync.WaitGroup
	defer writing.Wait()
	defer close(stop)
	writing.Go(func() {
		for n := range messages {
			select {
			case ahead <- struct{}{}:
				write(n)
			case <-stop:
				return
			}
		}
	})
	rnd := rand.New(rand.NewPCG(1, 2))
	for c.read < messages {
		before := c.read
		if !c.ask(room, lossy && rnd.IntN(3) == 0) {
			return
		}
		for range c.read - before {
			<-ahead
		}
	}
}

// ask reads the next answer, unless it is lost, and tells whether every message's key is there.
func (c *keyReader) ask(room string, lost bool) bool {
	res, toDevice, timeline, taken := c.next()
	if lost {
		return true
	}
	taken()
	for _, k := range res.Get(toDevice).Array() {
		c.keys[k.Get("n").Int()] = true
	}
	for _, e := range res.Get(fmt.Sprintf(timeline, esc(room))).Array() {
		if e.Get("type").Str != "m.room.message" {
			continue
		}
		n, err := strconv.ParseInt(body(e), 10, 64)
		if err != nil || n < int64(c.read) {
			continue
		}
		c.read = int(n) + 1
		if !c.keys[n] {
			c.w.Errorf("message %d came before its key: %s", n, res.Raw)
			return false
		}
	}
	return true
}

const soon = 50 * time.Millisecond

func slidingKeyReader(w *world, u rooms.User) *keyReader {
	var at, arrived string
	return &keyReader{w: w, keys: map[int64]bool{}, next: func() (gjson.Result, string, string, func()) {
		res := w.slide(u, at, fmt.Sprintf(`{"timeout":%d,"lists":{"l":{"timeline_limit":50,"required_state":{}}},"extensions":{"to_device":{"enabled":true,"since":%q}}}`,
			soon.Milliseconds(), arrived))
		return res, "extensions.to_device.events", "rooms.%s.timeline", func() { at, arrived = pos(res), res.Get("extensions.to_device.next_batch").Str }
	}}
}

func syncingKeyReader(w *world, u rooms.User) *keyReader {
	var since string
	return &keyReader{w: w, keys: map[int64]bool{}, next: func() (gjson.Result, string, string, func()) {
		res := w.sync(u, since, waiting(soon))
		return res, "to_device.events", "rooms.join.%s.timeline.events", func() { since = next(res) }
	}}
}
