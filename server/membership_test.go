package server_test

import (
	"encoding/json"
	"net/url"
	"testing"

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
