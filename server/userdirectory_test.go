package server_test

import (
	"slices"
	"strings"
	"testing"

	"beffroi/server/config"
	"beffroi/server/servertest"
)

// found are the local parts of whom a search finds.
func found(u *servertest.User, query object) (names []string, limited bool) {
	var people struct {
		Results []struct {
			UserID string `json:"user_id"`
		}
		Limited bool
	}
	u.Must("POST", clientV3+"/user_directory/search", query, &people)
	for _, p := range people.Results {
		local, _, _ := strings.Cut(p.UserID, ":")
		names = append(names, local[1:])
	}
	return names, people.Limited
}

func named(u *servertest.User, name string) {
	u.Must("PUT", clientV3+"/profile/"+u.UserID+"/displayname", object{"displayname": name}, nil)
}

func TestUserDirectory(t *testing.T) {
	s := servertest.Start(t)
	helene, benoit, hector, leo := s.Register(t, "helene"), s.Register(t, "benoit"), s.Register(t, "hector"), s.Register(t, "leo")
	named(helene, "Hélène Œuvrard")
	named(benoit, "Benoît d’Hélène")
	named(leo, "Léo")
	helene.Must("PUT", clientV3+"/profile/"+helene.UserID+"/avatar_url", object{"avatar_url": "mxc://x/y"}, nil)
	for _, c := range []struct {
		by      *servertest.User
		search  string
		limit   int
		want    string
		limited bool
	}{
		{leo, "HELENE", 10, "helene benoit", false}, // by id first, then by name
		{leo, "hélène", 1, "helene", true},
		{leo, "hélène", 0, "", true},
		{leo, "oeuv hel", 10, "helene", false},
		{leo, "d'h", 10, "benoit", false},
		{leo, "he", 10, "helene hector benoit", false},
		{leo, hector.UserID, 10, "hector", false},
		{leo, "Éo", 10, "", false}, // himself
		{hector, "Éo", 10, "leo", false},
		{leo, " ", 10, "", false},
		{leo, "personne", 10, "", false},
	} {
		got, limited := found(c.by, object{"search_term": c.search, "limit": c.limit})
		if strings.Join(got, " ") != c.want || limited != c.limited {
			t.Errorf("%q, %d: %s (limited: %v), want %s", c.search, c.limit, got, limited, c.want)
		}
	}
	var people object
	leo.Must("POST", clientV3+"/user_directory/search", object{"search_term": "oeuvrard"}, &people)
	if p, _ := people["results"].([]any)[0].(map[string]any); p["display_name"] != "Hélène Œuvrard" || p["avatar_url"] != "mxc://x/y" {
		t.Errorf("%v", p)
	}
	leo.MustFail(400, "M_MISSING_PARAM", "POST", clientV3+"/user_directory/search", object{})
	leo.MustFail(400, "M_INVALID_PARAM", "POST", clientV3+"/user_directory/search", object{"search_term": "x", "limit": -1})
	leo.MustFail(400, "M_INVALID_PARAM", "POST", clientV3+"/user_directory/search", object{"search_term": strings.Repeat("x", 256)})
	leo.MustFail(400, "M_BAD_JSON", "POST", clientV3+"/user_directory/search", object{"search_term": 5})

	if names := foundNames(leo, "benoit"); !slices.Equal(names, []string{"benoit"}) {
		t.Errorf("before the account ends: %s", names)
	}
	benoit.Must("POST", clientV3+"/account/deactivate", object{"auth": object{"type": "m.login.password",
		"identifier": object{"type": "m.id.user", "user": "benoit"}, "password": "benoit"}}, nil)
	if names := foundNames(leo, "benoit"); names != nil {
		t.Errorf("after the account ended: %s", names)
	}
}

func foundNames(u *servertest.User, search string) []string {
	names, _ := found(u, object{"search_term": search})
	return names
}

// Where not everybody finds everybody, common and open rooms decide; how somebody is called in a room doesn't matter.
func TestUserDirectoryOfWhoIsVisible(t *testing.T) {
	s := servertest.Start(t, func(c *config.Config) { c.Directory.Everybody = false })
	alice, bob, carol, dave := s.Register(t, "person-alice"), s.Register(t, "person-bob"), s.Register(t, "person-carol"), s.Register(t, "person-dave")
	look := func(when string, want map[*servertest.User]string) {
		t.Helper()
		for u, names := range want {
			if got := strings.Join(foundNames(u, "person"), " "); got != names {
				t.Errorf("%s: %s finds %q, want %q", when, u.UserID, got, names)
			}
		}
	}
	look("no rooms", map[*servertest.User]string{alice: "", bob: ""})
	private := alice.CreateRoom(object{"preset": "private_chat"})
	alice.Invite(private, bob)
	look("invited", map[*servertest.User]string{alice: "", bob: ""})
	bob.Join(private)
	bob.Must("PUT", roomPath(private)+"/state/m.room.member/"+bob.UserID, object{"membership": "join", "displayname": "Secret"}, nil)
	look("joined", map[*servertest.User]string{alice: "person-bob", bob: "person-alice", carol: ""})
	if got := foundNames(alice, "secret"); got != nil {
		t.Errorf("found by a room's name: %s", got)
	}
	open := carol.CreateRoom(object{"preset": "public_chat"})
	look("public", map[*servertest.User]string{alice: "person-bob person-carol", dave: "person-carol", carol: ""})
	carol.Must("PUT", roomPath(open)+"/state/m.room.join_rules", object{"join_rule": "invite"}, nil)
	look("public no more", map[*servertest.User]string{dave: ""})
	carol.Must("PUT", roomPath(open)+"/state/m.room.history_visibility", object{"history_visibility": "world_readable"}, nil)
	look("world readable", map[*servertest.User]string{dave: "person-carol"})
}
