package server_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"beffroi/server/servertest"
)

func hierarchyPath(room, query string) string {
	return "/_matrix/client/v1/rooms/" + url.PathEscape(room) + "/hierarchy?" + query
}

type hierarchy struct {
	Rooms []struct {
		RoomID   string `json:"room_id"`
		Name     string
		Children []struct {
			StateKey string `json:"state_key"`
			TS       int64  `json:"origin_server_ts"`
		} `json:"children_state"`
	}
	Next string `json:"next_batch"`
}

func (h *hierarchy) names() string {
	var names []string
	for _, room := range h.Rooms {
		names = append(names, room.Name)
	}
	return strings.Join(names, " ")
}

func tree(u *servertest.User, room, query string) *hierarchy {
	var h hierarchy
	u.Must("GET", hierarchyPath(room, query), nil, &h)
	return &h
}

// space makes a room that is named, and a space where children are given, in their order.
func space(u *servertest.User, name string, rule object, children ...string) string {
	options := object{"name": name, "preset": "private_chat", "initial_state": []object{{"type": "m.room.join_rules", "content": rule}}}
	if children != nil {
		options["creation_content"] = object{"type": "m.space"}
	}
	room := u.CreateRoom(options)
	for i, child := range children {
		u.Must("PUT", childPath(room, child), object{"via": []string{"x"}, "order": fmt.Sprintf("%02d", i), "suggested": i == 0}, nil)
	}
	return room
}

func childPath(room, child string) string {
	return roomPath(room) + "/state/m.space.child/" + url.PathEscape(child)
}

func TestHierarchy(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	open := joinRule("public")
	a, b, secret := space(alice, "a", open), space(alice, "b", joinRule("knock")), space(alice, "secret", joinRule("invite"))
	inner := space(alice, "inner", open, b, a, secret)
	root := space(alice, "root", open, inner, a, "!unknown:elsewhere.invalid", secret)
	alice.Must("PUT", childPath(inner, root), object{"via": []string{"x"}, "order": "zz"}, nil) // a loop
	alice.Must("PUT", childPath(root, b), object{}, nil)                                        // without via it is no child

	if got := tree(alice, root, "").names(); got != "root inner b a secret" {
		t.Errorf("alice sees %s", got)
	}
	seen := tree(bob, root, "")
	if got := seen.names(); got != "root inner b a" {
		t.Errorf("bob sees %s", got)
	}
	if first := seen.Rooms[0]; len(first.Children) != 4 || first.Children[0].StateKey != inner || first.Children[0].TS == 0 || len(seen.Rooms[2].Children) != 0 {
		t.Errorf("children %+v", seen.Rooms)
	}
	for query, want := range map[string]string{"max_depth=0": "root", "max_depth=1": "root inner a", "suggested_only=true": "root inner b",
		"limit=2": "root inner", "max_depth=99&limit=999": "root inner b a"} {
		if got := tree(bob, root, query).names(); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	var pages []string
	for next := ""; ; {
		page := tree(bob, root, "limit=2&from="+next)
		pages = append(pages, page.names())
		if next = page.Next; next == "" {
			break
		}
		bob.MustFail(400, "M_INVALID_PARAM", "GET", hierarchyPath(root, "limit=2&max_depth=1&from="+next), nil)
		bob.MustFail(400, "M_INVALID_PARAM", "GET", hierarchyPath(root, "limit=2&suggested_only=true&from="+next), nil)
	}
	if !slices.Equal(pages, []string{"root inner", "b a"}) {
		t.Errorf("pages %q", pages)
	}
	bob.MustFail(403, "M_FORBIDDEN", "GET", hierarchyPath(secret, ""), nil)
	bob.MustFail(403, "M_FORBIDDEN", "GET", hierarchyPath("!none:"+s.ServerName, ""), nil)
	for _, query := range []string{"limit=0", "limit=x", "max_depth=-1", "max_depth=x", "suggested_only=5", "from=x", "from=h1.0.20.false"} {
		bob.MustFail(400, "M_INVALID_PARAM", "GET", hierarchyPath(root, query), nil)
	}
}

func TestOrderOfChildren(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	var rooms []string
	for range 6 {
		rooms = append(rooms, alice.CreateRoom(object{}))
	}
	root := space(alice, "root", joinRule("public"), []string{}...)
	if tree(alice, root, "").Rooms == nil {
		t.Error("a room without children has no tree")
	}
	root = space(alice, "root", joinRule("public"), "!unknown:elsewhere.invalid")
	for i, order := range []any{strings.Repeat("a", 51), "é", 5, "~", " ", "a"} {
		alice.Must("PUT", childPath(root, rooms[i]), object{"via": []string{"x"}, "order": order}, nil)
	}
	var got []string
	for _, child := range tree(alice, root, "").Rooms[0].Children {
		got = append(got, child.StateKey)
	}
	want := []string{rooms[4], "!unknown:elsewhere.invalid", rooms[5], rooms[3]}
	if len(got) != 7 || !slices.Equal(got[:4], want) {
		t.Errorf("children in the order %v, want %v first", got, want)
	}
}

func TestRoomSummaries(t *testing.T) {
	s := servertest.Start(t)
	alice, bob, nobody := s.Register(t, "alice"), s.Register(t, "bob"), s.Anonymous(t)
	staff := alice.CreateRoom(object{"preset": "private_chat"})
	options := withJoinRule(joinRule("restricted", staff))
	options["name"], options["topic"], options["room_alias_name"] = "Agents", "Entre nous", "agents"
	options["initial_state"] = append(options["initial_state"].([]object), object{"type": "m.room.encryption", "content": object{"algorithm": "m.megolm.v1.aes-sha2"}})
	room := alice.CreateRoom(options)
	for _, path := range []string{"v1/room_summary/" + url.PathEscape(room), "v1/room_summary/" + url.PathEscape("#agents:"+s.ServerName),
		"unstable/im.nheko.summary/summary/" + url.PathEscape(room), "unstable/im.nheko.summary/rooms/" + url.PathEscape(room) + "/summary"} {
		summary := object{}
		alice.Must("GET", "/_matrix/client/"+path+"?via=x", nil, &summary)
		delete(summary, "num_joined_members")
		want := object{"room_id": room, "name": "Agents", "topic": "Entre nous", "canonical_alias": "#agents:" + s.ServerName, "join_rule": "restricted",
			"allowed_room_ids": []any{staff}, "encryption": "m.megolm.v1.aes-sha2", "room_version": "12", "membership": "join",
			"world_readable": false, "guest_can_join": true}
		if fmt.Sprint(summary) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", path, summary, want)
		}
	}
	path := "/_matrix/client/v1/room_summary/" + url.PathEscape(room)
	bob.MustFail(404, "M_NOT_FOUND", "GET", path, nil)
	bob.MustFail(404, "M_NOT_FOUND", "GET", "/_matrix/client/v1/room_summary/"+url.PathEscape("!none:"+s.ServerName), nil)
	bob.MustFail(404, "M_NOT_FOUND", "GET", "/_matrix/client/v1/room_summary/"+url.PathEscape("#none:"+s.ServerName), nil)
	bob.MustFail(400, "M_INVALID_PARAM", "GET", "/_matrix/client/v1/room_summary/none", nil)
	nobody.MustFail(401, "M_MISSING_TOKEN", "GET", path, nil)
	alice.Invite(staff, bob)
	bob.Join(staff)
	bob.Must("GET", path, nil, nil)
	bob.Join(room)
	alice.Must("POST", roomPath(room)+"/ban", object{"user_id": bob.UserID}, nil)
	bob.MustFail(404, "M_NOT_FOUND", "GET", path, nil)
}

func TestMutualRooms(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	path := "/_matrix/client/v1/mutual_rooms"
	mutual := func(u, other *servertest.User) (m struct {
		Joined []string
		Count  int
	}) {
		t.Helper()
		u.Must("GET", path+"?user_id="+url.QueryEscape(other.UserID), nil, &m)
		return m
	}
	if got := mutual(alice, bob); got.Count != 0 || got.Joined == nil {
		t.Errorf("%+v", got)
	}
	room := alice.CreateRoom(object{"preset": "public_chat"})
	alice.Invite(alice.CreateRoom(object{}), bob)
	bob.Join(room)
	for _, got := range []struct {
		Joined []string
		Count  int
	}{mutual(alice, bob), mutual(bob, alice)} {
		if got.Count != 1 || !slices.Equal(got.Joined, []string{room}) {
			t.Errorf("%+v", got)
		}
	}
	alice.Must("GET", path+"?user_id="+url.QueryEscape("@nobody:elsewhere.invalid"), nil, nil)
	alice.MustFail(400, "M_MISSING_PARAM", "GET", path, nil)
	for _, query := range []string{"user_id=" + url.QueryEscape(alice.UserID), "user_id=nobody", "from=x&user_id=" + url.QueryEscape(bob.UserID)} {
		alice.MustFail(400, "M_INVALID_PARAM", "GET", path+"?"+query, nil)
	}
}

func TestEventAtATime(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "private_chat"})
	at := func(u *servertest.User, ts int64, dir string) (found struct {
		EventID string `json:"event_id"`
		TS      int64  `json:"origin_server_ts"`
	}) {
		t.Helper()
		u.Must("GET", fmt.Sprintf("/_matrix/client/v1/rooms/%s/timestamp_to_event?ts=%d&dir=%s", url.PathEscape(room), ts, dir), nil, &found)
		return found
	}
	times := map[string]int64{}
	var sent []string
	for i := range 250 {
		id := alice.SendText(room, fmt.Sprint(i))
		var e struct {
			TS int64 `json:"origin_server_ts"`
		}
		alice.Must("GET", roomPath(room)+"/event/"+url.PathEscape(id), nil, &e)
		sent, times[id] = append(sent, id), e.TS
	}
	for _, i := range []int{0, 100, 249} {
		for _, dir := range []string{"f", "b"} {
			if got := at(alice, times[sent[i]], dir); got.TS != times[sent[i]] {
				t.Errorf("%s of %d: %d, want %d", dir, i, got.TS, times[sent[i]])
			}
		}
	}
	if got := at(alice, 0, "f"); got.TS > times[sent[0]] || times[got.EventID] != 0 {
		t.Errorf("the first event is %+v", got)
	}
	if got := at(alice, times[sent[249]]+1000, "b"); got.TS != times[sent[249]] {
		t.Errorf("the last event is %+v", got)
	}
	path := "/_matrix/client/v1/rooms/" + url.PathEscape(room) + "/timestamp_to_event?"
	alice.MustFail(404, "M_NOT_FOUND", "GET", path+"dir=b&ts=0", nil)
	alice.MustFail(404, "M_NOT_FOUND", "GET", path+fmt.Sprintf("dir=f&ts=%d", times[sent[249]]+1000), nil)
	alice.MustFail(400, "M_INVALID_PARAM", "GET", path+"dir=x&ts=0", nil)
	alice.MustFail(400, "M_INVALID_PARAM", "GET", path+"dir=b", nil)
	bob.MustFail(403, "M_FORBIDDEN", "GET", path+"dir=b&ts=0", nil)
}
