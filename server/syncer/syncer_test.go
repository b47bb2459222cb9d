package syncer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"beffroi/server/accounts"
	"beffroi/server/e2ee"
	"beffroi/server/ephemeral"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

func want(t testing.TB, what string, got, expected any) {
	t.Helper()
	if !reflect.DeepEqual(got, expected) {
		t.Errorf("%s: got %v, want %v", what, got, expected)
	}
}

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

func TestNewlyJoinedRoomComesWhole(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{Name: "Salon"})
	w.say(alice, room, "before")
	w.data(bob, w.ref(room), store.AtomFullyRead, `{}`)
	since := next(w.sync(bob, ""))
	w.join(room, bob)
	w.say(bob, room, "after")
	res := joined(w.sync(bob, since, filtered(`{"room":{"timeline":{"limit":2}}}`)), room)
	want(t, "messages", bodies(res), []string{"after"})
	want(t, "limited", res.Get("timeline.limited").Bool(), true)
	want(t, "create", keys(res.Get("state.events"))["m.room.create/"].Exists(), true)
	want(t, "own membership is in the timeline", res.Get("timeline.events.0.state_key").Str, bob.ID)
	want(t, "data set before", len(res.Get("account_data.events").Array()), 1)
	res = joined(w.sync(bob, since), room)
	want(t, "shared history", bodies(res), []string{"before", "after"})
	want(t, "membership before the join", res.Get("timeline.events.0.unsigned.membership").Str, "leave")
}

func TestInviteThenJoin(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	since := next(w.sync(bob, ""))
	room := w.create(alice, rooms.CreateRequest{Preset: "private_chat", Name: "Urbanisme", Invite: []string{bob.ID},
		InitialState: []rooms.InitialState{{Type: "m.room.encryption", Content: json.RawMessage(`{"algorithm":"m.megolm.v1.aes-sha2"}`)}}})
	for _, token := range []string{since, ""} {
		res := w.sync(bob, token)
		invite := res.Get("rooms.invite." + esc(room) + ".invite_state.events")
		state := keys(invite)
		for _, k := range []string{"m.room.create/", "m.room.name/", "m.room.join_rules/", "m.room.encryption/", "m.room.member/@bob:hs", "m.room.member/@alice:hs"} {
			want(t, k, state[k].Exists(), true)
		}
		for _, e := range invite.Array() {
			want(t, "stripped event", len(e.Map()), 4)
		}
		want(t, "joined rooms", len(res.Get("rooms.join").Map()), 0)
	}
	since = next(w.sync(bob, since))
	want(t, "the invitation again", len(w.sync(bob, since).Get("rooms.invite").Map()), 0)
	w.state(alice, room, "m.room.topic", "", `{"topic":"for members"}`)
	want(t, "what happens without me", w.sync(bob, since).Get("rooms").Raw, `{"join":{},"invite":{},"knock":{},"leave":{}}`)
	w.join(room, bob)
	res := w.sync(bob, since)
	want(t, "create", keys(joined(res, room).Get("timeline.events"))["m.room.create/"].Exists(), true)
	want(t, "invite", len(res.Get("rooms.invite").Map()), 0)
}

func TestRejectedInviteShowsNothingOfTheRoom(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{Preset: "private_chat", Invite: []string{bob.ID}})
	since := next(w.sync(bob, ""))
	w.say(alice, room, "secret")
	w.leave(room, bob)
	for _, res := range []gjson.Result{w.sync(bob, since), w.sync(bob, "", filtered(`{"room":{"include_leave":true}}`))} {
		left := res.Get("rooms.leave." + esc(room))
		want(t, "events", len(left.Get("timeline.events").Array()), 1)
		want(t, "own leave", left.Get("timeline.events.0.content.membership").Str, "leave")
		want(t, "state", len(left.Get("state.events").Array()), 0)
	}
	want(t, "later", len(w.sync(bob, next(w.sync(bob, since))).Get("rooms.leave").Map()), 0)
}

func TestInvitedBackAndDeclined(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	w.join(room, bob)
	w.leave(room, bob)
	since := next(w.sync(bob, ""))
	w.say(alice, room, "unseen")
	w.ok(w.rooms.Invite(context.Background(), alice, room, bob.ID, "", false))
	w.leave(room, bob)
	left := w.sync(bob, since).Get("rooms.leave." + esc(room))
	want(t, "events", len(left.Get("timeline.events").Array()), 1)
	want(t, "state", len(left.Get("state.events").Array()), 0)
}

func TestLeftRoomEndsWhereOneLeft(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	w.join(room, bob)
	since := next(w.sync(bob, ""))
	w.state(alice, room, "m.room.topic", "", `{"topic":"seen"}`)
	w.say(alice, room, "seen")
	w.leave(room, bob)
	w.say(alice, room, "unseen")
	w.state(alice, room, "m.room.topic", "", `{"topic":"unseen"}`)
	res := w.sync(bob, since).Get("rooms.leave." + esc(room))
	want(t, "messages", bodies(res), []string{"seen"})
	want(t, "limited", res.Get("timeline.limited").Bool(), false)
	want(t, "last", res.Get("timeline.events.@reverse.0.content.membership").Str, "leave")
	res = w.sync(bob, since, filtered(`{"room":{"timeline":{"limit":1}}}`)).Get("rooms.leave." + esc(room))
	want(t, "topic in the gap", keys(res.Get("state.events"))["m.room.topic/"].Get("content.topic").Str, "seen")
	want(t, "without include_leave", len(w.sync(bob, "").Get("rooms.leave").Map()), 0)
	res = w.sync(bob, "", filtered(`{"room":{"include_leave":true,"timeline":{"limit":2}}}`)).Get("rooms.leave." + esc(room))
	want(t, "archive", bodies(res), []string{"seen"})
	want(t, "archive's topic", keys(res.Get("state.events"))["m.room.topic/"].Get("content.topic").Str, "seen")

	w.ok(w.rooms.Forget(context.Background(), bob, room))
	want(t, "forgotten", len(w.sync(bob, "", filtered(`{"room":{"include_leave":true}}`)).Get("rooms.leave").Map()), 0)
	res = w.sync(bob, since).Get("rooms.leave." + esc(room))
	want(t, "another device hears of the leave only", len(res.Get("timeline.events").Array()), 1)
}

func TestBannedAndKicked(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	w.join(room, bob)
	since := next(w.sync(bob, ""))
	w.ok(w.rooms.Kick(context.Background(), alice, room, bob.ID, "out"))
	w.say(alice, room, "between")
	w.state(alice, room, "m.room.topic", "", `{"topic":"between"}`)
	w.ok(w.rooms.Ban(context.Background(), alice, room, bob.ID, "for good"))
	w.say(alice, room, "after")
	res := w.sync(bob, since).Get("rooms.leave." + esc(room))
	want(t, "messages", len(bodies(res)), 0)
	want(t, "last", res.Get("timeline.events.@reverse.0.content.membership").Str, "ban")
	want(t, "the kick", keys(res.Get("state.events"))["m.room.member/@bob:hs"].Get("content.membership").Str, "leave")
	want(t, "what was set between", strings.Contains(res.Raw, "between"), false)
	archive := w.sync(bob, "", filtered(`{"room":{"include_leave":true}}`)).Get("rooms.leave." + esc(room))
	want(t, "archive", strings.Contains(archive.Raw, "between"), false)
	want(t, "archive's state", keys(archive.Get("state.events"))["m.room.create/"].Exists(), true)
}

func TestLeftAndJoinedAgainInOneWindow(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	w.state(alice, room, "m.room.history_visibility", "", `{"history_visibility":"joined"}`)
	w.join(room, bob)
	since := next(w.sync(bob, ""))
	w.say(alice, room, "one")
	w.leave(room, bob)
	w.say(alice, room, "absent")
	w.state(alice, room, "m.room.topic", "", `{"topic":"new"}`)
	w.join(room, bob)
	w.say(alice, room, "two")
	res := joined(w.sync(bob, since), room)
	want(t, "messages after what was hidden", bodies(res), []string{"two"})
	state := keys(res.Get("state.events"))
	want(t, "the whole state", state["m.room.create/"].Exists(), true)
	want(t, "topic that was set in absence", state["m.room.topic/"].Get("content.topic").Str, "new")
	want(t, "limited", res.Get("timeline.limited").Bool(), true)
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

func TestWaitsAndWakesAtOnce(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	w.join(room, bob)
	since := next(w.sync(bob, ""))
	answers := make(chan gjson.Result)
	go func() {
		res, err := w.trySync(bob, since, waiting(time.Minute))
		if err != nil {
			t.Error(err)
		}
		answers <- res
	}()
	for w.hub.Waiting() == 0 {
		time.Sleep(time.Millisecond) // the hub has no other way to tell
	}
	begin := time.Now()
	w.say(alice, room, "wake up")
	res := <-answers
	want(t, "messages", bodies(joined(res, room)), []string{"wake up"})
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("woken after %v", took)
	}
	begin = time.Now()
	w.sync(bob, next(res), waiting(20*time.Millisecond))
	if took := time.Since(begin); took < 20*time.Millisecond {
		t.Errorf("answered without news after %v", took)
	}
	want(t, "waiters left behind", w.hub.Waiting(), 0)
	w.hub.Close()
	w.sync(bob, next(res), waiting(time.Minute)) // the stop answers
}

func TestQuietDevicesCostNoRead(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{})
	since := next(w.sync(alice, ""))
	reads := w.db.Reads()
	for range 3 {
		since = next(w.sync(alice, since))
	}
	want(t, "reads without news", w.db.Reads()-reads, int64(0))
	w.say(alice, room, "x")
	want(t, "then news", bodies(joined(w.sync(alice, since), room)), []string{"x"})
}

func TestKeyCountsAreAlwaysThere(t *testing.T) {
	signedKey := json.RawMessage(`{"key":"AAAA","signatures":{"@alice:hs":{"ed25519:D":"AAAA"}}}`)
	w := start(t)
	alice := w.user("alice")
	since := next(w.sync(alice, ""))
	session := &accounts.Session{User: alice.Atom, UserID: alice.ID, Device: alice.Device, DeviceID: "D"}
	count := func() (int64, string) {
		res := w.sync(alice, since)
		since = next(res)
		return res.Get("device_one_time_keys_count.signed_curve25519").Int(), res.Get("device_unused_fallback_key_types").Raw
	}
	_, err := w.e2ee.Upload(context.Background(), session, &e2ee.KeysUpload{
		OneTimeKeys:  map[string]json.RawMessage{"signed_curve25519:A": signedKey, "signed_curve25519:B": signedKey},
		FallbackKeys: map[string]json.RawMessage{"signed_curve25519:C": signedKey}})
	w.ok(err)
	for range 2 {
		n, fallback := count()
		want(t, "after the upload", fmt.Sprint(n, fallback), `2["signed_curve25519"]`)
	}
	for n := range int64(3) {
		_, err = w.e2ee.Claim(context.Background(), map[string]map[string]string{alice.ID: {"D": "signed_curve25519"}})
		w.ok(err)
		left, fallback := count()
		want(t, "keys left", left, max(1-n, 0))
		want(t, "fallback unused", fallback != "[]", n < 2)
	}
}

func TestToDeviceIsAcknowledgedByTheNextToken(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	since := next(w.sync(alice, ""))
	w.queue(alice, 150)
	first := w.sync(alice, since)
	want(t, "first hundred", len(first.Get("to_device.events").Array()), 100)
	want(t, "the same again", first.Get("to_device").Raw, w.sync(alice, since).Get("to_device").Raw)
	want(t, "nothing deleted", w.queued(alice), int64(150))
	second := w.sync(alice, next(first))
	want(t, "the first ones deleted", w.queued(alice), int64(50))
	want(t, "rest", second.Get("to_device.events.0.n").Int(), int64(100))
	third := w.sync(alice, next(second))
	want(t, "none left", len(third.Get("to_device.events").Array())+int(w.queued(alice)), 0)
	commits := w.db.Syncs()
	w.sync(alice, next(third))
	want(t, "writes without news", w.db.Syncs()-commits, int64(0))
}

func TestAccountDataComesOnce(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{})
	first := w.sync(alice, "")
	rule := `account_data.events.#(type=="m.push_rules").content.global.override.#(rule_id==".m.rule.master").enabled`
	want(t, "push rules of who set none", first.Get(rule).Raw, "false")
	since := next(first)
	w.data(alice, 0, w.atom("fr.mairie"), `{"x":1}`)
	w.data(alice, w.ref(room), store.AtomFullyRead, `{"event_id":"$x"}`)
	res := w.sync(alice, since)
	want(t, "global", res.Get("account_data.events").Raw, `[{"type":"fr.mairie","content":{"x":1}}]`)
	want(t, "room", joined(res, room).Get("account_data.events").Raw, `[{"type":"m.fully_read","content":{"event_id":"$x"}}]`)
	res = w.sync(alice, next(res))
	want(t, "again", len(res.Get("account_data.events").Array())+len(res.Get("rooms.join").Map()), 0)
}

func TestTypingAndReceipts(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	w.join(room, bob)
	said := w.say(alice, room, "x")
	since := next(w.sync(alice, ""))
	w.ok(w.ephemeral.SetTyping(context.Background(), room, bob.Atom, bob.ID, true, time.Minute))
	res := w.sync(alice, since)
	want(t, "typing", joined(res, room).Get("ephemeral.events").Raw, `[{"type":"m.typing","content":{"user_ids":["@bob:hs"]}}]`)
	want(t, "again", len(w.sync(alice, next(res)).Get("rooms.join").Map()), 0)
	for kind, shown := range map[store.Atom]int{store.AtomReceiptReadPrivate: 0, store.AtomReceiptRead: 1} {
		w.ok(w.db.Write(context.Background(), func(tx *store.Tx) error {
			_, err := tx.MoveReceipt(w.ref(room), store.Receipt{User: bob.Atom, Type: kind, EventID: said, Ord: 1})
			return err
		}))
		w.hub.Wake(int64(alice.Atom))
		res = w.sync(alice, next(res))
		want(t, "receipts of bob", len(joined(res, room).Get("ephemeral.events").Array()), shown)
	}
	want(t, "by", joined(w.sync(alice, ""), room).Get("ephemeral.events.#(type==m.receipt).content."+esc(said)+".m\\.read.@bob:hs").Exists(), true)
	w.begin()
	w.ok(w.ephemeral.SetTyping(context.Background(), room, bob.Atom, bob.ID, true, time.Minute))
	want(t, "after a restart", joined(w.sync(alice, next(res)), room).Get("ephemeral.events.0.type").Str, "m.typing")
}

func TestTokensOfAnotherEpochAndOfTheFutureBeginAnew(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	w.join(room, bob)
	w.queue(alice, 1)
	now, err := synctoken.ParseSync(next(w.sync(alice, "")))
	w.ok(err)
	future := synctoken.Sync{Pos: now.Pos + 1_000_000, ToDevice: now.Pos + 1_000_000}
	for _, c := range []struct {
		name, token string
		messages    int
	}{
		{"version", "s9.what", 1},
		{"future", future.String(), 1},
		{"epoch", synctoken.Sync{Epoch: 7, Pos: 1, ToDevice: now.ToDevice}.String(), 0},
	} {
		res := w.sync(alice, c.token, waiting(time.Minute))
		want(t, c.name+": state", joined(res, room).Get("timeline.events.0.type").Str, "m.room.create")
		want(t, c.name+": device lists", res.Get("device_lists.changed").Raw, `["@alice:hs","@bob:hs"]`)
		want(t, c.name+": to-device", len(res.Get("to_device.events").Array()), c.messages)
	}
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

func TestIgnoredUsers(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	w.join(room, bob)
	w.state(alice, room, "m.room.power_levels", "", `{"users":{"@bob:hs":50}}`)
	w.data(alice, 0, w.atom("m.ignored_user_list"), `{"ignored_users":{"@bob:hs":{},"@alice:hs":{},"@unknown:hs":{}}}`)
	since := next(w.sync(alice, ""))
	w.say(bob, room, "ignored")
	w.say(alice, room, "mine")
	w.state(bob, room, "m.room.topic", "", `{"topic":"shown"}`)
	invitation := w.create(bob, rooms.CreateRequest{Invite: []string{alice.ID}})
	res := w.sync(alice, since)
	want(t, "messages", bodies(joined(res, room)), []string{"mine"})
	want(t, "limited", joined(res, room).Get("timeline.limited").Bool(), false)
	want(t, "state", keys(joined(res, room).Get("timeline.events"))["m.room.topic/"].Exists(), true)
	want(t, "invitation", res.Get("rooms.invite."+esc(invitation)).Exists(), false)
	w.data(alice, 0, w.atom("m.ignored_user_list"), `{"ignored_users":{}}`)
	want(t, "no longer ignored", bodies(joined(w.sync(alice, since), room)), []string{"ignored", "mine"})
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

func TestUnread(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	w.join(room, bob)
	res := w.sync(alice, "")
	unread := func() string { return joined(res, room).Get("unread_notifications").Raw }
	want(t, "nothing said", unread(), `{"highlight_count":0,"notification_count":0}`)
	said := w.say(bob, room, "x")
	res = w.sync(alice, next(res))
	want(t, "one message", unread(), `{"highlight_count":0,"notification_count":1}`)
	w.ok(w.ephemeral.Mark(context.Background(), room, alice.Atom, ephemeral.Marker{Type: "m.read.private", EventID: said}))
	res = w.sync(alice, next(res), filtered(`{"room":{"ephemeral":{"types":[]}}}`))
	want(t, "read, even where receipts are not shown", unread(), `{"highlight_count":0,"notification_count":0}`)
	root := w.say(bob, room, "root")
	_, err := w.rooms.Send(context.Background(), bob, room, "m.room.message", "thread",
		fmt.Appendf(nil, `{"msgtype":"m.text","body":"y","m.relates_to":{"rel_type":"m.thread","event_id":%q}}`, root))
	w.ok(err)
	res = w.sync(alice, next(res), filtered(`{"room":{"timeline":{"unread_thread_notifications":true}}}`))
	want(t, "main timeline", unread(), `{"highlight_count":0,"notification_count":1}`)
	want(t, "thread", joined(res, room).Get("unread_thread_notifications."+esc(root)).Raw, `{"highlight_count":0,"notification_count":1}`)
}
