package rooms_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/rooms"
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
		hashes[id] = hashes[id] // of one that is not there: any
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
