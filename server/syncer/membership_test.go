package syncer_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"beffroi/server/rooms"
	"beffroi/server/store"
)

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
	other := w.create(w.user("carol"), rooms.CreateRequest{PowerLevelOverride: map[string]any{"invite": 0}})
	w.join(other, alice, bob)
	since2 := next(w.sync(alice, since))
	w.leave(other, alice)
	w.ok(w.rooms.Invite(context.Background(), bob, other, alice.ID, "", false))
	res = w.sync(alice, since2)
	want(t, "left and invited again by somebody ignored", res.Get("rooms.leave."+esc(other)).Exists() && len(res.Get("rooms.invite").Map()) == 0, true)
	w.data(alice, 0, w.atom("m.ignored_user_list"), `{"ignored_users":{}}`)
	want(t, "no longer ignored", bodies(joined(w.sync(alice, since), room)), []string{"ignored", "mine"})
}

// Who wants no invitations hears of none, also of those from before; and of those that stand when they want them again.
func TestBlockedInvitations(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	before := w.create(bob, rooms.CreateRequest{Invite: []string{alice.ID}})
	since := next(w.sync(alice, ""))
	w.data(alice, 0, w.atom("m.invite_permission_config"), `{"default_action":"block"}`)
	w.create(bob, rooms.CreateRequest{Invite: []string{alice.ID}}) // as if it came from another server
	want(t, "invitations", len(w.sync(alice, since).Get("rooms.invite").Map()), 0)
	want(t, "invitations at first", len(w.sync(alice, "").Get("rooms.invite").Map()), 0)
	const window = `{"lists":{"a":{"ranges":[[0,9]],"timeline_limit":1,"required_state":[]}}}`
	want(t, "rooms of sliding sync", len(w.slide(alice, "", window).Get("rooms").Map()), 0)
	for _, other := range []string{`{"default_action":"allow"}`, `{"default_action":7}`, `{}`} {
		w.data(alice, 0, w.atom("m.invite_permission_config"), other)
		res := w.sync(alice, "").Get("rooms.invite")
		want(t, "rooms of sliding sync with "+other, len(w.slide(alice, "", window).Get("rooms").Map()), 2)
		want(t, "invitations with "+other, len(res.Map()) == 2 && res.Get(esc(before)).Exists(), true)
	}
}
