package server_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"beffroi/server/config"
	"beffroi/server/servertest"
)

// What a client adds to its join stands in the membership event, but for what the server says there itself.
func TestJoinWithMembersOfItsOwn(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	bob.Must("PUT", clientV3+"/profile/"+url.PathEscape(bob.UserID)+"/displayname", object{"displayname": "Bob"}, nil)
	room := alice.CreateRoom(object{"preset": "public_chat"})
	join := clientV3 + "/join/" + url.PathEscape(room)
	bob.MustFail(400, "M_BAD_JSON", "POST", join, object{"reason": 5})
	bob.MustFail(400, "M_BAD_JSON", "POST", join, object{"fr.mairie.size": 1.5})
	bob.Must("POST", join, object{
		"reason": "budget", "fr.mairie.service": object{"floor": 2}, "membership": "ban", "displayname": "Alice", "is_direct": true,
		"join_authorised_via_users_server": alice.UserID, "third_party_signed": object{},
	}, nil)
	var got json.RawMessage
	alice.Must("GET", roomPath(room)+"/state/m.room.member/"+url.PathEscape(bob.UserID), nil, &got)
	if want := `{"displayname":"Bob","fr.mairie.service":{"floor":2},"membership":"join","reason":"budget"}`; string(got) != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The members of a room, now and at a token of before, by membership.
func TestMembersOfARoom(t *testing.T) {
	s := servertest.Start(t, func(c *config.Config) { c.Rooms.Custodian = "" }) // who else would be a member
	alice, bob, carol := s.Register(t, "alice"), s.Register(t, "bob"), s.Register(t, "carol")
	bob.Must("PUT", clientV3+"/profile/"+url.PathEscape(bob.UserID)+"/displayname", object{"displayname": "Bob"}, nil)
	room := alice.CreateRoom(object{"preset": "public_chat"})
	before := alice.Sync("", "").NextBatch
	bob.Join(room)
	alice.Invite(room, carol)
	members := func(u *servertest.User, query string) string {
		var got struct {
			Chunk []struct {
				StateKey string `json:"state_key"`
				Content  struct{ Membership string }
			}
		}
		u.Must("GET", roomPath(room)+"/members"+query, nil, &got)
		list := []string{}
		for _, m := range got.Chunk {
			list = append(list, m.StateKey[1:strings.Index(m.StateKey, ":")]+" "+m.Content.Membership)
		}
		slices.Sort(list)
		return strings.Join(list, ", ")
	}
	for query, want := range map[string]string{
		"":                                     "alice join, bob join, carol invite",
		"?membership=join":                     "alice join, bob join",
		"?membership=invite":                   "carol invite",
		"?membership=knock":                    "",
		"?not_membership=join":                 "carol invite",
		"?membership=join&not_membership=join": "",
		"?at=" + before:                        "alice join",
		"?at=" + before + "&membership=invite": "",
	} {
		if got := members(alice, query); got != want {
			t.Errorf("members%s: %s, want %s", query, got, want)
		}
	}

	var joined struct{ Joined map[string]map[string]any }
	bob.Must("GET", roomPath(room)+"/joined_members", nil, &joined)
	if len(joined.Joined) != 2 || joined.Joined[bob.UserID]["display_name"] != "Bob" || joined.Joined[alice.UserID]["display_name"] != alice.UserID {
		t.Errorf("%v", joined)
	}

	// who has left sees the members as they were then
	bob.Must("POST", roomPath(room)+"/leave", object{"reason": "late"}, nil)
	carol.Join(room)
	if got, want := members(bob, ""), "alice join, bob leave, carol invite"; got != want {
		t.Errorf("after bob left he sees %s, want %s", got, want)
	}
	bob.MustFail(403, "M_FORBIDDEN", "GET", roomPath(room)+"/joined_members", nil)
	var rooms struct {
		Joined []string `json:"joined_rooms"`
	}
	carol.Must("GET", clientV3+"/joined_rooms", nil, &rooms)
	if len(rooms.Joined) != 1 || rooms.Joined[0] != room {
		t.Errorf("carol is in %v", rooms.Joined)
	}
	if bob.Must("GET", clientV3+"/joined_rooms", nil, &rooms); len(rooms.Joined) != 0 {
		t.Errorf("bob is in %v", rooms.Joined)
	}
	bob.Must("POST", roomPath(room)+"/forget", nil, nil)
	bob.MustFail(403, "M_FORBIDDEN", "GET", roomPath(room)+"/members", nil)
}

// Who may invite where nothing else was asked for: into a room that all may enter those who keep it, into another one everybody who is in it.
func TestWhoInvitesIntoANewRoom(t *testing.T) {
	s := servertest.Start(t)
	alice, bob, carol := s.Register(t, "alice"), s.Register(t, "bob"), s.Register(t, "carol")
	for preset, status := range map[string]int{"public_chat": 403, "private_chat": 200, "trusted_private_chat": 200} {
		room := alice.CreateRoom(object{"preset": preset, "invite": []string{bob.UserID}})
		bob.Join(room)
		if got, answer := bob.Raw("POST", roomPath(room)+"/invite", object{"user_id": carol.UserID}); got != status {
			t.Errorf("%s: %d %s, want %d", preset, got, answer, status)
		}
	}
}
