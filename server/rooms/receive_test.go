package rooms_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/pdu/pdutest"
	"beffroi/server/push"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

func TestEventsOfOtherServersFollowTheHead(t *testing.T) {
	for _, version := range []string{"1", "3", "10", "12"} {
		t.Run(version, func(t *testing.T) {
			s, line := share(t, version)
			one, two := line.message(bob, "1"), line.message(carol, "2")
			s.takes(one, two)
			name := line.member("leave", bob, bob)
			s.takes(name)
			for _, e := range []*pdu.Event{one, two, name} {
				s.has(e.Type(), e, 0, true)
			}
			if prevs := s.next(); !slices.Equal(prevs, ids(name)) {
				t.Error("the next local event follows", prevs)
			}
			if id := s.now("m.room.member", bob); id != name.ID() {
				t.Error("bob's membership is", id)
			}
			if len(s.far.asked) > 1 { // "next" is the test's own
				t.Error("asked for", s.far.asked)
			}
			s.consistent()
		})
	}
}

func TestWhatIsNotAnEventIsDropped(t *testing.T) {
	s, line := share(t, "12")
	good := line.message(bob, "1")
	forged := bytes.Replace(good.JSON(), []byte(`"sender":"@bob:far"`), []byte(`"sender":"@carol:far"`), 1)
	elsewhere := bytes.Replace(good.JSON(), []byte(s.room), []byte("!"+strings.Repeat("A", 43)), 1)
	for what, raw := range map[string][]byte{
		"no JSON": []byte("x"), "no object": []byte("[]"), "no room": []byte("{}"), "another room": elsewhere, "a forged sender": forged,
		"no signature": bytes.Replace(good.JSON(), []byte(`"ed25519:k"`), []byte(`"ed25519:x"`), 1),
	} {
		if o := s.Receive(context.Background(), "far", raw)[0]; o.Err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	if _, ok := s.row(good); ok {
		t.Error("the event was stored")
	}
	s.takes(good)
	s.takes(good)
	s.Remote = nil
	if o := s.receive(line.message(bob, "2"))[0]; o.Err == nil {
		t.Error("who speaks with nobody took an event")
	}
}

func TestAnEventWhoseContentWasChangedIsRedacted(t *testing.T) {
	s, line := share(t, "12")
	e := line.message(bob, "honest")
	raw := bytes.Replace(e.JSON(), []byte("honest"), []byte("forged"), 1)
	if o := s.Receive(context.Background(), "far", raw)[0]; o.Err != nil || o.EventID != e.ID() {
		t.Fatal(o)
	}
	row := s.has("the changed event", e, store.StatusRedactedOnArrival, true)
	if bytes.Contains(row.JSON, []byte("forged")) {
		t.Errorf("%s", row.JSON)
	}
}

// wrong builds an event with other auth events than it needs.
func wrong(s *shared, b *branch, sender, body string, authEvents []string) *pdu.Event {
	s.Helper()
	content, _ := json.Marshal(map[string]string{"body": body})
	var key *string
	e, err := pdu.Build(s.rules(), pdu.Proto{Type: "m.room.message", StateKey: key, Sender: sender, RoomID: s.room, Content: content, PrevEvents: b.Tips,
		AuthEvents: authEvents, Depth: 50, OriginServerTS: 1}, signerOf(sender))
	s.ok(err)
	return b.add(e)
}

func TestAnEventThatItsAuthEventsDoNotAllowIsRejected(t *testing.T) {
	s, line := share(t, "12")
	before := line.message(bob, "before")
	s.takes(before)
	mallory := line.Fork()
	join := mallory.Build("m.room.member", ptr("@mallory:evil"), "@mallory:evil", map[string]string{"membership": "join"})
	rejected := wrong(s, line, bob, "rejected", join.AuthEvents())
	s.takes(rejected)
	row := s.has("without the sender's membership", rejected, store.StatusRejected, false)
	if prev, _ := s.row(before); row.State != prev.State {
		t.Errorf("the state after a rejected event is %d, before it %d", row.State, prev.State)
	}
	if prevs := s.next(); !slices.Equal(prevs, ids(before)) {
		t.Error("the next local event follows", prevs)
	}
	// What follows it is judged by the state before it.
	after := line.message(bob, "after")
	s.takes(after)
	s.has("what follows a rejected event", after, 0, true)
	s.consistent()
}

func ptr(s string) *string { return &s }

func signerOf(user string) pdu.Signer { return pdutest.Signer(pdu.ServerOf(user)) }

// A rejected event allows nothing.
func TestWhatARejectedEventAllowsIsRejected(t *testing.T) {
	s, line := share(t, "12")
	out := line.fork()
	// dave may not join: he is banned.
	_, err := s.SetState(context.Background(), s.alice, s.room, "m.room.member", "@dave:far", []byte(`{"membership":"ban"}`))
	s.ok(err)
	line = s.meetAgain(line)
	join := line.member("join", "@dave:far", "@dave:far")
	s.takes(join)
	s.has("the join of who is banned", join, store.StatusRejected, false)
	says := line.message("@dave:far", "hello")
	s.takes(says)
	s.has("what he says then", says, store.StatusRejected, false)
	_ = out
	s.consistent()
}

func TestABannedUserCanNotGoOnInAFork(t *testing.T) {
	s, line := share(t, "12")
	evasion := line.fork()
	s.ok(s.Ban(context.Background(), s.alice, s.room, bob, ""))
	tip := s.events()[len(s.events())-1]
	soft := evasion.message(bob, "still here")
	s.takes(soft)
	s.has("who was banned meanwhile", soft, store.StatusSoftFailed|store.StatusAside, false)
	if prevs := s.next(); !slices.Equal(prevs, ids(tip)) {
		t.Error("the next local event follows", prevs)
	}
	head := s.events()[len(s.events())-1]
	// Somebody else, whose server did not hear of the ban, goes on after it: that is accepted, and what is before is not an extremity any more.
	later := evasion.message(carol, "who is bob?")
	s.takes(later)
	s.has("a descendant of what failed softly", later, store.StatusAside, true)
	if prevs := s.next(); !slices.Equal(prevs, ids(head, later)) {
		t.Error("the next local event follows", prevs)
	}
	if id := s.now("m.room.member", bob); id != tip.ID() {
		t.Error("bob's ban is gone")
	}
	s.consistent()
}

func TestMissingEventsAreFetchedInOrder(t *testing.T) {
	s, line := share(t, "12")
	var missed []*pdu.Event
	for range 120 { // more than one answer has
		missed = append(missed, line.message(bob, "m"))
	}
	missed = append(missed, line.set("m.room.name", "", s.alice.ID, `{"name":"x"}`))
	last := line.message(carol, "last")
	s.takes(last)
	events := s.events()
	events = events[len(events)-len(missed)-1:]
	for i, e := range append(missed, last) {
		if events[i].ID() != e.ID() {
			t.Fatalf("place %d has %s", i, events[i].ID())
		}
		s.has("fetched", e, 0, true)
	}
	if s.far.asked["state_ids"] != 0 {
		t.Error("asked for", s.far.asked)
	}
	s.consistent()
}

func TestWhereEventsStayMissingTheStateIsFetched(t *testing.T) {
	for _, version := range []string{"2", "11", "12"} {
		t.Run(version, func(t *testing.T) {
			s, line := share(t, version)
			name := line.set("m.room.name", "", s.alice.ID, `{"name":"x"}`)
			dave := line.member("join", "@dave:far", "@dave:far")
			lost := line.message(bob, "lost")
			last := line.message("@dave:far", "last")
			s.far.silent["missing"] = true
			s.far.withheld[lost.ID()] = true
			s.takes(last)
			s.has("the event", last, store.StatusAside, true)
			s.has("an event of its state", name, store.StatusOutlier, false)
			s.has("an event of its state", dave, store.StatusOutlier, false)
			if s.now("m.room.name", "") != name.ID() || s.now("m.room.member", "@dave:far") != dave.ID() {
				t.Error("the state did not come")
			}
			s.consistent()
			// When the missing ones come after all they enter the timeline, and nothing else changes.
			s.far.silent["missing"], s.far.withheld[lost.ID()] = false, false
			prevs := s.next()
			head := s.events()[len(s.events())-1]
			s.takes(name, dave, lost)
			for _, e := range []*pdu.Event{name, dave, lost} {
				if row, _ := s.row(e); !row.Placed || row.Status&store.StatusOutlier != 0 {
					t.Error("what came late is not in the timeline:", row.Status)
				}
			}
			if now := s.next(); !slices.Equal(now, ids(head)) || len(prevs) == 0 {
				t.Error("the next local event follows", now)
			}
			s.consistent()
		})
	}
}

// A server that tells a wrong state can't have somebody else's event rejected for good.
func TestAWrongStateRejectsNothingForGood(t *testing.T) {
	s, line := share(t, "12")
	lost, last := line.message(bob, "lost"), line.message(carol, "last")
	s.far.silent["missing"], s.far.withheld[lost.ID()] = true, true
	whole := s.far.before[last.ID()]
	told := maps.Clone(whole)
	delete(told, auth.Key{Type: "m.room.member", StateKey: carol})
	s.far.before[last.ID()] = told
	if o := s.receive(last)[0]; o.Err == nil {
		t.Error("the event was stored")
	}
	if _, ok := s.row(last); ok {
		t.Error("the event is known")
	}
	s.far.before[last.ID()] = whole
	s.takes(last)
	s.has("the event, the right state told", last, 0, true)
	s.consistent()
}

// Where one event of an auth chain can't be had, none that rests upon it is taken, however far from it: neither into the state nor into the store.
func TestAChainWithAMissingLinkIsNotTaken(t *testing.T) {
	s, line := share(t, "12")
	dave := "@dave:far"
	var chain []*pdu.Event
	for _, name := range []string{"A", "B", "C", "D", "E"} {
		chain = append(chain, line.set("m.room.member", dave, dave, `{"membership":"join","displayname":"`+name+`"}`))
	}
	lost, last := line.message(dave, "lost"), line.message(dave, "last")
	s.far.silent["missing"], s.far.withheld[lost.ID()], s.far.withheld[chain[1].ID()] = true, true, true
	if o := s.receive(last)[0]; !errors.Is(o.Err, rooms.ErrLacks) {
		t.Error("the event:", o.Err)
	}
	for i, e := range append(chain[1:], last) {
		if _, known := s.row(e); known {
			t.Error("event", i+1, "is known")
		}
	}
	if id := s.now("m.room.member", dave); id != "" {
		t.Error("in the state stands", id)
	}
	s.consistent()
	s.far.withheld[chain[1].ID()] = false
	s.takes(last)
	if id := s.now("m.room.member", dave); id != chain[4].ID() {
		t.Error("the link was given, and in the state stands", id)
	}
	s.consistent()
}

// A gap in the history on top of one that a restore left is one gap.
func TestAGapAfterARestore(t *testing.T) {
	s, line := share(t, "12")
	s.ok(s.db.Write(context.Background(), func(tx *store.Tx) error { return tx.PutMeta(store.MetaEpoch, 1) }))
	s.reopen()
	head := s.events()[len(s.events())-1]
	before, _ := s.row(head)
	lost, last := line.message(bob, "lost"), line.message(carol, "last")
	s.far.silent["missing"], s.far.withheld[lost.ID()] = true, true
	s.takes(last)
	after, _ := s.row(last)
	s.read(func(r *store.Reader, room store.Room) {
		if from, ok, err := r.GapBelow(room.Ref, after.Ord); err != nil || !ok || from != before.Ord {
			t.Errorf("below %d there is a gap: %t, from %d, the last event had %d", after.Ord, ok, from, before.Ord)
		}
	})
	if n, err := s.Backfill(context.Background(), "far", s.room, after.Ord, raws(lost)); err != nil || n != 1 {
		t.Error(n, err)
	}
	s.consistent()
}

// A local user's membership by another server's event is theirs: they are woken from then on, or no more.
func TestOthersRemoveLocalUsers(t *testing.T) {
	s, line := share(t, "12")
	dave := s.user("dave")
	s.ok(s.Join(context.Background(), dave, s.room, ""))
	line = s.meetAgain(line)
	s.takes(line.set("m.room.power_levels", "", s.alice.ID, `{"users":{"`+bob+`":50}}`))
	s.takes(line.member("leave", dave.ID, bob))
	heard := s.hub.Wakes(int64(dave.Atom))
	if heard == 0 || s.joined(s.room, dave) {
		t.Error("dave was not removed, or not woken")
	}
	s.takes(line.message(bob, "he is gone"))
	if _, err := s.say(dave, s.room, "still here"); err == nil {
		t.Error("dave still writes")
	}
	if s.hub.Wakes(int64(dave.Atom)) != heard {
		t.Error("dave was woken again")
	}
	s.takes(line.member("join", dave.ID, dave.ID)) // as a server that lets him in by a restricted rule sends it
	heard = s.hub.Wakes(int64(dave.Atom))
	s.takes(line.message(bob, "he is back"))
	if s.hub.Wakes(int64(dave.Atom)) == heard || !s.joined(s.room, dave) {
		t.Error("dave is not back, or not woken")
	}
	s.consistent()
}

func TestForksMeet(t *testing.T) {
	for _, version := range []string{"1", "2", "11", "12"} {
		t.Run(version, func(t *testing.T) {
			s, line := share(t, version)
			s.takes(line.set("m.room.power_levels", "", s.alice.ID, `{"users":{"`+bob+`":50`+creatorLevel(version, s.alice.ID)+`}}`))
			left, right := line, line.fork()
			name := left.set("m.room.name", "", bob, `{"name":"left"}`)
			topic := right.set("m.room.topic", "", bob, `{"topic":"right"}`)
			gone := right.member("leave", carol, carol)
			s.takes(name, topic, gone)
			s.has("left", name, 0, true)
			s.has("right", topic, store.StatusAside, true)
			for kind, e := range map[string]*pdu.Event{"m.room.name": name, "m.room.topic": topic} {
				if s.now(kind, "") != e.ID() {
					t.Error(kind, "is not in force")
				}
			}
			if s.now("m.room.member", carol) != gone.ID() {
				t.Error("carol is still there")
			}
			s.consistent()
			s.reopen()
			s.consistent()
			left.merge(right)
			meets := left.message(bob, "both")
			s.takes(meets)
			s.has("what follows both", meets, 0, true)
			if prevs := s.next(); !slices.Equal(prevs, ids(meets)) {
				t.Error("the next local event follows", prevs)
			}
			s.consistent()
		})
	}
}

func creatorLevel(version, user string) string {
	if version == "12" {
		return ""
	}
	return `,"` + user + `":100`
}

func TestALocalEventEndsAFork(t *testing.T) {
	s, line := share(t, "12")
	right := line.fork()
	a, b := line.message(bob, "left"), right.message(carol, "right")
	s.takes(a, b)
	s.reopen()
	if prevs := s.next(); !slices.Equal(prevs, ids(a, b)) {
		t.Error("the next local event follows", prevs)
	}
	one := s.events()[len(s.events())-1]
	if prevs := s.next(); !slices.Equal(prevs, ids(one)) {
		t.Error("and the one after it", prevs)
	}
	s.consistent()
}

func TestTheSameEventManyTimes(t *testing.T) {
	s, line := share(t, "12")
	right := line.fork()
	events := []*pdu.Event{line.message(bob, "left"), right.message(carol, "right")}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			for _, o := range s.receive(events[i%2], events[(i+1)%2]) {
				if o.Err != nil {
					t.Error(o.Err)
				}
			}
		})
	}
	wg.Wait()
	n := 0
	for _, e := range s.events() {
		if e.ID() == events[0].ID() || e.ID() == events[1].ID() {
			n++
		}
	}
	if n != 2 {
		t.Error(n, "events in the timeline")
	}
	s.consistent()
}

func TestLocalEventsWhileOthersCome(t *testing.T) {
	s, line := share(t, "12")
	var theirs []*pdu.Event
	left, right := line, line.fork()
	for i := range 40 {
		theirs = append(theirs, left.message(bob, "left"))
		if i%10 == 0 {
			theirs = append(theirs, right.set("m.room.member", carol, carol, `{"membership":"join","displayname":"`+string(rune('a'+i))+`"}`))
		}
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 20 {
				if _, err := s.say(s.alice, s.room, string(rune('a'+i))+string(rune('a'+n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for _, e := range theirs {
			if o := s.receive(e)[0]; o.Err != nil {
				t.Error(o.Err)
			}
		}
	})
	wg.Wait()
	for _, e := range theirs {
		if row, ok := s.row(e); !ok || !row.Placed {
			t.Error("an event is not in the timeline")
		}
	}
	s.consistent()
}

// An event that somebody else's request brings as an outlier, between being judged and being stored, is judged again.
func TestAnEventThatComesAsAnOutlierMeanwhile(t *testing.T) {
	s, line := share(t, "12")
	side := line.fork()
	follows, aside := line.member("leave", carol, carol), side.member("leave", bob, bob)
	for _, e := range []*pdu.Event{follows, aside} {
		running, hold := make(chan struct{}), make(chan struct{})
		held := s.db.Submit(context.Background(), func(*store.Tx) error {
			close(running)
			<-hold
			return nil
		})
		<-running
		outlier := s.BeginOutlier(s.room, e)
		done := make(chan rooms.Outcome)
		go func() { done <- s.receive(e)[0] }()
		s.WaitQueued(s.room)
		close(hold)
		s.ok(held.Wait())
		s.ok(outlier.Wait())
		if o := <-done; o.Err != nil {
			t.Error(o.Err)
		}
		if row, _ := s.row(e); !row.Placed || row.Status&store.StatusOutlier != 0 {
			t.Errorf("status %d, in the timeline %t", row.Status, row.Placed)
		}
		s.consistent()
	}
}

func TestWhoLeavesElsewhereTypesNoMore(t *testing.T) {
	s, line := share(t, "12")
	var gone stopped
	s.Typing = &gone
	side := line.fork()
	left, refused := line.member("leave", bob, bob), side.member("leave", "@dave:far", "@dave:far")
	s.takes(left, refused)
	if len(gone) != 1 || gone[0] != bob {
		t.Error(gone)
	}
}

// reopen starts the server again on its database, as after a kill.
func (s *shared) reopen() {
	s.Helper()
	config := s.Config
	s.ok(s.db.Close())
	w := open(s.TB, s.path)
	config.People, config.Counts = w.people, push.New(w.db, w.hub) // those of before have the closed database
	w.Service = rooms.New(w.db, w.hub, time.Now, config)
	s.world = w
}

// A room that is forked more than one event can mend is mended by several.
func TestManyForksAreMendedByFew(t *testing.T) {
	for _, version := range []string{"2", "12"} {
		t.Run(version, func(t *testing.T) {
			s, line := share(t, version)
			var forks []*pdu.Event
			for i := range 15 {
				b := line.fork()
				forks = append(forks, b.set("m.room.member", bob, bob, `{"membership":"join","displayname":"`+string(rune('a'+i))+`"}`))
			}
			s.takes(forks...)
			s.consistent()
			if prevs := s.next(); len(prevs) != 10 {
				t.Error("the first event follows", len(prevs))
			}
			s.consistent()
			if prevs := s.next(); len(prevs) != 6 {
				t.Error("the second event follows", len(prevs))
			}
			if prevs := s.next(); len(prevs) != 1 {
				t.Error("the third event follows", len(prevs))
			}
			s.consistent()
			s.reopen()
			if _, err := s.SetState(context.Background(), s.alice, s.room, "m.room.name", "", []byte(`{"name":"x"}`)); err != nil {
				t.Error(err)
			}
			s.consistent()
		})
	}
}
