package server_test

import (
	"net/url"
	"strings"
	"testing"

	"beffroi/server/servertest"
)

const clientV1 = "/_matrix/client/v1"

// privateRoom is a room of alice's with bob, who has no power in it; carol is not in it.
type privateRoom struct {
	id, event         string
	alice, bob, carol *servertest.User
}

func startPrivateRoom(t *testing.T) privateRoom {
	t.Helper()
	s := servertest.Start(t)
	p := privateRoom{alice: s.Register(t, "alice"), bob: s.Register(t, "bob"), carol: s.Register(t, "carol")}
	p.id = p.alice.CreateRoom(object{"preset": "private_chat", "room_version": "11"})
	p.alice.Invite(p.id, p.bob)
	p.bob.Join(p.id)
	p.event = p.alice.SendText(p.id, "for bob")
	return p
}

// in gives the path of an operation in a room; EVENT stands for the room's message.
func (p privateRoom) in(room, path string) string {
	api := roomPath(room)
	if rest, ok := strings.CutPrefix(path, "v1"); ok {
		api, path = clientV1+"/rooms/"+url.PathEscape(room), rest
	}
	return api + strings.ReplaceAll(path, "EVENT", url.PathEscape(p.event))
}

// Who is not in a room gets nothing of it and changes nothing in it, and a room that is not there looks the same.
func TestARoomIsClosedToWhoIsNotInIt(t *testing.T) {
	p := startPrivateRoom(t)
	about := object{"user_id": p.bob.UserID}
	for _, c := range []struct {
		method, path string
		body         any
		status       int
		errcode      string
	}{
		{"GET", "/state", nil, 403, "M_FORBIDDEN"},
		{"GET", "/state/m.room.create", nil, 403, "M_FORBIDDEN"},
		{"GET", "/state/m.room.member/" + url.PathEscape(p.bob.UserID), nil, 403, "M_FORBIDDEN"},
		{"GET", "/members", nil, 403, "M_FORBIDDEN"},
		{"GET", "/joined_members", nil, 403, "M_FORBIDDEN"},
		{"GET", "/messages?dir=b", nil, 403, "M_FORBIDDEN"},
		{"GET", "/aliases", nil, 403, "M_FORBIDDEN"},
		{"GET", "/initialSync", nil, 403, "M_FORBIDDEN"},
		{"GET", "/event/EVENT", nil, 404, "M_NOT_FOUND"},
		{"GET", "/context/EVENT", nil, 404, "M_NOT_FOUND"},
		{"GET", "v1/relations/EVENT", nil, 404, "M_NOT_FOUND"},
		{"GET", "v1/relations/EVENT/m.thread", nil, 404, "M_NOT_FOUND"},
		{"GET", "v1/relations/EVENT/m.thread/m.room.message", nil, 404, "M_NOT_FOUND"},
		{"GET", "v1/threads", nil, 403, "M_FORBIDDEN"},
		{"GET", "v1/hierarchy", nil, 403, "M_FORBIDDEN"},
		{"GET", "v1/timestamp_to_event?ts=0&dir=f", nil, 403, "M_FORBIDDEN"},
		{"PUT", "/send/m.room.message/t", object{"msgtype": "m.text", "body": "x"}, 403, "M_FORBIDDEN"},
		{"PUT", "/send/m.room.redaction/t", object{"redacts": p.event}, 403, "M_FORBIDDEN"},
		{"PUT", "/redact/EVENT/t", object{}, 403, "M_FORBIDDEN"},
		{"PUT", "/state/m.room.topic", object{"topic": "x"}, 403, "M_FORBIDDEN"},
		{"PUT", "/state/m.room.member/" + url.PathEscape(p.carol.UserID), object{"membership": "join"}, 403, "M_FORBIDDEN"},
		{"PUT", "/typing/" + url.PathEscape(p.carol.UserID), object{"typing": true}, 403, "M_FORBIDDEN"},
		{"POST", "/receipt/m.read/EVENT", object{}, 403, "M_FORBIDDEN"},
		{"POST", "/read_markers", object{"m.fully_read": p.event}, 403, "M_FORBIDDEN"},
		{"POST", "/invite", object{"user_id": p.carol.UserID}, 403, "M_FORBIDDEN"},
		{"POST", "/join", object{}, 403, "M_FORBIDDEN"},
		{"POST", "/leave", object{}, 403, "M_FORBIDDEN"},
		{"POST", "/forget", nil, 403, "M_FORBIDDEN"},
		{"POST", "/kick", about, 403, "M_FORBIDDEN"},
		{"POST", "/ban", about, 403, "M_FORBIDDEN"},
		{"POST", "/unban", about, 403, "M_FORBIDDEN"},
		{"POST", "/upgrade", object{"new_version": "12"}, 403, "M_FORBIDDEN"},
		{"POST", "/report/EVENT", object{"reason": "x"}, 404, "M_NOT_FOUND"},
	} {
		for _, room := range []string{p.id, "!none:mairie.invalid", "!none"} {
			p.carol.MustFail(c.status, c.errcode, c.method, p.in(room, c.path), c.body)
		}
	}
	if n := len(p.carol.Sync("", "").Rooms.Join); n != 0 {
		t.Errorf("carol is in %d rooms", n)
	}
	var messages struct{ Chunk []object }
	p.bob.Must("GET", p.in(p.id, "/messages?dir=b&limit=1"), nil, &messages)
	if messages.Chunk[0]["event_id"] != p.event {
		t.Errorf("something was sent: %v", messages.Chunk)
	}
}

// Who has no power changes nothing but what is one's own.
func TestWhatAMemberWithoutPowerMayNot(t *testing.T) {
	p := startPrivateRoom(t)
	carol := p.carol.UserID
	var levels object
	p.alice.Must("GET", p.in(p.id, "/state/m.room.power_levels"), nil, &levels)
	levels["invite"], levels["events"].(object)["m.poll"] = 50, 10
	p.alice.Must("PUT", p.in(p.id, "/state/m.room.power_levels"), levels, nil)
	p.alice.Must("POST", p.in(p.id, "/ban"), object{"user_id": carol}, nil)
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/invite", object{"user_id": carol}},
		{"POST", "/kick", object{"user_id": p.alice.UserID}},
		{"POST", "/ban", object{"user_id": p.alice.UserID}},
		{"POST", "/unban", object{"user_id": carol}},
		{"POST", "/upgrade", object{"new_version": "12"}},
		{"PUT", "/redact/EVENT/t", object{"reason": "x"}},
		{"PUT", "/send/m.poll/t", object{}},
		{"PUT", "/state/m.room.topic", object{"topic": "x"}},
		{"PUT", "/state/m.room.power_levels", object{"users": object{p.bob.UserID: 100}}},
		{"PUT", "/state/m.room.member/" + url.PathEscape(carol), object{"membership": "leave"}},
		{"PUT", "/state/fr.mairie.x/" + url.PathEscape(p.alice.UserID), object{}},
		{"PUT", "/typing/" + url.PathEscape(p.alice.UserID), object{"typing": true}},
	} {
		p.bob.MustFail(403, "M_FORBIDDEN", c.method, p.in(p.id, c.path), c.body)
	}
	own := p.bob.SendText(p.id, "mine")
	p.bob.Must("PUT", p.in(p.id, "/redact/"+url.PathEscape(own)+"/own"), object{}, nil)
	p.carol.MustFail(403, "M_FORBIDDEN", "POST", p.in(p.id, "/join"), object{})
	p.alice.Must("POST", p.in(p.id, "/unban"), object{"user_id": carol, "reason": "enough"}, nil)
	p.alice.MustFail(403, "M_FORBIDDEN", "POST", p.in(p.id, "/unban"), object{"user_id": carol})
	var member object
	p.bob.Must("GET", p.in(p.id, "/state/m.room.member/"+url.PathEscape(carol)), nil, &member)
	if member["membership"] != "leave" || member["reason"] != "enough" {
		t.Errorf("after the unban: %v", member)
	}
}

// What a request in a room says wrongly is refused before anything happens.
func TestRequestsInARoomThatAreWrong(t *testing.T) {
	p := startPrivateRoom(t)
	long := strings.Repeat("x", 256)
	for _, c := range []struct {
		method, path string
		body         any
		status       int
		errcode      string
	}{
		{"POST", "/invite", object{"user_id": strings.Replace(p.bob.UserID, "@bob", "@none", 1)}, 404, "M_NOT_FOUND"},
		{"POST", "/invite", object{"user_id": p.bob.UserID}, 403, "M_FORBIDDEN"},
		{"POST", "/kick", object{"user_id": p.carol.UserID}, 403, "M_FORBIDDEN"},
		{"POST", "/join", object{"reason": 5}, 400, "M_BAD_JSON"},
		{"POST", "/leave", object{"reason": 5}, 400, "M_BAD_JSON"},
		{"POST", "/leave", object{"reason": strings.Repeat("x", 1<<16)}, 413, "M_TOO_LARGE"},
		{"POST", "/forget", nil, 400, "M_UNKNOWN"},
		{"PUT", "/send/m.x/t", object{"a": 1.5}, 400, "M_BAD_JSON"},
		{"PUT", "/send/m.x/t", object{"a": strings.Repeat("x", 1<<16)}, 413, "M_TOO_LARGE"},
		{"PUT", "/send/" + long + "/t", object{}, 413, "M_TOO_LARGE"},
		{"PUT", "/state/m.x/" + long, object{}, 413, "M_TOO_LARGE"},
		{"PUT", "/state/" + long, object{}, 413, "M_TOO_LARGE"},
		{"PUT", "/state/m.room.power_levels", object{"ban": "50"}, 403, "M_FORBIDDEN"}, // by the authorisation rules
		{"PUT", "/state/m.room.power_levels", object{"users": object{"bob": 1}}, 403, "M_FORBIDDEN"},
		{"PUT", "/redact/EVENT/t", object{"reason": 5}, 400, "M_BAD_JSON"},
		{"PUT", "/redact/$none/t", object{}, 404, "M_NOT_FOUND"},
		{"PUT", "/typing/" + url.PathEscape(p.alice.UserID), object{"typing": "yes"}, 400, "M_BAD_JSON"},
		{"PUT", "/typing/" + url.PathEscape(p.alice.UserID), object{}, 400, "M_BAD_JSON"},
		{"POST", "/receipt/m.x/EVENT", object{}, 400, "M_INVALID_PARAM"},
		{"POST", "/receipt/m.read/$none", object{}, 404, "M_NOT_FOUND"},
		{"POST", "/read_markers", object{"m.fully_read": 5}, 400, "M_BAD_JSON"},
		{"GET", "/event/$none", nil, 404, "M_NOT_FOUND"},
		{"GET", "/event/none", nil, 404, "M_NOT_FOUND"},
		{"GET", "/context/$none", nil, 404, "M_NOT_FOUND"},
		{"GET", "/context/EVENT?limit=-1", nil, 400, "M_INVALID_PARAM"},
		{"GET", "/context/EVENT?filter={", nil, 400, "M_NOT_JSON"},
		{"GET", "/messages", nil, 400, "M_INVALID_PARAM"},
		{"GET", "/messages?dir=x", nil, 400, "M_INVALID_PARAM"},
		{"GET", "/messages?dir=b&limit=many", nil, 400, "M_INVALID_PARAM"},
		{"GET", "/messages?dir=b&from=x", nil, 400, "M_INVALID_PARAM"},
		{"GET", "/messages?dir=f&to=x", nil, 400, "M_INVALID_PARAM"},
		{"GET", "/messages?dir=b&filter={%22types%22:1}", nil, 400, "M_BAD_JSON"},
		{"GET", "/state/m.none", nil, 404, "M_NOT_FOUND"},
		{"GET", "/state/m.room.create?format=x", nil, 400, "M_INVALID_PARAM"},
		{"GET", "/members?at=x", nil, 400, "M_INVALID_PARAM"},
		{"GET", "/members?membership=x", nil, 400, "M_INVALID_PARAM"},
		{"GET", "/members?not_membership=x", nil, 400, "M_INVALID_PARAM"},
		{"GET", "v1/relations/$none/m.thread", nil, 404, "M_NOT_FOUND"},
		{"GET", "v1/relations/EVENT/m.thread?recurse=x", nil, 400, "M_INVALID_PARAM"},
		{"GET", "v1/relations/EVENT/m.thread/m.x?from=x", nil, 400, "M_INVALID_PARAM"},
		{"GET", "v1/threads?include=some", nil, 400, "M_INVALID_PARAM"},
		{"GET", "v1/threads?from=x", nil, 400, "M_INVALID_PARAM"},
		{"GET", "v1/threads?limit=0", nil, 400, "M_INVALID_PARAM"},
		{"GET", "v1/hierarchy?max_depth=x", nil, 400, "M_INVALID_PARAM"},
		{"GET", "v1/timestamp_to_event?ts=0", nil, 400, "M_INVALID_PARAM"},
	} {
		p.alice.MustFail(c.status, c.errcode, c.method, p.in(p.id, c.path), c.body)
	}
	for _, membership := range []string{"invite", "kick", "ban", "unban"} {
		path := p.in(p.id, "/"+membership)
		p.alice.MustFail(400, "M_MISSING_PARAM", "POST", path, object{})
		p.alice.MustFail(400, "M_INVALID_PARAM", "POST", path, object{"user_id": "bob"})
		p.alice.MustFail(400, "M_BAD_JSON", "POST", path, object{"user_id": 5})
		if _, answer := p.alice.Raw("POST", path, object{"user_id": p.bob.UserID, "reason": 5}); !strings.Contains(string(answer), `"reason has the wrong type`) {
			t.Errorf("%s: %s", membership, answer)
		}
	}
}
