package syncer_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/tidwall/gjson"

	"beffroi/server/rooms"
	"beffroi/server/store"
)

// client believes what /sync tells it, as real ones do.
type client struct {
	user    rooms.User
	options []option
	lazy    bool
	since   string
	rooms   map[string]*believed
}

// believed is what a client holds of a room it is in.
type believed struct {
	state  map[string]string // event ids by type/key
	events []string          // since the last gap
}

func (c *client) sync(w *world, options ...option) {
	res, err := w.trySync(c.user, c.since, append(options, c.options...)...)
	if err != nil {
		w.Error(err)
		return
	}
	res.Get("rooms.join").ForEach(func(id, room gjson.Result) bool {
		c.room(id.Str, room)
		return true
	})
	for _, section := range []string{"leave", "invite"} { // who was removed and invited again in one window hears of the invitation only
		res.Get("rooms." + section).ForEach(func(id, _ gjson.Result) bool {
			delete(c.rooms, id.Str)
			return true
		})
	}
	c.since = next(res)
}

func (c *client) room(id string, res gjson.Result) {
	b := c.rooms[id]
	if b == nil {
		b = &believed{state: map[string]string{}}
		c.rooms[id] = b
	}
	for _, e := range res.Get("state.events").Array() {
		b.learn(e)
	}
	for _, e := range res.Get("state_after.events").Array() {
		b.learn(e)
	}
	if res.Get("timeline.limited").Bool() {
		b.events = nil
	}
	for _, e := range res.Get("timeline.events").Array() {
		if !res.Get("state_after").Exists() {
			b.learn(e)
		}
		b.events = append(b.events, e.Get("event_id").Str)
	}
}

func (b *believed) learn(e gjson.Result) {
	if e.Get("state_key").Exists() {
		b.state[e.Get("type").Str+"/"+e.Get("state_key").Str] = e.Get("event_id").Str
	}
}

// check compares what the client believes with what is.
func (c *client) check(w *world) {
	w.Helper()
	w.ok(w.db.Read(context.Background(), func(r *store.Reader) error {
		members, err := r.RoomsOf(c.user.Atom)
		var in []string
		for _, m := range members {
			if m.Membership != store.Join {
				continue
			}
			room, _, err := r.Room(m.Room)
			if err != nil {
				return err
			}
			in = append(in, room.ID)
			c.checkRoom(w, r, room)
		}
		slices.Sort(in)
		want(w, c.user.ID+"'s rooms", slices.Sorted(maps.Keys(c.rooms)), in)
		return err
	}))
}

func (c *client) checkRoom(w *world, r *store.Reader, room store.Room) {
	w.Helper()
	b := c.rooms[room.ID]
	if b == nil {
		return // told by the list of rooms
	}
	state, err := r.CurrentEvents(room.Ref)
	w.ok(err)
	for _, e := range state {
		eventType, _ := r.Text(e.Type)
		stateKey, _ := r.Text(e.StateKey)
		k := eventType + "/" + stateKey
		if got, known := b.state[k]; got != e.ID && (known || !c.lazy || e.Type != store.AtomMember) {
			w.Errorf("%s in %s believes that %s is %q; it is %s", c.user.ID, room.ID, k, got, e.ID)
		}
	}
	_, v, err := rooms.Look(r, room.ID, c.user.Atom)
	w.ok(err)
	page, err := rooms.Messages(r, room, v, rooms.PageQuery{From: store.OrdMin, To: store.OrdMax, Limit: 500,
		Match: func(*store.Event) (bool, error) { return true, nil }})
	w.ok(err)
	var ids []string
	for _, e := range page.Events {
		ids = append(ids, e.ID)
	}
	if n := len(ids) - len(b.events); n < 0 || !slices.Equal(ids[n:], b.events) {
		w.Errorf("%s in %s: since the last gap came %v, visible are %v", c.user.ID, room.ID, b.events, ids)
	}
}

// act does something that may be forbidden: then it does nothing.
func act(w *world, rnd *rand.Rand, n int, u, other rooms.User, room string) {
	ctx := context.Background()
	switch rnd.IntN(12) {
	case 0:
		_ = w.rooms.Join(ctx, u, room, "")
	case 1:
		_ = w.rooms.Leave(ctx, u, room, "")
	case 2:
		_ = w.rooms.Invite(ctx, u, room, other.ID, "", false)
	case 3:
		_ = w.rooms.Kick(ctx, u, room, other.ID, "")
	case 4, 5:
		_, _ = w.rooms.SetState(ctx, u, room, "m.room.topic", "", fmt.Appendf(nil, `{"topic":"%d"}`, n))
	case 6:
		visibility := []string{"shared", "joined", "invited", "world_readable"}[rnd.IntN(4)]
		_, _ = w.rooms.SetState(ctx, u, room, "m.room.history_visibility", "", fmt.Appendf(nil, `{"history_visibility":%q}`, visibility))
	default:
		_, _ = w.rooms.Send(ctx, u, room, "m.room.message", fmt.Sprint(n), fmt.Appendf(nil, `{"body":"%d"}`, n))
	}
}

// Whatever happens while devices sync, they end up believing what is, without an event missing or coming twice after the last gap.
func TestDevicesBelieveWhatIs(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { runModel(t, seed) })
	}
}

func runModel(t *testing.T, seed uint64) {
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
	clients := []*client{
		{user: users[0], options: []option{filtered(`{}`)}},
		{user: users[1], options: []option{filtered(`{"room":{"timeline":{"limit":2}}}`)}},
		{user: users[2], options: []option{filtered(`{"room":{"timeline":{"limit":3},"state":{"lazy_load_members":true}}}`)}, lazy: true},
		{user: users[3], options: []option{filtered(`{"room":{"timeline":{"limit":1}}}`), stateAfter}},
	}
	done := make(chan struct{})
	for i, c := range clients {
		c.rooms = map[string]*believed{}
		readers.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(100+i)))
			for {
				select {
				case <-done:
					return
				default:
				}
				c.sync(w)
				for range rnd.IntN(200) {
					w.db.Visible() // let others run
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	for _, c := range clients {
		c.sync(w)
		c.sync(w)
		c.check(w)
	}
}
