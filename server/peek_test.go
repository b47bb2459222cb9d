package server_test

import (
	"net/url"
	"testing"

	"beffroi/server/servertest"
)

type peeked struct {
	Start, End string
	Chunk      []struct {
		EventID string `json:"event_id"`
	}
}

func peek(u *servertest.User, room, query string) (p peeked) {
	u.Must("GET", clientV3+"/events?room_id="+url.QueryEscape(room)+query, nil, &p)
	return p
}

func TestLookingOn(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat", "visibility": "public", "initial_state": []object{
		{"type": "m.room.history_visibility", "content": object{"history_visibility": "world_readable"}}}})
	secret := alice.CreateRoom(object{})
	first := alice.SendText(room, "1")
	var info struct {
		RoomID      string `json:"room_id"`
		Membership  string
		Messages    peeked
		State       []object
		Visibility  string
		AccountData []object `json:"account_data"`
	}
	path := roomPath(room) + "/initialSync"
	bob.Must("GET", path, nil, &info)
	if n := len(info.Messages.Chunk); info.RoomID != room || info.Membership != "" || info.Visibility != "public" || len(info.State) < 6 || n < 2 ||
		info.Messages.Chunk[n-1].EventID != first {
		t.Errorf("%+v", info)
	}
	older := object{}
	bob.Must("GET", roomPath(room)+"/messages?dir=b&from="+info.Messages.Start, nil, &older)

	// from the token on, and then what happens while one waits
	second := alice.SendText(room, "2")
	got := peek(bob, room, "&timeout=0&from="+info.Messages.End)
	if len(got.Chunk) != 1 || got.Chunk[0].EventID != second || got.Start != info.Messages.End {
		t.Errorf("%+v", got)
	}
	if none := peek(bob, room, "&timeout=1&from="+got.End); len(none.Chunk) != 0 || none.End != got.End {
		t.Errorf("%+v", none)
	}
	waited := make(chan peeked, 1)
	go func() { waited <- peek(bob, room, "&timeout=30000&from="+got.End) }()
	third := alice.SendText(room, "3")
	if late := <-waited; len(late.Chunk) != 1 || late.Chunk[0].EventID != third {
		t.Errorf("%+v", late)
	}
	if now := peek(bob, room, "&timeout=0"); len(now.Chunk) != 0 {
		t.Errorf("without a token the past is shown: %+v", now)
	}

	bob.Join(room)
	bob.Must("PUT", clientV3+"/user/"+bob.UserID+"/rooms/"+url.PathEscape(room)+"/account_data/fr.note", object{"x": 1}, nil)
	bob.Must("GET", path+"?limit=1", nil, &info)
	if info.Membership != "join" || len(info.AccountData) != 1 || len(info.Messages.Chunk) != 1 {
		t.Errorf("in the room: %+v", info)
	}
	bob.MustFail(403, "M_FORBIDDEN", "GET", roomPath(secret)+"/initialSync", nil)
	bob.MustFail(403, "M_FORBIDDEN", "GET", clientV3+"/events?timeout=0&room_id="+url.QueryEscape(secret), nil)
	bob.MustFail(400, "M_MISSING_PARAM", "GET", clientV3+"/events?timeout=0", nil)
	bob.MustFail(400, "M_INVALID_PARAM", "GET", clientV3+"/events?timeout=x&room_id="+url.QueryEscape(room), nil)
	bob.MustFail(400, "M_INVALID_PARAM", "GET", clientV3+"/events?timeout=0&from=x&room_id="+url.QueryEscape(room), nil)
}
