package server_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"beffroi/server/config"
	"beffroi/server/servertest"
)

func upgrade(u *servertest.User, room, version string, creators ...string) string {
	var next struct {
		Room string `json:"replacement_room"`
	}
	body := object{"new_version": version}
	if creators != nil {
		body["additional_creators"] = creators
	}
	u.Must("POST", roomPath(room)+"/upgrade", body, &next)
	return next.Room
}

func sub(content object, key string) object {
	m, _ := content[key].(map[string]any)
	return m
}

// oldRoom is a published room with an alias and much to take over, with alice in it as its creator and bob at 50.
func oldRoom(alice, bob, banned *servertest.User, version string) string {
	room := alice.CreateRoom(object{"preset": "public_chat", "visibility": "public", "room_version": version, "name": "Voirie", "topic": "Travaux",
		"room_alias_name": "voirie", "creation_content": object{"m.federate": false, "type": "m.space"},
		"initial_state": []object{
			{"type": "m.room.encryption", "content": object{"algorithm": "m.megolm.v1.aes-sha2"}},
			{"type": "m.room.server_acl", "content": object{"allow": []string{"*"}}},
			{"type": "m.room.guest_access", "content": object{"guest_access": "can_join"}},
			{"type": "m.room.avatar", "content": object{"url": "mxc://x/y"}},
			{"type": "m.space.child", "state_key": "!child:x", "content": object{"via": []string{"x"}}},
			{"type": "fr.mairie.own", "content": object{"x": 1}},
		}})
	bob.Join(room)
	levels := state(alice, room, "m.room.power_levels")
	sub(levels, "users")[bob.UserID] = 50
	alice.Must("PUT", roomPath(room)+"/state/m.room.power_levels", levels, nil)
	alice.Must("POST", roomPath(room)+"/ban", object{"user_id": banned.UserID, "reason": "spam"}, nil)
	return room
}

func TestUpgrades(t *testing.T) {
	for _, c := range []struct{ from, to string }{{"11", "12"}, {"12", "12"}, {"6", "12"}, {"10", "11"}, {"12", "11"}, {"1", "9"}} {
		t.Run(c.from+" to "+c.to, func(t *testing.T) {
			s := servertest.Start(t)
			alice, bob, carol := s.Register(t, "alice"), s.Register(t, "bob"), s.Register(t, "carol")
			room := oldRoom(alice, bob, carol, c.from)
			next := upgrade(alice, room, c.to, bob.UserID)

			create := state(alice, next, "m.room.create")
			if create["room_version"] != c.to || create["type"] != "m.space" || create["m.federate"] != false ||
				sub(create, "predecessor")["room_id"] != room || sub(create, "predecessor")["event_id"] == nil {
				t.Errorf("create event %v", create)
			}
			want := []any{"@_commune:" + s.ServerName, bob.UserID}
			if c.to != "12" {
				want = nil
			}
			if got, _ := create["additional_creators"].([]any); !slices.Equal(got, want) {
				t.Errorf("additional creators %v, want %v", got, want)
			}
			for _, eventType := range []string{"m.room.name", "m.room.topic", "m.room.avatar", "m.room.encryption", "m.room.server_acl", "m.room.join_rules",
				"m.room.history_visibility", "m.room.guest_access", "m.space.child/!child:x"} {
				old, now := state(alice, room, eventType), state(alice, next, eventType)
				if fmt.Sprint(old) != fmt.Sprint(now) {
					t.Errorf("%s is %v, was %v", eventType, now, old)
				}
			}
			alice.MustFail(404, "M_NOT_FOUND", "GET", roomPath(next)+"/state/fr.mairie.own", nil)
			alias := "#voirie:" + s.ServerName
			if got := resolved(alice, alias); got != next {
				t.Errorf("the alias points to %s", got)
			}
			if got := state(alice, next, "m.room.canonical_alias")["alias"]; got != alias {
				t.Errorf("the canonical alias is %v", got)
			}
			if got := state(alice, room, "m.room.canonical_alias"); len(got) != 0 {
				t.Errorf("the old room is named %v", got)
			}
			if got := public(alice, object{}); len(got.Chunk) != 1 || got.Chunk[0].RoomID != next {
				t.Errorf("the directory has %+v", got)
			}
			if got := state(bob, room, "m.room.tombstone")["replacement_room"]; got != next {
				t.Errorf("the tombstone names %v", got)
			}
			closed := state(bob, room, "m.room.power_levels")
			if closed["events_default"] != 50.0 || closed["invite"] != 50.0 {
				t.Errorf("the old room has %v", closed)
			}
			carol.MustFail(403, "M_FORBIDDEN", "POST", joinPath(next), object{})
			upgradedLevels(t, alice, bob, next, c.from, c.to)
			bob.Join(next)
			bob.Must("PUT", roomPath(next)+"/state/m.room.name", object{"name": "Espaces verts"}, nil)
		})
	}
}

func upgradedLevels(t *testing.T, alice, bob *servertest.User, room, from, to string) {
	t.Helper()
	levels := state(alice, room, "m.room.power_levels")
	users, tombstone := sub(levels, "users"), sub(levels, "events")["m.room.tombstone"]
	switch {
	case to == "12" && (users[alice.UserID] != nil || users[bob.UserID] != nil || tombstone != 150.0):
		t.Errorf("with creators: %v", levels)
	case to != "12" && from != "12" && (users[alice.UserID] != 100.0 || users[bob.UserID] != 50.0):
		t.Errorf("without creators: %v", levels)
	case to != "12" && from == "12" && (users[alice.UserID] != 150.0 || users[bob.UserID] != 50.0):
		t.Errorf("without creators any more: %v", levels)
	}
}

// Who may set a tombstone with less power than the room's other state needs can upgrade it all the same, and has no more power afterwards.
func TestUpgradeByAModerator(t *testing.T) {
	s := servertest.Start(t)
	alice, bob, carol := s.Register(t, "alice"), s.Register(t, "bob"), s.Register(t, "carol")
	room := oldRoom(alice, bob, carol, "11")
	bob.MustFail(403, "M_FORBIDDEN", "POST", roomPath(room)+"/upgrade", object{"new_version": "11"})
	levels := state(alice, room, "m.room.power_levels")
	sub(levels, "events")["m.room.tombstone"] = 50
	sub(levels, "events")["m.room.canonical_alias"] = 100
	alice.Must("PUT", roomPath(room)+"/state/m.room.power_levels", levels, nil)
	next := upgrade(bob, room, "11")
	if got := sub(state(bob, next, "m.room.power_levels"), "users")[bob.UserID]; got != 50.0 {
		t.Errorf("bob has %v", got)
	}
	if got := state(bob, next, "m.room.encryption"); len(got) == 0 {
		t.Error("the new room is not encrypted")
	}
	carol.MustFail(403, "M_FORBIDDEN", "POST", joinPath(next), object{})
	if got := state(alice, room, "m.room.canonical_alias"); len(got) == 0 {
		t.Error("who may not change the name did so")
	}
}

func TestUpgradesThatAreRefused(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat", "room_alias_name": "x"})
	path := roomPath(room) + "/upgrade"
	for _, body := range []object{{"new_version": "99"}, {"new_version": "x"}} {
		alice.MustFail(400, "M_UNSUPPORTED_ROOM_VERSION", "POST", path, body)
	}
	alice.MustFail(400, "M_MISSING_PARAM", "POST", path, object{})
	alice.MustFail(400, "M_BAD_JSON", "POST", path, object{"new_version": 12})
	alice.MustFail(400, "M_INVALID_PARAM", "POST", path, object{"new_version": "12", "additional_creators": []string{"bob"}})
	bob.MustFail(403, "M_FORBIDDEN", "POST", path, object{"new_version": "12"})
	bob.Join(room)
	bob.MustFail(403, "M_FORBIDDEN", "POST", path, object{"new_version": "12"})
	alice.MustFail(403, "M_FORBIDDEN", "POST", roomPath("!none:"+s.ServerName)+"/upgrade", object{"new_version": "12"})
	alice.MustFail(404, "M_NOT_FOUND", "GET", roomPath(room)+"/state/m.room.tombstone", nil)
	if got := resolved(alice, "#x:"+s.ServerName); got != room || len(joinedRooms(alice)) != 1 {
		t.Error("a refused upgrade had an effect")
	}
	upgrade(alice, room, "12")
	alice.MustFail(403, "M_FORBIDDEN", "POST", path, object{"new_version": "12"}) // it was replaced
}

// The custodian goes along where it was, and nowhere else.
func TestUpgradesOfConversations(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "trusted_private_chat", "is_direct": true, "invite": []string{bob.UserID}})
	bob.Join(room)
	bob.Must("PUT", clientV3+"/user/"+bob.UserID+"/rooms/"+url.PathEscape(room)+"/tags/m.favourite", object{"order": 0.5}, nil)
	bob.Must("PUT", clientV3+"/pushrules/global/room/"+url.PathEscape(room), object{"actions": []string{}}, nil)
	bob.Must("PUT", clientV3+"/pushrules/global/override/"+url.PathEscape(room), object{"actions": []string{},
		"conditions": []object{{"kind": "event_match", "key": "room_id", "pattern": room}}}, nil)
	bob.Must("PUT", clientV3+"/user/"+bob.UserID+"/account_data/m.direct", object{alice.UserID: []string{room}, "x": 5}, nil)
	next := upgrade(alice, room, "12")
	if create := state(alice, next, "m.room.create"); create["additional_creators"] != nil {
		t.Errorf("create event %v", create)
	}
	bob.MustFail(403, "M_FORBIDDEN", "POST", joinPath(next), object{})
	alice.Invite(next, bob)
	bob.Join(next)

	tags, rule, muted, direct := object{}, object{}, object{}, object{}
	bob.Must("GET", clientV3+"/user/"+bob.UserID+"/rooms/"+url.PathEscape(next)+"/tags", nil, &tags)
	bob.Must("GET", clientV3+"/pushrules/global/room/"+url.PathEscape(next), nil, &rule)
	bob.Must("GET", clientV3+"/pushrules/global/override/"+url.PathEscape(next), nil, &muted)
	bob.Must("GET", clientV3+"/user/"+bob.UserID+"/account_data/m.direct", nil, &direct)
	if sub(sub(tags, "tags"), "m.favourite")["order"] != 0.5 {
		t.Errorf("tags %v", tags)
	}
	if condition := muted["conditions"].([]any)[0].(map[string]any); condition["pattern"] != next || rule["enabled"] != true {
		t.Errorf("rules %v and %v", rule, muted)
	}
	if list, _ := direct[alice.UserID].([]any); len(list) != 2 || list[1] != next || direct["x"] != 5.0 {
		t.Errorf("direct conversations %v", direct)
	}
}

// Who upgrades by hand makes the new room first and tells the old one afterwards: everybody's settings follow then, and what they set up in the new room
// stays.
func TestSettingsFollowWhereARoomIsReplacedByHand(t *testing.T) {
	s := servertest.Start(t)
	alice, bob, carol := s.Register(t, "alice"), s.Register(t, "bob"), s.Register(t, "carol")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	next := alice.CreateRoom(object{"preset": "public_chat", "creation_content": object{"predecessor": object{"room_id": room}}})
	rulePath := func(room string) string { return clientV3 + "/pushrules/global/room/" + url.PathEscape(room) }
	tagsPath := func(u *servertest.User, room string) string {
		return clientV3 + "/user/" + u.UserID + "/rooms/" + url.PathEscape(room) + "/tags"
	}
	for _, u := range []*servertest.User{alice, bob, carol} {
		if u != alice {
			u.Join(room)
		}
		u.Must("PUT", rulePath(room), object{"actions": []string{}}, nil)
		u.Must("PUT", tagsPath(u, room)+"/m.favourite", object{"order": 0.5}, nil)
	}
	bob.Join(next)
	bob.Must("PUT", rulePath(next), object{"actions": []string{"notify"}}, nil)
	bob.Must("PUT", tagsPath(bob, next)+"/m.lowpriority", object{}, nil)
	alice.MustFail(404, "M_NOT_FOUND", "GET", rulePath(next), nil)
	for _, other := range []any{nil, "!none:" + s.ServerName, 5} {
		alice.Must("PUT", roomPath(room)+"/state/m.room.tombstone", object{"body": "x", "replacement_room": other}, nil)
	}
	alice.MustFail(404, "M_NOT_FOUND", "GET", rulePath(next), nil)
	alice.Must("PUT", roomPath(room)+"/state/m.room.tombstone", object{"body": "x", "replacement_room": next}, nil)
	carol.MustFail(404, "M_NOT_FOUND", "GET", rulePath(next), nil)
	carol.Join(next)
	for u, want := range map[*servertest.User]struct {
		actions int
		tag     string
	}{alice: {0, "m.favourite"}, bob: {1, "m.lowpriority"}, carol: {0, "m.favourite"}} {
		var rule struct{ Actions []any }
		var tags struct{ Tags map[string]any }
		u.Must("GET", rulePath(next), nil, &rule)
		u.Must("GET", tagsPath(u, next), nil, &tags)
		if len(rule.Actions) != want.actions || len(tags.Tags) != 1 || tags.Tags[want.tag] == nil {
			t.Errorf("%s: %v, %v", u.UserID, rule.Actions, tags.Tags)
		}
	}
}

func TestUpgradeWithoutCustodian(t *testing.T) {
	s := servertest.Start(t, func(c *config.Config) { c.Rooms.Custodian = "" })
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{})
	if create := state(alice, upgrade(alice, room, "12"), "m.room.create"); create["additional_creators"] != nil {
		t.Errorf("create event %v", create)
	}
}
