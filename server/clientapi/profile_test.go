package clientapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const profilePath = "/_matrix/client/v3/profile/"

func TestProfile(t *testing.T) {
	s := start(t)
	alice, stranger := s.register("alice"), s.stranger()
	mine := profilePath + alice.id
	if p := stranger.must("GET", mine, nil); len(p) != 0 {
		t.Fatal(p)
	}
	stranger.fails(404, "M_NOT_FOUND", "GET", mine+"/displayname", nil)
	alice.must("PUT", mine+"/displayname", object{"displayname": "Alice <3 & \"co\""})
	alice.must("PUT", mine+"/avatar_url", object{"avatar_url": "mxc://mairie.test/abc"})
	alice.must("PUT", mine+"/m.tz", object{"m.tz": "Europe/Paris"})
	alice.must("PUT", mine+"/fr.mairie.poste", object{"fr.mairie.poste": object{"étage": 2, "bureaux": []any{"a", nil}}})
	alice.must("PUT", mine+"/fr.mairie.rien", object{"fr.mairie.rien": nil})
	want := `map[avatar_url:mxc://mairie.test/abc displayname:Alice <3 & "co" fr.mairie.poste:map[bureaux:[a <nil>] étage:2] fr.mairie.rien:<nil> m.tz:Europe/Paris]`
	if got := fmt.Sprint(stranger.must("GET", mine, nil)); got != want {
		t.Fatalf("%s\n%s", got, want)
	}
	if p := stranger.must("GET", mine+"/displayname", nil); len(p) != 1 || p["displayname"] != `Alice <3 & "co"` {
		t.Fatal(p)
	}
	name, avatar, err := s.acc.MemberProfile(t.Context(), s.atom(alice.id))
	if name != `Alice <3 & "co"` || avatar != "mxc://mairie.test/abc" || err != nil {
		t.Fatal(name, avatar, err)
	}
	stranger.fails(404, "M_NOT_FOUND", "GET", profilePath+"@nobody:mairie.test", nil)
	stranger.fails(403, "M_FORBIDDEN", "GET", profilePath+"@alice:elsewhere.test/displayname", nil)
}

func TestProfileFieldsAreRemoved(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	mine := profilePath + alice.id
	for _, name := range []string{"displayname", "avatar_url", "x.y"} {
		value := map[string]any{"displayname": "Alice", "avatar_url": "mxc://a/b", "x.y": 1}[name]
		alice.must("PUT", mine+"/"+name, object{name: value})
		alice.must("DELETE", mine+"/"+name, nil)
		alice.must("DELETE", mine+"/"+name, nil)
		alice.fails(404, "M_NOT_FOUND", "GET", mine+"/"+name, nil)
	}
	for _, name := range []string{"displayname", "avatar_url"} {
		alice.must("PUT", mine+"/"+name, object{name: map[string]string{"displayname": "A", "avatar_url": "mxc://a/b"}[name]})
		alice.must("PUT", mine+"/"+name, object{name: ""})
	}
	if p := alice.must("GET", mine, nil); len(p) != 0 {
		t.Fatal("an empty name is none", p)
	}
}

func TestOnlyNameAndAvatarGoToTheRooms(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	mine := profilePath + alice.id
	alice.must("PUT", mine+"/displayname", object{"displayname": "Alice"})
	alice.must("PUT", mine+"/avatar_url", object{"avatar_url": "mxc://a/b"})
	alice.must("PUT", mine+"/x.y", object{"x.y": 1})
	alice.must("DELETE", mine+"/x.y", nil)
	alice.must("DELETE", mine+"/displayname", nil)
	if !slices.Equal(s.rooms.changed, []string{alice.id, alice.id, alice.id}) {
		t.Fatal(s.rooms.changed)
	}
}

func TestProfileIsRefused(t *testing.T) {
	s := start(t)
	alice, bob := s.register("alice"), s.register("bob")
	mine := profilePath + alice.id
	s.stranger().fails(401, "M_MISSING_TOKEN", "PUT", mine+"/displayname", object{"displayname": "x"})
	bob.fails(403, "M_FORBIDDEN", "PUT", mine+"/displayname", object{"displayname": "x"})
	bob.fails(403, "M_FORBIDDEN", "DELETE", mine+"/displayname", nil)
	long := "a." + strings.Repeat("b", 254)
	for _, c := range []struct {
		status        int
		errcode, name string
		body          any
	}{
		{400, "M_MISSING_PARAM", "displayname", object{"name": "x"}},
		{400, "M_BAD_JSON", "displayname", object{"displayname": "x", "avatar_url": "mxc://a/b"}},
		{400, "M_BAD_JSON", "displayname", object{"displayname": 5}},
		{400, "M_BAD_JSON", "displayname", object{"displayname": nil}},
		{400, "M_BAD_JSON", "m.tz", object{"m.tz": 2}},
		{400, "M_INVALID_PARAM", "displayname", object{"displayname": strings.Repeat("x", 257)}},
		{400, "M_INVALID_PARAM", "avatar_url", object{"avatar_url": "https://elsewhere/x.png"}},
		{400, "M_INVALID_PARAM", "avatar_url", object{"avatar_url": "mxc://" + strings.Repeat("x", 1000)}},
		{400, "M_INVALID_PARAM", "Majuscule", object{"Majuscule": 1}},
		{400, "M_INVALID_PARAM", "1a", object{"1a": 1}},
		{400, "M_KEY_TOO_LARGE", long, object{long: 1}},
		{400, "M_NOT_JSON", "x.y", []byte(`{"x.y":`)},
		{400, "M_NOT_JSON", "x.y", []byte("{\"x.y\":\"\xff\"}")},
		{413, "M_TOO_LARGE", "x.y", object{"x.y": strings.Repeat("x", 300<<10)}},
	} {
		alice.fails(c.status, c.errcode, "PUT", mine+"/"+c.name, c.body)
	}
	alice.fails(400, "M_KEY_TOO_LARGE", "DELETE", mine+"/"+long, nil)
}

func TestProfileHas64KiBAtMost(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	mine := profilePath + alice.id
	half := strings.Repeat("x", 32<<10)
	alice.must("PUT", mine+"/x.a", object{"x.a": half})
	alice.fails(400, "M_PROFILE_TOO_LARGE", "PUT", mine+"/x.b", object{"x.b": half})
	alice.must("PUT", mine+"/x.a", object{"x.a": half + "y"}) // replaces the field, does not add to it
	room := 64<<10 - len(`{"x.a":"y","x.b":"",}`) - len(half) - 2
	alice.must("PUT", mine+"/x.b", object{"x.b": half[:room]})
	alice.fails(400, "M_PROFILE_TOO_LARGE", "PUT", mine+"/x.b", object{"x.b": half[:room+10]})
}
