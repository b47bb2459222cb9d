package server_test

import (
	"net/url"
	"testing"

	"beffroi/server/servertest"
)

func knockPath(id string) string { return clientV3 + "/knock/" + url.PathEscape(id) }

func joinPath(id string) string { return clientV3 + "/join/" + url.PathEscape(id) }

func joinRule(rule string, allow ...string) object {
	content := object{"join_rule": rule}
	var list []object
	for _, room := range allow {
		list = append(list, object{"type": "m.room_membership", "room_id": room})
	}
	if list != nil {
		content["allow"] = list
	}
	return content
}

func withJoinRule(content object) object {
	return object{"preset": "private_chat", "initial_state": []object{{"type": "m.room.join_rules", "content": content}}}
}

func TestKnocking(t *testing.T) {
	s := servertest.Start(t)
	alice, bob, carol := s.Register(t, "alice"), s.Register(t, "bob"), s.Register(t, "carol")
	options := withJoinRule(joinRule("knock"))
	options["room_alias_name"], options["name"] = "conseil", "Conseil"
	room := alice.CreateRoom(options)
	since := alice.Sync("", "").NextBatch

	bob.MustFail(404, "M_NOT_FOUND", "POST", knockPath("#none:"+s.ServerName), object{})
	bob.MustFail(400, "M_INVALID_PARAM", "POST", knockPath("conseil"), object{})
	bob.MustFail(403, "M_FORBIDDEN", "POST", knockPath("!none:"+s.ServerName), object{})
	bob.MustFail(403, "M_FORBIDDEN", "POST", joinPath(room), object{})
	var knocked struct {
		RoomID string `json:"room_id"`
	}
	bob.Must("POST", knockPath("#conseil:"+s.ServerName), object{"reason": "Je suis élu"}, &knocked)
	if knocked.RoomID != room {
		t.Errorf("knocked on %s", knocked.RoomID)
	}
	bob.Must("POST", knockPath(room), object{}, nil) // again: nothing changes
	if got := state(alice, room, "m.room.member/"+url.PathEscape(bob.UserID)); got["membership"] != "knock" || got["reason"] != "Je suis élu" {
		t.Errorf("the knock is %v", got)
	}
	if joined := alice.Sync(since, "").Rooms.Join; len(joined) != 1 {
		t.Errorf("the room was not told: %v", joined)
	}
	if knocks := bob.Sync("", "").Rooms.Knock; len(knocks) != 1 {
		t.Errorf("sync shows %v", knocks)
	}
	bob.MustFail(403, "M_FORBIDDEN", "POST", joinPath(room), object{})
	alice.Invite(room, bob)
	bob.MustFail(403, "M_FORBIDDEN", "POST", knockPath(room), object{})
	bob.Join(room)
	bob.MustFail(403, "M_FORBIDDEN", "POST", knockPath(room), object{})

	carol.Must("POST", knockPath(room), object{}, nil)
	carol.MustFail(400, "M_UNKNOWN", "POST", roomPath(room)+"/forget", object{})
	carol.Must("POST", roomPath(room)+"/leave", object{}, nil) // taken back
	carol.Must("POST", knockPath(room), object{}, nil)
	alice.Must("POST", roomPath(room)+"/kick", object{"user_id": carol.UserID}, nil) // denied
	alice.Must("POST", roomPath(room)+"/ban", object{"user_id": carol.UserID}, nil)
	carol.MustFail(403, "M_FORBIDDEN", "POST", knockPath(room), object{})
	carol.MustFail(403, "M_FORBIDDEN", "POST", knockPath(alice.CreateRoom(object{})), object{})
}

func TestRestrictedRooms(t *testing.T) {
	s := servertest.Start(t)
	alice, bob, carol := s.Register(t, "alice"), s.Register(t, "bob"), s.Register(t, "carol")
	staff := alice.CreateRoom(object{"preset": "private_chat"})
	room := alice.CreateRoom(withJoinRule(joinRule("restricted", "!none:"+s.ServerName, staff)))
	both := alice.CreateRoom(withJoinRule(joinRule("knock_restricted", staff)))
	alice.Invite(staff, bob)
	for _, id := range []string{room, both} {
		bob.MustFail(403, "M_FORBIDDEN", "POST", joinPath(id), object{}) // invited to the staff is not in it
	}
	bob.Join(staff)
	bob.MustFail(403, "M_FORBIDDEN", "PUT", roomPath(room)+"/state/m.room.member/"+url.PathEscape(bob.UserID),
		object{"membership": "join", "join_authorised_via_users_server": alice.UserID}) // nobody lets himself in
	carol.MustFail(403, "M_FORBIDDEN", "PUT", roomPath(room)+"/state/m.room.member/"+url.PathEscape(carol.UserID),
		object{"membership": "join", "join_authorised_via_users_server": alice.UserID})
	for _, id := range []string{room, both} {
		bob.Join(id)
		content := state(alice, id, "m.room.member/"+url.PathEscape(bob.UserID))
		if content["membership"] != "join" || content["join_authorised_via_users_server"] == nil {
			t.Errorf("the join is %v", content)
		}
		carol.MustFail(403, "M_FORBIDDEN", "POST", joinPath(id), object{})
	}
	// a member who sends his own content back keeps his place
	bob.Must("PUT", roomPath(room)+"/state/m.room.member/"+url.PathEscape(bob.UserID),
		object{"membership": "join", "join_authorised_via_users_server": "@x:elsewhere.invalid", "displayname": "Robert"}, nil)
	carol.Must("POST", knockPath(both), object{}, nil)
	carol.MustFail(403, "M_FORBIDDEN", "POST", knockPath(room), object{})
	alice.Invite(room, carol)
	carol.Join(room)
	if via := state(alice, room, "m.room.member/"+url.PathEscape(carol.UserID))["join_authorised_via_users_server"]; via != nil {
		t.Errorf("an invited user was let in by %v", via)
	}
	alice.Must("POST", roomPath(room)+"/ban", object{"user_id": bob.UserID}, nil)
	bob.MustFail(403, "M_FORBIDDEN", "POST", joinPath(room), object{})
}

// A restricted room in which nobody may invite lets in nobody by itself.
func TestNobodyToLetIn(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	staff := alice.CreateRoom(object{"preset": "public_chat"})
	bob.Join(staff)
	options := withJoinRule(joinRule("restricted", staff))
	options["is_direct"] = true // without the custodian
	options["power_level_content_override"] = object{"invite": 60}
	room := alice.CreateRoom(options)
	alice.Must("POST", roomPath(room)+"/leave", object{}, nil)
	bob.MustFail(400, "M_UNABLE_TO_AUTHORISE_JOIN", "POST", joinPath(room), object{})
}

func TestLookingIntoWorldReadableRooms(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat", "initial_state": []object{
		{"type": "m.room.history_visibility", "content": object{"history_visibility": "world_readable"}}}})
	sent := alice.SendText(room, "bonjour")
	look := func() {
		t.Helper()
		bob.Must("GET", roomPath(room)+"/event/"+url.PathEscape(sent), nil, nil)
		bob.Must("GET", roomPath(room)+"/messages?dir=b", nil, nil)
		bob.Must("GET", roomPath(room)+"/state", nil, nil)
		bob.Must("GET", roomPath(room)+"/members", nil, nil)
	}
	look()
	bob.Join(room)
	bob.Must("POST", roomPath(room)+"/leave", object{}, nil)
	bob.Must("POST", roomPath(room)+"/forget", object{}, nil)
	look() // as a stranger may
	alice.Must("PUT", roomPath(room)+"/state/m.room.history_visibility", object{"history_visibility": "shared"}, nil)
	bob.MustFail(403, "M_FORBIDDEN", "GET", roomPath(room)+"/messages?dir=b", nil)
}

func TestInvitingByEMailIsRefused(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{})
	alice.MustFail(400, "M_INVALID_PARAM", "POST", roomPath(room)+"/invite",
		object{"id_server": "id.invalid", "id_access_token": "x", "medium": "email", "address": "x@mairie.test"})
	alice.MustFail(400, "M_MISSING_PARAM", "POST", roomPath(room)+"/invite", object{})
}
