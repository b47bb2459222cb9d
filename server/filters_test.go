package server_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"beffroi/server/servertest"
)

// query gives a filter as a parameter.
func query(t *testing.T, filter object) string {
	t.Helper()
	text, err := json.Marshal(filter)
	if err != nil {
		t.Fatal(err)
	}
	return "filter=" + url.QueryEscape(string(text))
}

// bodies lists what events say, the earliest first.
func bodies(events []object) string {
	list := []string{}
	for _, e := range events {
		body, ok := e["content"].(object)["body"].(string)
		if !ok {
			body = e["type"].(string)
		}
		list = append(list, body)
	}
	return strings.Join(list, " ")
}

// filteredRoom is a room of alice's with bob, and what they said in it.
func filteredRoom(t *testing.T) (alice, bob *servertest.User, room, second string) {
	t.Helper()
	s := servertest.Start(t)
	alice, bob = s.Register(t, "alice"), s.Register(t, "bob")
	room = alice.CreateRoom(object{"preset": "public_chat"})
	bob.Join(room)
	alice.SendText(room, "one")
	second = bob.SendText(room, "two")
	alice.Send(room, "m.room.message", object{"msgtype": "m.file", "body": "three", "url": "mxc://mairie.test/x"})
	bob.Send(room, "fr.mairie.vote", object{"body": "four"})
	return alice, bob, room, second
}

func TestMessagesAreFiltered(t *testing.T) {
	alice, bob, room, second := filteredRoom(t)
	for _, c := range []struct {
		filter object
		want   string
	}{
		{object{"types": []string{"m.room.message"}}, "one two three"},
		{object{"types": []string{"m.room.mess*"}, "not_types": []string{"*.message"}}, ""},
		{object{"types": []string{"fr.*"}}, "four"},
		{object{"not_types": []string{"m.room.*"}}, "four"},
		{object{"types": []string{}}, ""},
		{object{"types": []string{"m.room.message", "fr.*"}, "senders": []string{bob.UserID}}, "two four"},
		{object{"types": []string{"m.room.message", "fr.*"}, "not_senders": []string{bob.UserID}}, "one three"},
		{object{"senders": []string{bob.UserID}, "not_senders": []string{bob.UserID}}, ""},
		{object{"contains_url": true}, "three"},
		{object{"types": []string{"m.room.message"}, "contains_url": false}, "one two"},
		{object{"types": []string{"m.room.message"}, "rooms": []string{room}}, "one two three"},
		{object{"rooms": []string{"!other:mairie.test"}}, ""},
		{object{"not_rooms": []string{room}}, ""},
		{object{"limit": 2, "types": []string{"m.room.message", "fr.*"}}, "one two"},
	} {
		var got struct{ Chunk []object }
		alice.Must("GET", roomPath(room)+"/messages?dir=f&limit=100&"+query(t, c.filter), nil, &got)
		if c.filter["limit"] != nil {
			alice.Must("GET", roomPath(room)+"/messages?dir=f&"+query(t, c.filter), nil, &got)
		}
		if bodies(got.Chunk) != c.want {
			t.Errorf("%v: %s, want %s", c.filter, bodies(got.Chunk), c.want)
		}
	}

	var around struct {
		Before []object `json:"events_before"`
		Event  object
		After  []object `json:"events_after"`
		State  []object
	}
	alice.Must("GET", roomPath(room)+"/context/"+url.PathEscape(second)+"?limit=100&"+query(t, object{"types": []string{"m.room.message"}, "lazy_load_members": true}), nil, &around)
	if bodies(around.Before) != "one" || around.Event["event_id"] != second || bodies(around.After) != "three" || len(around.State) != 2 {
		t.Errorf("%+v", around)
	}
	alice.Must("GET", roomPath(room)+"/context/"+url.PathEscape(second)+"?limit=0", nil, &around)
	if len(around.Before)+len(around.After) != 0 || len(around.State) < 6 {
		t.Errorf("%+v", around)
	}
	var lazy struct{ Chunk, State []object }
	alice.Must("GET", roomPath(room)+"/messages?dir=b&limit=1&"+query(t, object{"lazy_load_members": true}), nil, &lazy)
	if len(lazy.State) != 1 || lazy.State[0]["state_key"] != bob.UserID {
		t.Errorf("%v", lazy.State)
	}
}

// filteredSync is what these tests look at of an answer of /sync.
type filteredSync struct {
	NextBatch   string `json:"next_batch"`
	AccountData struct{ Events []object }
	Rooms       struct{ Join, Leave map[string]filteredSection }
}

type filteredSection struct {
	Timeline    struct{ Events []object }
	State       struct{ Events []object }
	Ephemeral   struct{ Events []object }
	AccountData struct{ Events []object } `json:"account_data"`
}

func TestSyncsAreFiltered(t *testing.T) {
	alice, bob, room, second := filteredRoom(t)
	alice.Must("PUT", clientV3+"/user/"+alice.UserID+"/rooms/"+url.PathEscape(room)+"/account_data/fr.a", object{}, nil)
	alice.Must("PUT", clientV3+"/user/"+alice.UserID+"/rooms/"+url.PathEscape(room)+"/account_data/fr.b", object{}, nil)
	bob.Must("POST", roomPath(room)+"/receipt/m.read/"+url.PathEscape(second), object{}, nil)
	gone := alice.CreateRoom(object{"name": "gone"})
	alice.Must("POST", roomPath(gone)+"/leave", object{}, nil)
	in := func(room object) object { return object{"room": room} }
	for _, c := range []struct {
		filter object
		want   func(s filteredSync, r filteredSection) string
		is     string
	}{
		{in(object{"timeline": object{"types": []string{"m.room.message"}}}),
			func(_ filteredSync, r filteredSection) string { return bodies(r.Timeline.Events) }, "one two three"},
		{in(object{"timeline": object{"limit": 1}}),
			func(_ filteredSync, r filteredSection) string { return bodies(r.Timeline.Events) }, "four"},
		{in(object{"timeline": object{"not_senders": []string{alice.UserID}, "not_types": []string{"m.room.member"}}}),
			func(_ filteredSync, r filteredSection) string { return bodies(r.Timeline.Events) }, "two four"},
		{in(object{"timeline": object{"limit": 1}, "state": object{"types": []string{"m.room.create", "m.room.join_*"}}}),
			func(_ filteredSync, r filteredSection) string { return bodies(r.State.Events) }, "m.room.create m.room.join_rules"},
		{in(object{"ephemeral": object{"types": []string{}}}),
			func(_ filteredSync, r filteredSection) string { return bodies(r.Ephemeral.Events) }, ""},
		{in(object{"ephemeral": object{"types": []string{"m.receipt"}}}),
			func(_ filteredSync, r filteredSection) string { return bodies(r.Ephemeral.Events) }, "m.receipt"},
		{in(object{"account_data": object{"not_types": []string{"fr.a"}}}),
			func(_ filteredSync, r filteredSection) string { return bodies(r.AccountData.Events) }, "fr.b"},
		{object{"account_data": object{"types": []string{"m.none"}}},
			func(s filteredSync, _ filteredSection) string { return bodies(s.AccountData.Events) }, ""},
		{in(object{"not_rooms": []string{room}}),
			func(s filteredSync, _ filteredSection) string { return fmt.Sprint(len(s.Rooms.Join)) }, "0"},
		{in(object{"rooms": []string{}}),
			func(s filteredSync, _ filteredSection) string { return fmt.Sprint(len(s.Rooms.Join)) }, "0"},
		{in(object{"include_leave": true}),
			func(s filteredSync, _ filteredSection) string { return fmt.Sprint(len(s.Rooms.Leave)) }, "1"},
		{in(object{}),
			func(s filteredSync, _ filteredSection) string { return fmt.Sprint(len(s.Rooms.Leave)) }, "0"},
	} {
		var stored struct {
			FilterID string `json:"filter_id"`
		}
		alice.Must("POST", clientV3+"/user/"+alice.UserID+"/filter", c.filter, &stored)
		for _, parameter := range []string{query(t, c.filter), "filter=" + stored.FilterID} {
			var s filteredSync
			alice.Must("GET", clientV3+"/sync?"+parameter, nil, &s)
			if got := c.want(s, s.Rooms.Join[room]); got != c.is {
				t.Errorf("%s: %q, want %q", parameter, got, c.is)
			}
		}
	}
}

// State comes as its content, or as the event where one asks for that.
func TestStateInBothFormats(t *testing.T) {
	alice, bob, room, _ := filteredRoom(t)
	alice.Must("PUT", roomPath(room)+"/state/fr.mairie.desk/left", object{"open": true}, nil)
	path := roomPath(room) + "/state/fr.mairie.desk/left"
	var content, event object
	bob.Must("GET", path, nil, &content)
	bob.Must("GET", path+"?format=event", nil, &event)
	if fmt.Sprint(content) != "map[open:true]" || fmt.Sprint(event["content"]) != "map[open:true]" || event["state_key"] != "left" ||
		event["type"] != "fr.mairie.desk" || event["sender"] != alice.UserID || event["room_id"] != room {
		t.Errorf("%v and %v", content, event)
	}
	var all []object
	bob.Must("GET", roomPath(room)+"/state", nil, &all)
	if !slices.ContainsFunc(all, func(e object) bool { return e["event_id"] == event["event_id"] }) || len(all) < 8 {
		t.Errorf("the state has %d events: %v", len(all), all)
	}

	// who has left reads the state as it was then
	bob.Must("POST", roomPath(room)+"/leave", object{}, nil)
	alice.Must("PUT", roomPath(room)+"/state/fr.mairie.desk/left", object{"open": false}, nil)
	if bob.Must("GET", path, nil, &content); content["open"] != true {
		t.Errorf("bob, who left, sees %v", content)
	}
	bob.Must("GET", path+"?format=event", nil, &event)
	if fmt.Sprint(event["content"]) != "map[open:true]" {
		t.Errorf("bob, who left, sees %v", event)
	}
}
