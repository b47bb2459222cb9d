package rooms_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// soon ends a test that would never end.
func soon(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("this never ends: ", what)
	}
}

// named builds an event of the first room versions, whose id its sender chooses.
func (b *branch) named(s *shared, id, sender string, prevs ...string) *pdu.Event {
	s.Helper()
	hashes := map[string]pdu.Hash{}
	for _, e := range b.far.room.Events {
		hashes[e.ID()] = e.ReferenceHash()
	}
	for _, id := range prevs {
		if _, known := hashes[id]; !known {
			hashes[id] = pdu.Hash{}
		}
	}
	p := pdu.Proto{Type: "m.room.message", Sender: sender, RoomID: s.room, Content: json.RawMessage(`{"body":"x"}`), PrevEvents: prevs, Depth: 50,
		OriginServerTS: 1, Localpart: id, Hashes: hashes}
	for key, id := range b.State {
		if key.Type == "m.room.create" || key.Type == "m.room.power_levels" || key.StateKey == sender {
			p.AuthEvents = append(p.AuthEvents, id)
		}
	}
	e, err := pdu.Build(s.rules(), p, signerOf(sender))
	s.ok(err)
	return b.add(e)
}

// In the first room versions senders choose their ids: the same may come in two rooms.
func TestAnIdOfAnotherRoomIsRefused(t *testing.T) {
	s, line := share(t, "1")
	one := line.named(s, "twice", bob, line.Tips...)
	s.takes(one)
	other := &shared{world: s.world, alice: s.alice, path: s.path}
	other.room = s.create(s.alice, rooms.CreateRequest{RoomVersion: "1", Preset: "public_chat", IsDirect: true})
	there := other.meet()
	for range 5 { // the first ids are those of the other room
		there.Build("m.room.message", nil, bob, struct{}{})
	}
	other.takes(there.member("join", bob, bob))
	soon(t, "an id that another room has", func() {
		two := there.named(other, "twice", bob, there.Tips...)
		if o := other.receive(two)[0]; o.Err == nil {
			t.Error("the same id was taken in two rooms")
		}
	})
	other.next()
	other.consistent()
	s.consistent()
}

// In the first room versions ids are no hashes: events can follow each other in a circle.
func TestACircleDoesNotEmptyTheRoom(t *testing.T) {
	for _, version := range []string{"1", "2"} {
		t.Run(version, func(t *testing.T) {
			s, line := share(t, version)
			s.far.silent["missing"] = true
			evil := line.fork()
			before := s.now("m.room.member", bob)
			last := evil.named(s, "last", bob, append(slices.Clone(line.Tips), "$first:far")...)
			s.takes(last)
			s.next() // an honest event follows
			tips := []string{s.events()[len(s.events())-1].ID()}
			first := evil.named(s, "first", bob, tips...)
			s.receive(first)
			if id := s.now("m.room.member", bob); id != before {
				t.Errorf("bob's membership is %q", id)
			}
			s.consistent()
			if prevs := s.next(); len(prevs) == 0 {
				t.Error("the next event follows none")
			}
		})
	}
}

// What a server gives as history must lie before what it is asked to fill.
func TestHistoryIsNoWayAroundTheStream(t *testing.T) {
	s, missed, last := gapped(t, "12", "shared")
	line := s.meetAgain(nil)
	row, _ := s.row(last)
	ban := line.member("ban", "@dave:far", s.alice.ID)
	if _, err := s.Backfill(context.Background(), "far", s.room, row.Ord, raws(append(missed, ban)...)); err != nil {
		t.Fatal(err)
	}
	s.takes(ban)
	if id := s.now("m.room.member", "@dave:far"); id != ban.ID() {
		t.Error("the ban came as history and has no effect")
	}
	s.consistent()
}

// One event must not let a server ask for the state at each of hundreds of places.
func TestOneEventAsksForFewStates(t *testing.T) {
	s, line := share(t, "12")
	var edges []*branch
	for range 20 {
		b := line.fork()
		s.far.withheld[b.message(bob, "lost").ID()] = true
		b.message(bob, "edge")
		edges = append(edges, b)
	}
	edges[0].merge(edges[1:]...)
	last := edges[0].message(carol, "last")
	s.takes(last)
	if n := s.far.asked["state_ids"]; n > 11 {
		t.Error("the state was asked for", n, "times")
	}
	s.consistent()
}

// A server that gives more than was asked for stores nothing by it.
func TestWhatWasNotAskedForIsNotStored(t *testing.T) {
	s, line := share(t, "12")
	junk := line.fork().member("join", "@junk:far", "@junk:far")
	name := line.set("m.room.name", "", s.alice.ID, `{"name":"x"}`)
	lost := line.message(bob, "lost")
	last := line.message(bob, "last")
	s.far.silent["missing"] = true
	s.far.withheld[lost.ID()] = true
	s.Remote = generous{s.far, raws(junk)}
	s.takes(last)
	s.has("asked for", name, store.StatusOutlier, false)
	if _, ok := s.row(junk); ok {
		t.Error("what was not asked for is stored")
	}
}

// generous gives more than it is asked for.
type generous struct {
	*elsewhere
	more []json.RawMessage
}

func (g generous) Events(ctx context.Context, server, room string, ids []string) ([]json.RawMessage, error) {
	raws, err := g.elsewhere.Events(ctx, server, room, ids)
	return append(raws, g.more...), err
}

// A room has one create event: the server that its id names could make another, and rule by that one.
func TestASecondCreateEventIsRejected(t *testing.T) {
	for _, version := range []string{"1", "5", "10", "11"} {
		t.Run(version, func(t *testing.T) {
			s, line := share(t, version)
			create := s.now("m.room.create", "")
			evil := line.fork()
			evil.Tips, evil.State = nil, map[auth.Key]string{}
			second := evil.set("m.room.create", "", "@mallory:hs", `{"room_version":"`+version+`","creator":"@mallory:hs"}`)
			join := evil.member("join", "@mallory:hs", "@mallory:hs")
			last := evil.message("@mallory:hs", "mine")
			s.far.silent["missing"] = true
			s.far.withheld[join.ID()] = false
			s.receive(last)
			s.has("another create event", second, store.StatusOutlier|store.StatusRejected, false)
			row, _ := s.row(last)
			if row.Placed {
				t.Error("what it allows is in the timeline")
			}
			if id := s.now("m.room.create", ""); id != create {
				t.Error("the create event is another one")
			}
			s.consistent()
		})
	}
}

// Any member may send third-party invitations, under tokens of their choice.
func TestThirdPartyInvitesAreNotHeld(t *testing.T) {
	s, _ := share(t, "12")
	ctx := context.Background()
	_, before := s.InMemory()
	for i := range 40 {
		_, err := s.SetState(ctx, s.alice, s.room, "m.room.third_party_invite", fmt.Sprint("token", i),
			[]byte(`{"display_name":"x","key_validity_url":"https://x","public_key":"`+strings.Repeat("A", 2000)+`"}`))
		s.ok(err)
	}
	s.reopen()
	s.next()
	if _, after := s.InMemory(); after > before+20000 {
		t.Errorf("the room weighs %d bytes, before %d", after, before)
	}
}

// Who goes on behind a long line of refused events does not make the server walk along it each time.
func TestALongLineOfRefusedEventsIsNotWalked(t *testing.T) {
	s, line := share(t, "12")
	evasion := line.fork()
	s.ok(s.Ban(context.Background(), s.alice, s.room, bob, ""))
	for range 400 {
		s.takes(evasion.message(bob, "x"))
	}
	before, _ := s.db.Rows()
	s.takes(evasion.message(carol, "hello"))
	if after, _ := s.db.Rows(); after-before > 300 {
		t.Error("rows read:", after-before)
	}
	s.consistent()
}

// One member can fork a room as often as they like: what that costs each event does not grow with it, and what was decided stays in force.
func TestForksWithoutNumber(t *testing.T) {
	s, line := share(t, "12")
	for i := range 30 {
		u := fmt.Sprintf("@u%d:far", i)
		s.takes(line.member("join", u, u))
	}
	ban := line.fork().member("ban", carol, s.alice.ID)
	s.takes(ban)
	var rows []int64
	for i := range 60 {
		e := line.fork().set("m.room.member", bob, bob, fmt.Sprintf(`{"membership":"join","displayname":"%d"}`, i))
		before, _ := s.db.Rows()
		s.takes(e)
		after, _ := s.db.Rows()
		rows = append(rows, after-before)
		if id := s.now("m.room.member", carol); id != ban.ID() {
			t.Fatal("after", i, "forks carol is not banned")
		}
	}
	if rows[59] > rows[15] {
		t.Error("rows read for the 16th and for the 60th fork:", rows[15], rows[59])
	}
	s.reopen()
	for range 8 {
		s.next()
	}
	if prevs := s.next(); len(prevs) != 1 {
		t.Error("the next event follows", len(prevs))
	}
	if id := s.now("m.room.member", carol); id != ban.ID() {
		t.Error("carol is not banned any more")
	}
	s.consistent()
}

// In history too, what was redacted stays so.
func TestARedactionInHistoryRedacts(t *testing.T) {
	s, line := share(t, "12")
	secret := line.message(bob, "secret")
	redaction := line.redact(bob, secret.ID())
	lost := line.message(bob, "lost")
	last := line.message(bob, "last")
	s.far.silent["missing"] = true
	for _, e := range []*pdu.Event{secret, redaction, lost} {
		s.far.withheld[e.ID()] = true
	}
	s.takes(last)
	row, _ := s.row(last)
	if _, err := s.Backfill(context.Background(), "far", s.room, row.Ord, raws(secret, redaction, lost)); err != nil {
		t.Fatal(err)
	}
	if row, _ := s.row(secret); row.RedactedBy == 0 || strings.Contains(string(row.JSON), "secret") {
		t.Errorf("the message stands: %s", row.JSON)
	}
	s.consistent()
}

// Several servers send the same events at once in orders of their own, while people here write and the room leaves the memory again and again.
func TestTheSameRoomFromManySides(t *testing.T) {
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s, line := share(t, []string{"12", "10", "1"}[seed])
			w := &wild{Rand: rand.New(rand.NewPCG(seed, 7)), branches: []*branch{line}, after: map[string]map[auth.Key]string{}}
			for len(w.events) < 40 {
				w.step()
			}
			s.SetMaxWeight(1)
			var all sync.WaitGroup
			for side := range uint64(4) {
				order := slices.Concat(w.events, w.wrong)
				rand.New(rand.NewPCG(seed, side)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
				all.Go(func() {
					for half := range slices.Chunk(order, len(order)/2) {
						for i, o := range s.receive(half...) {
							if o.Err != nil {
								t.Error(half[i].Type(), o.Err)
							}
						}
					}
				})
			}
			all.Go(func() {
				for i := range 20 {
					_, _ = s.say(s.alice, s.room, fmt.Sprint("meanwhile", i)) // she may be banned by then
					s.Evict()
				}
			})
			soon(t, "many sides", all.Wait)
			s.consistent()
			s.read(func(r *store.Reader, _ store.Room) {
				for _, e := range w.events {
					row, _, err := r.EventByID(e.ID())
					s.ok(err)
					if got := s.entries(r, func() ([]store.StateEntry, error) { return r.GroupState(row.State) }); !maps.Equal(got, w.after[e.ID()]) {
						t.Errorf("the state after %s %s is another than the graph says", e.Type(), e.ID())
					}
				}
			})
		})
	}
}

// purging removes the room while it is asked for events.
type purging struct {
	*elsewhere
	purge func()
}

func (p purging) Events(ctx context.Context, server, room string, ids []string) ([]json.RawMessage, error) {
	p.purge()
	return p.elsewhere.Events(ctx, server, room, ids)
}

func TestARoomThatIsPurgedMeanwhileStaysGone(t *testing.T) {
	s, line := share(t, "12")
	ctx := context.Background()
	s.account("alice")
	s.ok(s.Leave(ctx, s.alice, s.room, ""))
	s.ok(s.Forget(ctx, s.alice, s.room))
	line = s.meetAgain(line)
	name := line.set("m.room.name", "", bob, `{"name":"x"}`)
	lost := line.message(bob, "lost")
	last := line.message(bob, "last")
	s.far.silent["missing"] = true
	s.far.withheld[lost.ID()] = true
	s.Remote = purging{s.far, sync.OnceFunc(func() { s.ok(s.Purge(ctx, s.room)) })}
	if o := s.receive(last)[0]; o.Err == nil {
		t.Error("an event was taken into a room that is gone")
	}
	s.ok(s.db.Read(ctx, func(r *store.Reader) error {
		for _, e := range []*pdu.Event{name, last} {
			if _, known, err := r.EventByID(e.ID()); err != nil || known {
				t.Error(e.Type(), "is stored in no room", err)
			}
		}
		return nil
	}))
}

// A redaction is good for its own room, and no create event falls to one.
func TestWhatNoRedactionReaches(t *testing.T) {
	for _, version := range []string{"10", "12"} {
		t.Run(version, func(t *testing.T) {
			s, line := share(t, version)
			other := &shared{world: s.world, alice: s.alice, path: s.path}
			other.room = s.create(s.alice, rooms.CreateRequest{RoomVersion: version, Preset: "public_chat", IsDirect: true})
			secret, err := s.say(s.alice, other.room, "secret")
			s.ok(err)
			s.takes(line.redact(bob, secret), line.redact(bob, s.now("m.room.create", "")))
			s.ok(s.db.Read(context.Background(), func(r *store.Reader) error {
				for _, id := range []string{secret, s.now("m.room.create", "")} {
					e, _, err := r.EventByID(id)
					if err != nil || e.RedactedBy != 0 {
						t.Error(id, "was redacted", err)
					}
				}
				return nil
			}))
			if _, err := s.say(s.alice, other.room, "still works"); err != nil {
				t.Error(err)
			}
			s.consistent()
		})
	}
}

// newestFirst tells the state in the order that is worst for who judges it: each event comes before those that allow it.
type newestFirst struct {
	*elsewhere
	order []string
}

func (n newestFirst) StateIDs(context.Context, string, string, string) (state, authChain []string, err error) {
	return n.order, nil, nil
}

func TestTheOrderOfAStateCostsNothing(t *testing.T) {
	const n = 1200
	s, line := share(t, "12")
	var order []string
	for i := range n {
		order = append(order, line.set("m.room.member", bob, bob, fmt.Sprintf(`{"membership":"join","displayname":"%d"}`, i)).ID())
	}
	slices.Reverse(order)
	s.far.withheld[line.message(bob, "lost").ID()] = true
	last := line.message(bob, "last")
	s.far.silent["missing"] = true
	s.Remote = newestFirst{s.far, order}
	before, _ := s.db.Rows()
	s.receive(last)
	if after, _ := s.db.Rows(); after-before > 4*n {
		t.Errorf("%d rows were read for %d events", after-before, n)
	}
}

// Redactions of what nobody has wait for it: one of each server, however many are sent.
func TestEarlyRedactionsOfOneServerAreOne(t *testing.T) {
	s, line := share(t, "12")
	secret := line.fork().message(bob, "secret")
	for range 20 {
		s.takes(line.redact(carol, secret.ID()))
	}
	s.read(func(r *store.Reader, room store.Room) {
		if waiting, err := r.EarlyRedactions(room.Ref, secret.ID()); err != nil || len(waiting) != 1 {
			t.Errorf("%d wait: %v", len(waiting), err)
		}
	})
	s.takes(secret)
	if row, _ := s.row(secret); row.RedactedBy == 0 {
		t.Error("it was not redacted when it came")
	}
	s.consistent()
}
