package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"beffroi/server/servertest"
)

const v3, v1 = "/_matrix/client/v3/", "/_matrix/client/v1/"

// published makes a room in the directory, with an alias.
func published(u *servertest.User, alias, name string, more map[string]any) string {
	options := map[string]any{"preset": "public_chat", "visibility": "public", "room_alias_name": alias, "name": name}
	for key, value := range more {
		options[key] = value
	}
	return u.CreateRoom(options)
}

func TestProfilesOfAnotherServer(t *testing.T) {
	n := servertest.NewNetwork(t)
	a, b := n.Start("a.test"), n.Start("b.test")
	alice, bob := a.Register(t, "alice"), b.Register(t, "bob")
	bob.Must("PUT", v3+"profile/"+bob.UserID+"/displayname", map[string]string{"displayname": "Bob Léponge"}, nil)
	var profile map[string]string
	alice.Must("GET", v3+"profile/"+bob.UserID, nil, &profile)
	if len(profile) != 1 || profile["displayname"] != "Bob Léponge" {
		t.Errorf("%v", profile)
	}
	alice.Must("GET", v3+"profile/"+bob.UserID+"/displayname", nil, nil)
	alice.MustFail(404, "M_NOT_FOUND", "GET", v3+"profile/"+bob.UserID+"/avatar_url", nil)
	alice.MustFail(404, "M_NOT_FOUND", "GET", v3+"profile/@nobody:b.test", nil)
	a.Anonymous(t).MustFail(403, "M_FORBIDDEN", "GET", v3+"profile/"+bob.UserID, nil) // strangers make us ask nobody
	a.Anonymous(t).MustFail(403, "M_FORBIDDEN", "GET", v3+"profile/"+bob.UserID+"/displayname", nil)
	a.Anonymous(t).MustFail(404, "M_NOT_FOUND", "GET", v3+"profile/@nobody:a.test", nil)
}

func TestWhatAServerSaysOfAProfileIsChecked(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	alice := s.Register(t, "alice")
	var asked atomic.Int32
	p.Mux.HandleFunc("GET /_matrix/federation/v1/query/profile", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if strings.HasPrefix(r.FormValue("user_id"), "@list") {
			_, _ = io.WriteString(w, `[]`)
			return
		}
		_, _ = io.WriteString(w, `{"displayname":7,"avatar_url":"https://elsewhere/","m.tz":"Europe/Paris"}`)
	})
	for range 3 {
		var profile map[string]json.RawMessage
		alice.Must("GET", v3+"profile/"+p.User("x"), nil, &profile)
		if len(profile) != 1 || profile["m.tz"] == nil {
			t.Errorf("%s", profile)
		}
	}
	alice.MustFail(502, "M_UNKNOWN", "GET", v3+"profile/"+p.User("list"), nil)
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestDirectoryOfAnotherServer(t *testing.T) {
	n := servertest.NewNetwork(t)
	a, b := n.Start("a.test"), n.Start("b.test")
	alice, bob := a.Register(t, "alice"), b.Register(t, "bob")
	first := published(bob, "mairie", "Mairie", nil)
	published(bob, "piscine", "Piscine", nil)
	internal := published(bob, "interne", "Mairie, interne", map[string]any{"creation_content": map[string]any{"m.federate": false}})
	var page struct {
		Chunk []struct {
			RoomID string `json:"room_id"`
		}
		Next  string `json:"next_batch"`
		Total int    `json:"total_room_count_estimate"`
	}
	alice.Must("POST", v3+"publicRooms?server=b.test", map[string]any{"filter": map[string]string{"generic_search_term": "mairie"}}, &page)
	if len(page.Chunk) != 1 || page.Chunk[0].RoomID != first {
		t.Errorf("%+v", page)
	}
	bob.Must("POST", v3+"publicRooms", map[string]any{"filter": map[string]string{"generic_search_term": "interne"}}, &page)
	if len(page.Chunk) != 1 || page.Chunk[0].RoomID != internal {
		t.Errorf("%+v", page)
	}
	alice.Must("GET", v3+"publicRooms?server=b.test&limit=1", nil, &page)
	if len(page.Chunk) != 1 || page.Next == "" {
		t.Fatalf("%+v", page)
	}
	before := page.Chunk[0].RoomID
	alice.Must("GET", v3+"publicRooms?server=b.test&limit=1&since="+url.QueryEscape(page.Next), nil, &page)
	if len(page.Chunk) != 1 || page.Chunk[0].RoomID == before {
		t.Errorf("%+v", page)
	}
	alice.MustFail(504, "M_UNKNOWN", "GET", v3+"publicRooms?server=none.test", nil)
}

func TestAliasesOfOthersInARoomAreChecked(t *testing.T) {
	n := servertest.NewNetwork(t)
	a, b := n.Start("a.test"), n.Start("b.test")
	alice, bob := a.Register(t, "alice"), b.Register(t, "bob")
	room := published(alice, "mairie", "Mairie", nil)
	bob.Must("POST", v3+"join/"+url.PathEscape("#mairie:a.test"), map[string]any{}, nil)
	bob.Must("PUT", v3+"directory/room/"+url.PathEscape("#voisins:b.test"), map[string]string{"room_id": room}, nil)
	uri := v3 + "rooms/" + url.PathEscape(room) + "/state/m.room.canonical_alias/"
	alice.Must("PUT", uri, map[string]any{"alias": "#mairie:a.test", "alt_aliases": []string{"#voisins:b.test"}}, nil)
	published(bob, "autre", "Autre", nil)
	for _, alias := range []string{"#autre:b.test", "#none:b.test", "#x:none.test"} {
		alice.MustFail(400, "M_BAD_ALIAS", "PUT", uri, map[string]any{"alias": "#mairie:a.test", "alt_aliases": []string{alias}})
	}
}

func TestSpacesAcrossServers(t *testing.T) {
	n := servertest.NewNetwork(t)
	a, b := n.Start("a.test"), n.Start("b.test")
	alice, bob := a.Register(t, "alice"), b.Register(t, "bob")
	space := map[string]any{"creation_content": map[string]any{"type": "m.space"}}
	far := published(bob, "quartier", "Quartier", space)
	leaf := published(bob, "parc", "Parc", nil)
	secret := bob.CreateRoom(map[string]any{"preset": "private_chat", "name": "Secret"})
	internal := published(bob, "interne", "Interne", map[string]any{"creation_content": map[string]any{"m.federate": false}})
	near := published(alice, "ville", "Ville", space)
	own := published(alice, "place", "Place", nil)
	order := "x" // as they are added
	add := func(u *servertest.User, parent, child, via string) {
		t.Helper()
		u.Must("PUT", v3+"rooms/"+url.PathEscape(parent)+"/state/m.space.child/"+url.PathEscape(child), map[string]any{"via": []string{via}, "order": order}, nil)
		order += "x"
	}
	for _, child := range []string{leaf, secret, internal} {
		add(bob, far, child, "b.test")
	}
	add(alice, near, far, "b.test")
	add(alice, near, own, "a.test")
	names := func(u *servertest.User, room string) string {
		var page struct {
			Rooms []struct {
				Name     string
				Children []json.RawMessage `json:"children_state"`
			}
		}
		u.Must("GET", v1+"rooms/"+url.PathEscape(room)+"/hierarchy", nil, &page)
		var all []string
		for _, r := range page.Rooms {
			all = append(all, r.Name)
		}
		return strings.Join(all, ", ")
	}
	if got := names(alice, near); got != "Ville, Quartier, Parc, Place" {
		t.Errorf("%s", got)
	}
	if got := names(bob, far); got != "Quartier, Parc, Secret, Interne" {
		t.Errorf("%s", got)
	}
	var summary struct {
		Name       string
		Membership string
	}
	alice.Must("GET", v1+"room_summary/"+url.PathEscape(leaf)+"?via=b.test", nil, &summary)
	if summary.Name != "Parc" {
		t.Errorf("%+v", summary)
	}
	alice.Must("GET", v1+"room_summary/"+url.PathEscape("#quartier:b.test"), nil, &summary)
	if summary.Name != "Quartier" {
		t.Errorf("%+v", summary)
	}
	for _, room := range []string{secret, internal} {
		alice.MustFail(404, "M_NOT_FOUND", "GET", v1+"room_summary/"+url.PathEscape(room)+"?via=b.test", nil)
	}
	b.Anonymous(t)
}

// A room that those of a space may join is shown to them as soon as its server is in the space and so knows them, whatever it answered a moment before.
func TestAServerThatComesIntoASpaceIsAskedAgain(t *testing.T) {
	n := servertest.NewNetwork(t)
	a, b := n.Start("a.test"), n.Start("b.test")
	alice, bob, carol := a.Register(t, "alice"), b.Register(t, "bob"), a.Register(t, "carol")
	space := published(alice, "ville", "Ville", map[string]any{"creation_content": map[string]any{"type": "m.space"}, "initial_state": []object{
		{"type": "m.room.history_visibility", "content": object{"history_visibility": "world_readable"}}}})
	options := withJoinRule(joinRule("restricted", space))
	options["name"] = "Agents"
	room := bob.CreateRoom(options)
	alice.Must("PUT", childPath(space, room), map[string]any{"via": []string{"b.test"}}, nil)
	if got := tree(alice, space, "").names(); got != "Ville" {
		t.Errorf("%s", got)
	}
	bob.Must("POST", joinBy(space, "a.test"), map[string]any{}, nil)
	if got := tree(alice, space, "").names(); got != "Ville Agents" {
		t.Errorf("%s", got)
	}
	if got := tree(carol, space, "").names(); got != "Ville" {
		t.Errorf("who is not in the space sees %s", got)
	}
}

func TestWhatServersSayOfSpacesIsChecked(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	alice := s.Register(t, "alice")
	space := published(alice, "ville", "Ville", map[string]any{"creation_content": map[string]any{"type": "m.space"}})
	answers := map[string]string{
		"!good:x":  `{"room":{"room_id":"!good:x","name":"Good","num_joined_members":1,"world_readable":true,"guest_can_join":false,"children_state":[{"type":"m.space.child","state_key":"!kid:x","content":{"via":["x"]},"sender":"@a:x","origin_server_ts":1}, 7],"room_type":"m.space"},"children":[{"room_id":"!kid:x","name":"Kid","num_joined_members":1,"world_readable":false,"guest_can_join":false,"join_rule":"public"},{"room_id":"!stranger:x","name":"Stranger","join_rule":"public"}],"inaccessible_children":[]}`,
		"!other:x": `{"room":{"room_id":"!good:x","name":"Another"},"children":[],"inaccessible_children":[]}`,
		"!shut:x":  `{"room":{"room_id":"!shut:x","name":"Shut","join_rule":"invite","children_state":[]},"children":[],"inaccessible_children":[]}`,
		"!junk:x":  `{"room":[]}`,
	}
	p.Mux.HandleFunc("GET /_matrix/federation/v1/hierarchy/{room}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, answers[r.PathValue("room")])
	})
	for room := range answers {
		alice.Must("PUT", v3+"rooms/"+url.PathEscape(space)+"/state/m.space.child/"+url.PathEscape(room), map[string]any{"via": []string{p.Name}}, nil)
	}
	_, got := alice.Raw("GET", v1+"rooms/"+url.PathEscape(space)+"/hierarchy", nil)
	for name, want := range map[string]bool{"Good": true, "Kid": true, "Stranger": false, "Another": false, "Shut": false} {
		if strings.Contains(string(got), `"name":"`+name+`"`) != want {
			t.Errorf("%s: want %v in %s", name, want, got)
		}
	}
}

func TestTheEventAtATimeBeforeOneJoined(t *testing.T) {
	home, there, alice, bob := two(t)
	_ = home
	room := bob.CreateRoom(map[string]any{"preset": "public_chat"})
	for i := range 150 {
		bob.SendText(room, fmt.Sprint(i))
	}
	alice.Must("POST", joinBy(room, there.ServerName), map[string]any{}, nil)
	type found struct {
		ID string `json:"event_id"`
		TS int64  `json:"origin_server_ts"`
	}
	at := func(u *servertest.User, ts int64, dir string) (f found) {
		t.Helper()
		u.Must("GET", fmt.Sprintf("%srooms/%s/timestamp_to_event?ts=%d&dir=%s", v1, url.PathEscape(room), ts, dir), nil, &f)
		return f
	}
	first, last := at(bob, 0, "f"), at(bob, 1<<50, "b")
	for _, dir := range []string{"f", "b"} {
		middle := (first.TS + last.TS) / 2
		if got, want := at(alice, middle, dir), at(bob, middle, dir); got.TS != want.TS {
			t.Errorf("%s: %+v, want %+v", dir, got, want)
		}
	}
	alice.MustFail(404, "M_NOT_FOUND", "GET", v1+"rooms/"+url.PathEscape(room)+"/timestamp_to_event?ts=0&dir=b", nil)
}

func TestPeopleOfOtherServersAreFoundInRooms(t *testing.T) {
	home, there, alice, bob := two(t)
	dora := home.Register(t, "dora")
	bob.Must("PUT", v3+"profile/"+bob.UserID+"/displayname", map[string]string{"displayname": "Béatrice Bob"}, nil)
	find := func(u *servertest.User) string {
		_, answer := u.Raw("POST", v3+"user_directory/search", map[string]string{"search_term": "beatrice"})
		return string(answer)
	}
	room := bob.CreateRoom(map[string]any{"preset": "public_chat"})
	if got := find(alice); strings.Contains(got, bob.UserID) {
		t.Errorf("%s", got)
	}
	alice.Must("POST", joinBy(room, there.ServerName), map[string]any{}, nil)
	if got := find(alice); !strings.Contains(got, `"user_id":"`+bob.UserID+`","display_name":"Béatrice Bob"`) {
		t.Errorf("%s", got)
	}
	if got := find(dora); !strings.Contains(got, bob.UserID) { // the room is open to all
		t.Errorf("%s", got)
	}
}
