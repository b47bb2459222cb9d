package syncer_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/tidwall/gjson"

	"beffroi/server/rooms"
)

// slider believes what sliding sync tells it. It asks with ever other windows, and loses answers.
type slider struct {
	client
	pos string
}

func (c *slider) ask(w *world, body string, lost bool) {
	res, err := w.trySlide(c.user, c.pos, body)
	if err != nil {
		w.Error(err)
		return
	}
	if lost && c.pos != "" {
		return
	}
	c.pos = pos(res)
	res.Get("rooms").ForEach(func(id, room gjson.Result) bool {
		c.take(id.Str, room)
		return true
	})
}

func (c *slider) take(id string, res gjson.Result) {
	if res.Get("membership").Str != "join" {
		delete(c.rooms, id)
		return
	}
	b := c.rooms[id]
	if b == nil || res.Get("initial").Bool() {
		b = &believed{state: map[string]string{}}
		c.rooms[id] = b
	}
	if c.lazy && res.Get("limited").Bool() { // MSC4186, "Lazy loaded memberships"
		maps.DeleteFunc(b.state, func(k, _ string) bool { return strings.HasPrefix(k, "m.room.member/") })
	}
	for _, e := range res.Get("required_state").Array() {
		b.learn(e)
	}
	if res.Get("limited").Bool() || res.Get("expanded_timeline").Bool() {
		b.events = nil
	}
	for _, e := range res.Get("timeline").Array() {
		b.events = append(b.events, e.Get("event_id").Str)
	}
}

func someWindow(rnd *rand.Rand, ids []string, state string) string {
	subscription := ""
	if rnd.IntN(3) == 0 {
		subscription = fmt.Sprintf(`%q:{"timeline_limit":%d,"required_state":%s}`, ids[rnd.IntN(len(ids))], rnd.IntN(6), state)
	}
	return fmt.Sprintf(`{"lists":{"l":{"range":[0,%d],"timeline_limit":%d,"required_state":%s}},"room_subscriptions":{%s}}`,
		rnd.IntN(3), rnd.IntN(4), state, subscription)
}

// Whatever happens while clients ask, with windows that grow and shrink and answers that are lost, they end up believing what is, as those of /v3/sync do.
func TestSlidersBelieveWhatIs(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { runSliders(t, seed) })
	}
}

func runSliders(t *testing.T, seed uint64) {
	w := start(t)
	users := []rooms.User{w.user("alice"), w.user("bob"), w.user("carol"), w.user("dave")}
	ids := []string{w.create(users[0], rooms.CreateRequest{}), w.create(users[1], rooms.CreateRequest{}),
		w.create(users[2], rooms.CreateRequest{Preset: "private_chat", Invite: []string{users[0].ID}})}
	var writers, readers sync.WaitGroup
	for i := range 3 {
		writers.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(i)))
			for n := range 60 {
				act(w, rnd, n*3+i, users[rnd.IntN(4)], users[rnd.IntN(4)], ids[rnd.IntN(3)])
			}
		})
	}
	const everything, lazily = `{"include":[{}]}`, `{"include":[{}],"lazy_members":true}`
	var clients []*slider
	states := []string{everything, everything, lazily, everything}
	for i, u := range users {
		clients = append(clients, &slider{client: client{user: u, lazy: states[i] == lazily, rooms: map[string]*believed{}}})
	}
	done := make(chan struct{})
	for i, c := range clients {
		readers.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(100+i)))
			for {
				select {
				case <-done:
					return
				default:
					c.ask(w, someWindow(rnd, ids, states[i]), rnd.IntN(4) == 0)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	for i, c := range clients {
		for range 2 {
			c.ask(w, fmt.Sprintf(`{"lists":{"l":{"timeline_limit":3,"required_state":%s}}}`, states[i]), false)
		}
		c.check(w)
	}
}
