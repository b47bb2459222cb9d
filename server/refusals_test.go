package server_test

import (
	"net/url"
	"strings"
	"testing"

	"beffroi/server/servertest"
)

const clientV3 = "/_matrix/client/v3"

type object = map[string]any

func roomPath(id string) string { return clientV3 + "/rooms/" + url.PathEscape(id) }

func TestStateThatIsNotForClientsToSet(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "private_chat"})
	member := func(id string) string { return "m.room.member/" + url.PathEscape(id) }
	for _, c := range []struct {
		state   string
		content object
		status  int
		errcode string
	}{
		{member("nobody"), object{"membership": "invite"}, 400, "M_INVALID_PARAM"},
		{member(""), object{"membership": "join"}, 400, "M_INVALID_PARAM"},
		{member("@nobody:" + s.ServerName), object{"membership": "invite"}, 404, "M_NOT_FOUND"},
		{member("@nobody:elsewhere.invalid"), object{"membership": "invite"}, 404, "M_NOT_FOUND"},
		{member(alice.UserID), object{}, 400, "M_BAD_JSON"},
		{member(alice.UserID), object{"membership": 5}, 400, "M_BAD_JSON"},
		{member(alice.UserID), object{"membership": "join", "displayname": 5}, 400, "M_BAD_JSON"},
		{member(alice.UserID), object{"membership": "join", "avatar_url": object{}}, 400, "M_BAD_JSON"},
		{member(bob.UserID), object{"membership": "join"}, 403, "M_FORBIDDEN"},
		{"m.room.create", object{}, 400, "M_INVALID_PARAM"},
		{"m.room.redaction", object{"redacts": "$x"}, 400, "M_BAD_JSON"},
		{"m.room.canonical_alias", object{"alias": "#x:" + s.ServerName}, 400, "M_BAD_ALIAS"},
		{"m.room.canonical_alias", object{"alias": "%x:" + s.ServerName}, 400, "M_INVALID_PARAM"},
		{"m.room.canonical_alias", object{"alias": "#x:" + s.ServerName, "alt_aliases": []string{"#x"}}, 400, "M_INVALID_PARAM"},
		{"m.room.canonical_alias", object{"alt_aliases": []string{"#x:" + s.ServerName}}, 400, "M_BAD_ALIAS"},
	} {
		alice.MustFail(c.status, c.errcode, "PUT", roomPath(room)+"/state/"+c.state, c.content)
	}
	alice.Must("PUT", roomPath(room)+"/state/m.room.canonical_alias", object{}, nil)
	alice.Must("PUT", roomPath(room)+"/state/"+member(alice.UserID), object{"membership": "join", "displayname": nil}, nil)
	alice.Must("PUT", roomPath(room)+"/state/"+member(bob.UserID), object{"membership": "invite"}, nil)
	bob.Join(room)
}

func TestRoomsThatAreNotMade(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	for _, body := range []object{
		{"initial_state": []object{{}}},
		{"initial_state": []object{{"type": "m.x"}}},
		{"initial_state": []object{{"content": object{}}}},
		{"initial_state": []object{{"type": "m.x", "content": 5}}},
		{"initial_state": []object{{"type": "m.room.redaction", "content": object{}}}},
		{"creation_content": object{"m.federate": "no"}},
		{"creation_content": object{"x": 1.5}},
		{"visibility": "half"},
		{"preset": "none"},
	} {
		alice.MustFail(400, "M_BAD_JSON", "POST", clientV3+"/createRoom", body)
	}
	alice.CreateRoom(object{"initial_state": []object{{"type": "m.x", "content": object{}}}, "creation_content": object{"m.federate": false}})
}

func TestTransactionIDsHaveALimit(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{})
	path := roomPath(room) + "/send/m.x/"
	alice.Must("PUT", path+strings.Repeat("x", 255), object{}, nil)
	alice.MustFail(400, "M_INVALID_PARAM", "PUT", path+strings.Repeat("x", 256), object{})
	event := url.PathEscape(alice.SendText(room, "x"))
	alice.MustFail(400, "M_INVALID_PARAM", "PUT", roomPath(room)+"/redact/"+event+"/"+strings.Repeat("x", 256), object{})
}

// What a stranger sends to a device must not make the device's next sync unreadable.
func TestAMessageToADeviceCanBeReadByAll(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	for txn, content := range map[string]string{
		"deep": `{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, "half": `{"a":"\ud800"}`, "huge": `{"a":1e400}`,
	} {
		body := []byte(`{"messages":{"` + bob.UserID + `":{"*":` + content + `}}}`)
		alice.MustFail(400, "M_BAD_JSON", "PUT", clientV3+"/sendToDevice/m.x/"+txn, body)
	}
	if got := bob.Sync("", ""); len(got.ToDevice.Events) > 0 {
		t.Errorf("delivered: %v", got.ToDevice.Events)
	}
}
