package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/servertest"
)

const fed = "/_matrix/federation/v1/"

// signedCalls are the operations that other servers may ask for, of a room and an event.
func signedCalls(roomID, eventID string) []string {
	room, event := url.PathEscape(roomID), url.PathEscape(eventID)
	return []string{
		"GET event/" + event, "GET state/" + room + "?event_id=" + event, "GET state_ids/" + room + "?event_id=" + event, "GET event_auth/" + room + "/" + event,
		"GET backfill/" + room + "?limit=10&v=" + event, "POST get_missing_events/" + room, "GET timestamp_to_event/" + room + "?ts=0&dir=f",
	}
}

func TestServersThatAreNotInARoomGetNothingOfIt(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	alice := s.Register(t, "alice")
	for _, preset := range []string{"private_chat", "public_chat"} { // invite-only, and open to all
		roomID := alice.CreateRoom(map[string]any{"preset": preset, "initial_state": []map[string]any{
			{"type": "m.room.history_visibility", "state_key": "", "content": map[string]string{"history_visibility": "world_readable"}}}})
		eventID := alice.SendText(roomID, "secret")
		for _, call := range signedCalls(roomID, eventID) {
			method, path, _ := strings.Cut(call, " ")
			var body any
			if method == "POST" {
				body = map[string]any{"latest_events": []string{eventID}, "earliest_events": []string{}}
			}
			want := http.StatusForbidden
			if strings.HasPrefix(path, "event/") {
				want = http.StatusNotFound
			}
			if status, answer := p.Do(s, method, fed+path, body); status != want || !strings.Contains(string(answer), `"errcode":"M_`) {
				t.Errorf("%s %s: %d %s", preset, call, status, answer)
			}
		}
	}
}

func TestRequestsOfServersMustBeSigned(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p, other := n.Start(""), n.Peer(), n.Peer()
	alice := s.Register(t, "alice")
	calls := append(signedCalls("!r:hs", "$e"), "GET query/profile?user_id=x", "GET query/directory?room_alias=x", "GET publicRooms", "POST publicRooms",
		"GET user/devices/@a:hs", "POST user/keys/query", "POST user/keys/claim")
	for _, call := range calls {
		method, path, _ := strings.Cut(call, " ")
		theirs, err := other.Own.Authorization(method, fed+path, s.ServerName, nil)
		if err != nil {
			t.Fatal(err)
		}
		moved, err := p.Own.Authorization(method, fed+path+"&x", s.ServerName, nil)
		if err != nil {
			t.Fatal(err)
		}
		elsewhere, err := p.Own.Authorization(method, fed+path, other.Name, nil)
		if err != nil {
			t.Fatal(err)
		}
		for what, header := range map[string]string{"": "", "a user's token": "Bearer " + alice.AccessToken, "another path": moved, "for another server": elsewhere,
			"another's name": strings.Replace(theirs, other.Name, p.Name, 1), "our own name": strings.Replace(theirs, other.Name, s.ServerName, 1)} {
			if status, answer := p.Send(s, method, fed+path, nil, header); status != http.StatusUnauthorized || !strings.Contains(string(answer), "M_UNAUTHORIZED") {
				t.Errorf("%s with %q: %d %s", call, what, status, answer)
			}
		}
	}
}

func TestWhatServersMayAskAbout(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	alice := s.Register(t, "alice")
	alice.Must("PUT", "/_matrix/client/v3/profile/"+url.PathEscape(alice.UserID)+"/displayname", map[string]string{"displayname": "Alice Martin"}, nil)
	roomID := alice.CreateRoom(map[string]any{"preset": "public_chat", "room_alias_name": "mairie", "visibility": "public", "name": "Mairie"})
	alice.Must("POST", "/_matrix/client/v3/keys/upload", map[string]any{"device_keys": deviceKeys(alice)}, nil)
	for _, c := range []struct {
		method, uri string
		body        any
		status      int
		want        string
	}{
		{"GET", "query/profile?user_id=" + url.QueryEscape(alice.UserID), nil, 200, `{"displayname":"Alice Martin"}`},
		{"GET", "query/profile?field=displayname&user_id=" + url.QueryEscape(alice.UserID), nil, 200, `{"displayname":"Alice Martin"}`},
		{"GET", "query/profile?field=avatar_url&user_id=" + url.QueryEscape(alice.UserID), nil, 404, "M_NOT_FOUND"},
		{"GET", "query/profile?user_id=" + url.QueryEscape("@nobody:"+s.ServerName), nil, 404, "M_NOT_FOUND"},
		{"GET", "query/profile?user_id=@a:elsewhere", nil, 400, "M_INVALID_PARAM"},
		{"GET", "query/profile", nil, 400, "M_MISSING_PARAM"},
		{"GET", "query/directory?room_alias=" + url.QueryEscape("#mairie:"+s.ServerName), nil, 200, `"room_id":"` + roomID + `","servers":["` + s.ServerName + `"]`},
		{"GET", "query/directory?room_alias=" + url.QueryEscape("#none:"+s.ServerName), nil, 404, "M_NOT_FOUND"},
		{"GET", "query/directory?room_alias=" + url.QueryEscape("#mairie:elsewhere"), nil, 404, "M_NOT_FOUND"},
		{"GET", "query/other", nil, 404, "M_UNRECOGNIZED"},
		{"GET", "publicRooms", nil, 200, roomID},
		{"GET", "publicRooms?limit=x", nil, 400, "M_INVALID_PARAM"},
		{"POST", "publicRooms", map[string]any{"filter": map[string]string{"generic_search_term": "mairie"}}, 200, roomID},
		{"POST", "publicRooms", map[string]any{"filter": map[string]string{"generic_search_term": "piscine"}}, 200, `"chunk":[]`},
		{"POST", "user/keys/query", map[string]any{"device_keys": map[string]any{alice.UserID: []string{}, "@a:elsewhere": []string{}}}, 200, alice.DeviceID},
		{"GET", "user/devices/" + url.PathEscape(alice.UserID), nil, 200, `"device_id":"` + alice.DeviceID + `"`},
		{"GET", "user/devices/" + url.PathEscape("@nobody:"+s.ServerName), nil, 404, "M_NOT_FOUND"},
		{"GET", "user/devices/@a:elsewhere", nil, 400, "M_INVALID_PARAM"},
		{"POST", "user/keys/query", map[string]any{}, 400, "M_MISSING_PARAM"},
		{"POST", "user/keys/claim", map[string]any{"one_time_keys": map[string]any{alice.UserID: map[string]string{alice.DeviceID: "signed_curve25519"}}}, 200, `{"one_time_keys":{}}`},
		{"POST", "user/keys/claim", map[string]any{}, 400, "M_MISSING_PARAM"},
		{"GET", "backfill/x?v=y", nil, 400, "M_INVALID_PARAM"},
		{"GET", "state/x", nil, 400, "M_MISSING_PARAM"},
		{"GET", "timestamp_to_event/x?ts=1&dir=up", nil, 400, "M_INVALID_PARAM"},
	} {
		if status, answer := p.Do(s, c.method, fed+c.uri, c.body); status != c.status || !strings.Contains(string(answer), c.want) {
			t.Errorf("%s %s: %d %s; want %d %s", c.method, c.uri, status, answer, c.status, c.want)
		}
	}
	streamID := func() (id int64) {
		_, answer := p.Do(s, "GET", fed+"user/devices/"+url.PathEscape(alice.UserID), nil)
		o, err := pdu.ParseObject(answer)
		if err != nil {
			t.Fatal(err)
		}
		id, _ = o.Int("stream_id")
		return id
	}
	before := streamID()
	alice.Must("PUT", "/_matrix/client/v3/devices/"+alice.DeviceID, map[string]string{"display_name": "Poste d'Alice"}, nil)
	again := s.Login(t, "alice")
	again.Must("POST", "/_matrix/client/v3/keys/upload", map[string]any{"device_keys": deviceKeys(again)}, nil)
	if after := streamID(); after <= before || before == 0 {
		t.Errorf("stream_id went from %d to %d", before, after)
	}
	if _, answer := p.Do(s, "GET", fed+"user/devices/"+url.PathEscape(alice.UserID), nil); strings.Contains(string(answer), "Poste") {
		t.Errorf("the name of a device is told: %s", answer)
	}
	if _, answer := p.Do(s, "POST", fed+"user/keys/query", map[string]any{"device_keys": map[string]any{alice.UserID: []string{}}}); strings.Contains(string(answer), "unsigned") || strings.Contains(string(answer), "elsewhere") {
		t.Errorf("%s", answer)
	}
}

// deviceKeys are keys as a client uploads them: their signatures are nobody's business here.
func deviceKeys(u *servertest.User) map[string]any {
	id := pdu.EncodeBase64(make([]byte, 32))
	return map[string]any{"user_id": u.UserID, "device_id": u.DeviceID, "algorithms": []string{"m.megolm.v1.aes-sha2"},
		"keys":       map[string]string{"ed25519:" + u.DeviceID: id, "curve25519:" + u.DeviceID: id},
		"signatures": map[string]any{u.UserID: map[string]string{"ed25519:" + u.DeviceID: id}}}
}
