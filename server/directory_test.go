package server_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"beffroi/server/servertest"
)

func aliasPath(alias string) string { return clientV3 + "/directory/room/" + url.PathEscape(alias) }

func listPath(room string) string { return clientV3 + "/directory/list/room/" + url.PathEscape(room) }

// resolved is the room that an alias points to.
func resolved(u *servertest.User, alias string) string {
	var found struct {
		RoomID  string `json:"room_id"`
		Servers []string
	}
	u.Must("GET", aliasPath(alias), nil, &found)
	return found.RoomID
}

func localAliases(u *servertest.User, room string) []string {
	var list struct{ Aliases []string }
	u.Must("GET", roomPath(room)+"/aliases", nil, &list)
	return list.Aliases
}

func state(u *servertest.User, room, eventType string) object {
	content := object{}
	u.Must("GET", roomPath(room)+"/state/"+eventType, nil, &content)
	return content
}

func TestAliases(t *testing.T) {
	s := servertest.Start(t)
	alice, bob, nobody := s.Register(t, "alice"), s.Register(t, "bob"), s.Anonymous(t)
	room := alice.CreateRoom(object{"preset": "public_chat"})
	voirie := "#voirie:" + s.ServerName
	for _, bad := range []string{"voirie", "#voirie", "#:" + s.ServerName, "#a b:" + s.ServerName, "#voirie:elsewhere.invalid",
		"#" + strings.Repeat("x", 250) + ":" + s.ServerName} {
		alice.MustFail(400, "M_INVALID_PARAM", "PUT", aliasPath(bad), object{"room_id": room})
	}
	alice.MustFail(400, "M_MISSING_PARAM", "PUT", aliasPath(voirie), object{})
	alice.MustFail(403, "M_FORBIDDEN", "PUT", aliasPath(voirie), object{"room_id": "!nowhere:" + s.ServerName})
	bob.MustFail(403, "M_FORBIDDEN", "PUT", aliasPath(voirie), object{"room_id": room})
	nobody.MustFail(404, "M_NOT_FOUND", "GET", aliasPath(voirie), nil)

	alice.Must("PUT", aliasPath(voirie), object{"room_id": room}, nil)
	alice.MustFail(409, "M_UNKNOWN", "PUT", aliasPath(voirie), object{"room_id": room})
	if got := resolved(nobody, voirie); got != room {
		t.Errorf("%s points to %s", voirie, got)
	}
	nobody.MustFail(400, "M_INVALID_PARAM", "GET", aliasPath("voirie"), nil)
	nobody.MustFail(404, "M_NOT_FOUND", "GET", aliasPath("#voirie:elsewhere.invalid"), nil)
	if got := localAliases(alice, room); !slices.Equal(got, []string{voirie}) {
		t.Errorf("the room's aliases are %s", got)
	}
	bob.MustFail(403, "M_FORBIDDEN", "GET", roomPath(room)+"/aliases", nil)
	alice.Must("PUT", roomPath(room)+"/state/m.room.history_visibility", object{"history_visibility": "world_readable"}, nil)
	if got := localAliases(bob, room); len(got) != 1 {
		t.Errorf("who may look in sees the aliases %s", got)
	}
	bob.MustFail(403, "M_FORBIDDEN", "DELETE", aliasPath(voirie), nil)
}

// A deleted alias goes from m.room.canonical_alias, where who deletes it may change that.
func TestDeletingAliases(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat", "room_alias_name": "école"})
	main, other, bobs := "#école:"+s.ServerName, "#other:"+s.ServerName, "#bobs:"+s.ServerName
	if got := state(alice, room, "m.room.canonical_alias")["alias"]; got != main {
		t.Errorf("the canonical alias is %v", got)
	}
	bob.Must("POST", clientV3+"/join/"+url.PathEscape(main), object{}, nil)
	alice.Must("PUT", aliasPath(other), object{"room_id": room}, nil)
	bob.Must("PUT", aliasPath(bobs), object{"room_id": room}, nil)
	canonical := roomPath(room) + "/state/m.room.canonical_alias"
	alice.MustFail(400, "M_BAD_ALIAS", "PUT", canonical, object{"alias": main, "alt_aliases": []string{"#none:" + s.ServerName}})
	alice.MustFail(400, "M_INVALID_PARAM", "PUT", canonical, object{"alias": 5})
	alice.MustFail(400, "M_INVALID_PARAM", "PUT", canonical, object{"alt_aliases": "x"})
	alice.Must("PUT", canonical, object{"alias": main, "alt_aliases": []string{other, bobs}}, nil)

	bob.MustFail(403, "M_FORBIDDEN", "DELETE", aliasPath(other), nil)
	bob.Must("DELETE", aliasPath(bobs), nil, nil) // his own, but he may not change the state
	alice.MustFail(404, "M_NOT_FOUND", "DELETE", aliasPath(bobs), nil)
	if got := state(alice, room, "m.room.canonical_alias"); len(got["alt_aliases"].([]any)) != 2 {
		t.Errorf("%v", got)
	}
	alice.Must("PUT", canonical, object{"alias": main, "alt_aliases": []string{bobs, other}}, nil) // what stands is not looked at again
	alice.Must("DELETE", aliasPath(other), nil, nil)
	alice.Must("DELETE", aliasPath(main), nil, nil)
	got := state(alice, room, "m.room.canonical_alias")
	if list := got["alt_aliases"].([]any); got["alias"] != nil || len(list) != 1 || list[0] != bobs {
		t.Errorf("%v", got)
	}
	alice.MustFail(404, "M_NOT_FOUND", "POST", clientV3+"/join/"+url.PathEscape(main), object{})
	alice.MustFail(400, "M_INVALID_PARAM", "POST", clientV3+"/join/voirie", object{})
	alice.MustFail(400, "M_INVALID_PARAM", "POST", clientV3+"/rooms/"+url.PathEscape(main)+"/join", object{})
}

func TestRoomsMadeWithAnAlias(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{"room_alias_name": "voirie", "visibility": "public"})
	if got := resolved(alice, "#voirie:"+s.ServerName); got != room {
		t.Errorf("the alias points to %s", got)
	}
	var list struct{ Visibility string }
	if alice.Must("GET", listPath(room), nil, &list); list.Visibility != "public" {
		t.Errorf("the directory has it as %s", list.Visibility)
	}
	before := len(joinedRooms(alice))
	for name, errcode := range map[string]string{"voirie": "M_ROOM_IN_USE", "a:b": "M_INVALID_PARAM", "a b": "M_INVALID_PARAM",
		"a\u0000b": "M_INVALID_PARAM", strings.Repeat("x", 250): "M_INVALID_PARAM"} {
		alice.MustFail(400, errcode, "POST", clientV3+"/createRoom", object{"room_alias_name": name})
	}
	if after := len(joinedRooms(alice)); after != before {
		t.Errorf("%d rooms were made that were refused", after-before)
	}
}

func joinedRooms(u *servertest.User) []string {
	var list struct {
		JoinedRooms []string `json:"joined_rooms"`
	}
	u.Must("GET", clientV3+"/joined_rooms", nil, &list)
	return list.JoinedRooms
}

type publicPage struct {
	Chunk []struct {
		RoomID    string `json:"room_id"`
		Name      string
		Joined    int    `json:"num_joined_members"`
		JoinRule  string `json:"join_rule"`
		Alias     string `json:"canonical_alias"`
		RoomType  string `json:"room_type"`
		Worldwide bool   `json:"world_readable"`
	}
	Next  string `json:"next_batch"`
	Prev  string `json:"prev_batch"`
	Total int    `json:"total_room_count_estimate"`
}

func (p *publicPage) names() string {
	var names []string
	for _, room := range p.Chunk {
		names = append(names, room.Name)
	}
	return strings.Join(names, ", ")
}

func public(u *servertest.User, query object) *publicPage {
	var p publicPage
	u.Must("POST", clientV3+"/publicRooms", query, &p)
	return &p
}

func TestPublishedRooms(t *testing.T) {
	s := servertest.Start(t)
	alice, bob, nobody := s.Register(t, "alice"), s.Register(t, "bob"), s.Anonymous(t)
	visible := func(name string, more object) string {
		options := object{"preset": "public_chat", "visibility": "public", "name": name}
		for k, v := range more {
			options[k] = v
		}
		return alice.CreateRoom(options)
	}
	school := visible("Écoles et œuvres", object{"topic": "Rentrée 2027", "room_alias_name": "Écoles"})
	roads := visible("Voirie", object{"initial_state": []object{
		{"type": "m.room.history_visibility", "content": object{"history_visibility": "world_readable"}}}})
	visible("Espace mairie", object{"creation_content": object{"type": "m.space"}})
	hidden := alice.CreateRoom(object{"preset": "public_chat", "name": "Cachée"})
	bob.Join(roads)

	first := public(alice, object{})
	if first.Total != 3 || first.Chunk[0].RoomID != roads || !first.Chunk[0].Worldwide || first.Chunk[0].JoinRule != "public" {
		t.Errorf("the directory is %+v", first)
	}
	for search, want := range map[string]string{"ecoles": "Écoles et œuvres", "ÉCOLE": "Écoles et œuvres", "Oeuvres rentree": "Écoles et œuvres",
		"voirie ecole": "", "#écoles:": "Écoles et œuvres", "mairie": "Espace mairie", "cachee": ""} {
		if got := public(alice, object{"filter": object{"generic_search_term": search}}).names(); got != want {
			t.Errorf("%q finds %q, want %q", search, got, want)
		}
	}
	for _, c := range []struct {
		types []any
		want  string
	}{{[]any{"m.space"}, "Espace mairie"}, {[]any{nil}, "Voirie, Écoles et œuvres"}, {[]any{}, ""}, {[]any{"x", nil, "m.space"}, first.names()}} {
		if got := public(alice, object{"filter": object{"room_types": c.types}}).names(); got != c.want {
			t.Errorf("types %v: %q, want %q", c.types, got, c.want)
		}
	}
	var page publicPage
	alice.Must("GET", clientV3+"/publicRooms?limit=2", nil, &page)
	second := public(alice, object{"limit": 2, "since": page.Next})
	if len(page.Chunk) != 2 || page.Prev != "" || len(second.Chunk) != 1 || second.Next != "" || second.Chunk[0].RoomID == page.Chunk[1].RoomID {
		t.Errorf("pages %+v and %+v", page, second)
	}
	if back := public(alice, object{"limit": 2, "since": second.Prev}); back.names() != page.names() || back.Prev != "" {
		t.Errorf("back from the second page: %+v", back)
	}

	// what is shown follows the room, also where an event loses its content
	bob.MustFail(403, "M_FORBIDDEN", "PUT", listPath(roads), object{"visibility": "private"})
	named := struct {
		EventID string `json:"event_id"`
	}{}
	alice.Must("PUT", roomPath(school)+"/state/m.room.name", object{"name": "Périscolaire"}, &named)
	if got := public(alice, object{"filter": object{"generic_search_term": "periscolaire"}}); len(got.Chunk) != 1 {
		t.Errorf("a new name is not found: %+v", got)
	}
	alice.Must("PUT", roomPath(school)+"/redact/"+url.PathEscape(named.EventID)+"/1", object{}, nil)
	if got := public(alice, object{"filter": object{"generic_search_term": "periscolaire"}}); len(got.Chunk) != 0 {
		t.Errorf("a name that was deleted is found: %+v", got)
	}
	alice.Must("PUT", listPath(roads), object{"visibility": "private"}, nil)
	alice.Must("PUT", listPath(hidden), object{}, nil)
	if got := public(alice, object{"filter": object{"generic_search_term": "cachee"}}); len(got.Chunk) != 1 || got.Total != 3 {
		t.Errorf("after publishing: %+v", got)
	}

	nobody.MustFail(401, "M_MISSING_TOKEN", "GET", clientV3+"/publicRooms", nil)
	nobody.MustFail(404, "M_NOT_FOUND", "GET", listPath("!none:"+s.ServerName), nil)
	alice.MustFail(404, "M_NOT_FOUND", "PUT", listPath("!none:"+s.ServerName), object{})
	alice.MustFail(400, "M_BAD_JSON", "PUT", listPath(roads), object{"visibility": "x"})
	alice.MustFail(404, "M_NOT_FOUND", "GET", clientV3+"/publicRooms?server=elsewhere.invalid", nil)
	alice.MustFail(400, "M_INVALID_PARAM", "GET", clientV3+"/publicRooms?since=nothing", nil)
	alice.MustFail(400, "M_INVALID_PARAM", "GET", clientV3+"/publicRooms?limit=x", nil)
	alice.MustFail(400, "M_INVALID_PARAM", "POST", clientV3+"/publicRooms", object{"include_all_networks": true, "third_party_instance_id": "irc"})
	if got := public(alice, object{"third_party_instance_id": "irc"}); len(got.Chunk) != 0 {
		t.Errorf("a network that is not here has %+v", got)
	}
}
