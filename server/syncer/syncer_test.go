package syncer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

func TestInitialSyncGivesTheStateBeforeTheTimeline(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{Name: "Mairie"})
	w.join(room, bob)
	w.state(alice, room, "m.room.topic", "", `{"topic":"one"}`)
	for i := range 3 {
		w.say(bob, room, fmt.Sprint(i))
	}
	w.state(alice, room, "m.room.topic", "", `{"topic":"two"}`)
	res := joined(w.sync(alice, "", filtered(`{"room":{"timeline":{"limit":3}}}`)), room)
	want(t, "messages", bodies(res), []string{"1", "2"})
	want(t, "limited", res.Get("timeline.limited").Bool(), true)
	state := keys(res.Get("state.events"))
	want(t, "topic before", state["m.room.topic/"].Get("content.topic").Str, "one")
	want(t, "name", state["m.room.name/"].Get("content.name").Str, "Mairie")
	want(t, "members", state["m.room.member/@bob:hs"].Exists() && state["m.room.member/@alice:hs"].Exists(), true)
	want(t, "create", state["m.room.create/"].Get("room_id").Exists(), false)
	last := res.Get("timeline.events.2")
	want(t, "previous topic", last.Get("unsigned.prev_content.topic").Str, "one")
	want(t, "membership", last.Get("unsigned.membership").Str, "join")
	want(t, "counts", res.Get("summary.m\\.joined_member_count").Int(), int64(2))
	want(t, "heroes of a room with a name", res.Get("summary.m\\.heroes").Exists(), false)
	after := joined(w.sync(alice, "", stateAfter), room)
	want(t, "state", after.Get("state").Exists(), false)
	want(t, "topic after", keys(after.Get("state_after.events"))["m.room.topic/"].Get("content.topic").Str, "two")
}

func TestNothingIsNull(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	res := w.sync(alice, "")
	w.say(alice, room, "hello")
	res2 := w.sync(alice, next(res))
	w.create(bob, rooms.CreateRequest{Invite: []string{alice.ID}})
	w.leave(room, alice)
	res3 := w.sync(alice, next(res2))
	for _, r := range []gjson.Result{res, res2, res3, w.sync(alice, next(res3))} {
		if strings.Contains(r.Raw, "null") {
			t.Errorf("null in %s", r.Raw)
		}
	}
	want(t, "sections of the third", res3.Get("rooms.leave").Exists() && len(res3.Get("rooms.invite").Map()) == 1, true)
}

func TestGapHasTheChangesAndLeadsToTheMissingEvents(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	w.state(alice, room, "m.room.topic", "", `{"topic":"before"}`)
	since := next(w.sync(alice, ""))
	w.join(room, bob)
	w.state(alice, room, "m.room.topic", "", `{"topic":"in the gap"}`)
	w.state(alice, room, "m.room.name", "", `{"name":"in the gap"}`)
	for i := range 5 {
		w.say(alice, room, fmt.Sprint(i))
	}
	w.state(alice, room, "m.room.topic", "", `{"topic":"in the timeline"}`)
	res := joined(w.sync(alice, since, filtered(`{"room":{"timeline":{"limit":3},"state":{"lazy_load_members":true}}}`)), room)
	want(t, "messages", bodies(res), []string{"3", "4"})
	want(t, "limited", res.Get("timeline.limited").Bool(), true)
	state := keys(res.Get("state.events"))
	want(t, "topic", state["m.room.topic/"].Get("content.topic").Str, "in the gap")
	want(t, "name", state["m.room.name/"].Get("content.name").Str, "in the gap")
	want(t, "bob", state["m.room.member/@bob:hs"].Exists(), true)
	want(t, "nothing that did not change", state["m.room.create/"].Exists(), false)
	want(t, "counts", res.Get("summary.m\\.joined_member_count").Int(), int64(2))

	prev, err := synctoken.ParsePlace(res.Get("timeline.prev_batch").Str)
	w.ok(err)
	var missing []string
	w.ok(w.db.Read(context.Background(), func(r *store.Reader) error {
		events, err := r.EventsBackward(w.ref(room), prev.Ord, store.OrdMin, 4)
		for _, e := range events {
			missing = append(missing, gjson.GetBytes(e.JSON, "content.body").Str)
		}
		return err
	}))
	want(t, "events before prev_batch", missing, []string{"2", "1", "0", ""})
}

func TestIncrementalSyncShowsEachEventOnce(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{})
	since := next(w.sync(alice, ""))
	var seen []string
	for i := range 10 {
		w.say(alice, room, fmt.Sprint(i))
		if i%3 == 0 {
			res := w.sync(alice, since)
			seen, since = append(seen, bodies(joined(res, room))...), next(res)
			want(t, "limited", joined(res, room).Get("timeline.limited").Bool(), false)
			want(t, "state", len(joined(res, room).Get("state.events").Array()), 0)
		}
	}
	want(t, "messages", seen, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"})
	res := w.sync(alice, since)
	want(t, "rooms in an answer without news", len(res.Get("rooms.join").Map()), 0)
	want(t, "next_batch of an answer without news", next(w.sync(alice, next(res))), next(res))
}

func TestLazyMembers(t *testing.T) {
	w := start(t)
	alice, bob, carol := w.user("alice"), w.user("bob"), w.user("carol")
	room := w.create(alice, rooms.CreateRequest{Name: "x"})
	w.join(room, bob, carol)
	for i := range 5 {
		w.say(bob, room, fmt.Sprint(i))
	}
	const lazy = `{"room":{"timeline":{"limit":2},"state":{"lazy_load_members":true}}}`
	has := func(res gjson.Result) (names []string) {
		state := keys(joined(res, room).Get("state.events"))
		for _, u := range []rooms.User{alice, bob, carol} {
			if state["m.room.member/"+u.ID].Exists() {
				names = append(names, u.ID)
			}
		}
		return names
	}
	first := w.sync(alice, "", filtered(lazy))
	want(t, "initial", has(first), []string{alice.ID, bob.ID})
	w.say(carol, room, "hello")
	w.say(bob, room, "hello")
	second := w.sync(alice, next(first), filtered(lazy))
	want(t, "whom the client does not know", has(second), []string{carol.ID})
	want(t, "the same answer again, for it may have been lost", has(w.sync(alice, next(first), filtered(lazy))), []string{carol.ID})
	w.say(carol, room, "hello")
	want(t, "known by now", len(has(w.sync(alice, next(second), filtered(lazy)))), 0)
	redundant := `{"room":{"state":{"lazy_load_members":true,"include_redundant_members":true}}}`
	want(t, "redundant", has(w.sync(alice, next(second), filtered(redundant))), []string{carol.ID})
	want(t, "another device", has(w.sync(alice, next(second), filtered(lazy), device(99))), []string{carol.ID})
}

func TestFilters(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room, other := w.create(alice, rooms.CreateRequest{Name: "x"}), w.create(alice, rooms.CreateRequest{})
	w.join(room, bob)
	since := next(w.sync(alice, ""))
	w.say(alice, room, "mine")
	w.say(bob, room, "bob's")
	w.state(alice, room, "fr.mairie.état", "", `{}`)
	w.say(alice, other, "other")
	show := func(filter string) gjson.Result { return w.sync(alice, since, filtered(filter)) }
	res := joined(show(`{"room":{"timeline":{"types":["m.room.m*"],"not_senders":["@bob:hs"]}}}`), room)
	want(t, "types and senders", bodies(res), []string{"mine"})
	want(t, "state that the timeline's filter hides", keys(res.Get("state.events"))["fr.mairie.état/"].Exists(), true)
	res = show(`{"room":{"not_rooms":["` + other + `"]}}`)
	want(t, "rooms", len(res.Get("rooms.join").Map()), 1)
	res = joined(show(`{"room":{"timeline":{"rooms":[]},"state":{"types":["m.room.*"]}}}`), room)
	want(t, "no timeline", res.Exists(), false)
	res = joined(show(`{"room":{"timeline":{"limit":1,"types":["m.room.message"]}}}`), room)
	want(t, "limit after the filter", bodies(res), []string{"bob's"})
	want(t, "limited", res.Get("timeline.limited").Bool(), true)
	res = joined(show(`{"room":{"timeline":{"limit":0}}}`), room)
	want(t, "limit 0", res.Get("timeline.limited").Bool() && len(res.Get("timeline.events").Array()) == 0, true)
}

func TestFullState(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{Name: "x"})
	since := next(w.sync(alice, ""))
	res := joined(w.sync(alice, since, fullState, waiting(time.Minute)), room)
	want(t, "name", keys(res.Get("state.events"))["m.room.name/"].Exists(), true)
	want(t, "timeline", len(res.Get("timeline.events").Array()), 0)
}

func TestHeroes(t *testing.T) {
	w := start(t)
	alice, bob, carol := w.user("alice"), w.user("bob"), w.user("carol")
	room := w.create(alice, rooms.CreateRequest{Invite: []string{carol.ID}})
	w.join(room, bob)
	heroes := func(res gjson.Result) string { return joined(res, room).Get("summary.m\\.heroes").Raw }
	first := w.sync(alice, "", filtered(`{"room":{"timeline":{"limit":1},"state":{"lazy_load_members":true}}}`))
	want(t, "heroes", heroes(first), `["@carol:hs","@bob:hs"]`)
	want(t, "their memberships", keys(joined(first, room).Get("state.events"))["m.room.member/@carol:hs"].Exists(), true)
	want(t, "invited", joined(first, room).Get("summary.m\\.invited_member_count").Int(), int64(1))
	w.say(alice, room, "x")
	second := w.sync(alice, next(first))
	want(t, "nothing changed", joined(second, room).Get("summary").Raw, "{}")
	w.leave(room, bob)
	w.leave(room, carol)
	want(t, "nobody left", heroes(w.sync(alice, next(second))), `["@bob:hs","@carol:hs"]`)
}

func TestLargeRoomsCostAFewReads(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	const n = 10
	for range n {
		room := w.create(alice, rooms.CreateRequest{Name: "x"})
		for i := range 40 {
			w.say(alice, room, fmt.Sprint(i))
		}
	}
	reads := w.db.Reads()
	since := next(w.sync(alice, "", filtered(`{"room":{"state":{"lazy_load_members":true}}}`)))
	initial := w.db.Reads() - reads
	room := w.create(alice, rooms.CreateRequest{})
	since = next(w.sync(alice, since))
	w.say(alice, room, "x")
	reads = w.db.Reads()
	w.sync(alice, since)
	incremental := w.db.Reads() - reads
	t.Logf("initial sync of %d rooms: %d statements; one message: %d", n, initial, incremental)
	if initial > 20+20*n || incremental > 30 {
		t.Errorf("initial sync of %d rooms: %d statements; one message: %d", n, initial, incremental)
	}
}
