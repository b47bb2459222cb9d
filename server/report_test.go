package server_test

import (
	"net/url"
	"strings"
	"testing"

	"beffroi/server/servertest"
)

func TestReports(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	event := alice.SendText(room, "spam")
	onEvent := roomPath(room) + "/report/" + url.PathEscape(event)
	onUser := func(id string) string { return clientV3 + "/users/" + url.PathEscape(id) + "/report" }

	bob.MustFail(404, "M_NOT_FOUND", "POST", onEvent, object{"reason": "spam"}) // not in the room
	bob.Must("POST", roomPath(room)+"/report", object{"reason": ""}, nil)       // needs not be
	bob.Must("POST", onUser(alice.UserID), object{"reason": "spam"}, nil)
	bob.Join(room)
	bob.MustFail(404, "M_NOT_FOUND", "POST", roomPath(room)+"/report/$none", object{})
	bob.Must("POST", onEvent, object{"reason": "spam", "score": -100}, nil)
	bob.Must("POST", onEvent, object{}, nil)

	bob.MustFail(404, "M_NOT_FOUND", "POST", roomPath("!none:"+s.ServerName)+"/report", object{"reason": "x"})
	bob.MustFail(404, "M_NOT_FOUND", "POST", onUser("@none:"+s.ServerName), object{"reason": "x"})
	bob.MustFail(400, "M_INVALID_PARAM", "POST", onUser("none"), object{"reason": "x"})
	bob.MustFail(400, "M_MISSING_PARAM", "POST", onUser(alice.UserID), object{})
	bob.MustFail(400, "M_MISSING_PARAM", "POST", roomPath(room)+"/report", object{})
	bob.MustFail(400, "M_BAD_JSON", "POST", onEvent, object{"reason": 5})
	bob.MustFail(413, "M_TOO_LARGE", "POST", onEvent, object{"reason": strings.Repeat("x", 4001)})
	for range 96 {
		bob.Must("POST", onEvent, object{}, nil)
	}
	bob.MustFail(429, "M_LIMIT_EXCEEDED", "POST", onEvent, object{})
	alice.Must("POST", onUser(bob.UserID), object{"reason": "il se plaint trop"}, nil)
}
