package server_test

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"beffroi/server/servertest"
)

const ircProtocol = `{"user_fields":["nick"],"location_fields":["channel"],"icon":"mxc://a/b","field_types":{"nick":{"regexp":".*","placeholder":"x"},
	"channel":{"regexp":"#.*","placeholder":"#x"}},"instances":[{"desc":"Libera","network_id":"libera","fields":{"network":"libera.chat"}}]}`

// What bridges connect to is found through this server. Source: client-server API, "Third-party Networks".
func TestNetworksOfBridges(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "protocols: [irc]\n")
	odd := servertest.NewBridge(t, "odd", "protocols: [irc, odd]\n")
	s := startWith(t, irc, odd)
	alice := s.Register(t, "alice")
	const path = clientV3 + "/thirdparty"
	irc.Answer(func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if strings.HasSuffix(r.URL.Path, "/thirdparty/protocol/irc") {
			_, _ = io.WriteString(w, ircProtocol)
			return true
		}
		if strings.Contains(r.URL.Path, "/thirdparty/location") && (r.URL.RawQuery == "channel=%23a" || r.URL.RawQuery == "alias=%23x%3Ay") {
			_, _ = io.WriteString(w, `[{"alias":"#x:y","protocol":"irc","fields":{"channel":"#a"}},{"alias":"#broken:y"}]`)
			return true
		}
		if strings.Contains(r.URL.Path, "/thirdparty/user") && (r.URL.RawQuery == "nick=a" || r.URL.RawQuery == "userid=%40x%3Ay") {
			_, _ = io.WriteString(w, `[{"userid":"@x:y","protocol":"irc"}]`)
			return true
		}
		_, _ = io.WriteString(w, `[]`)
		return true
	})
	odd.Answer(func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		_, _ = io.WriteString(w, `"nonsense"`)
		return true
	})
	var all map[string]struct {
		Instances []struct {
			ID string `json:"instance_id"`
		}
	}
	alice.Must("GET", path+"/protocols", nil, &all)
	if len(all) != 1 || len(all["irc"].Instances) != 1 || all["irc"].Instances[0].ID != "irc|libera" {
		t.Errorf("%+v", all)
	}
	alice.Must("GET", path+"/protocol/irc", nil, nil)
	for _, found := range []string{"/location/irc?channel=%23a", "/location?alias=%23x%3Ay", "/user/irc?nick=a", "/user?userid=%40x%3Ay"} {
		var list []object
		alice.Must("GET", path+found, nil, &list)
		if len(list) != 1 {
			t.Errorf("%s: %v", found, list)
		}
	}
	for _, missing := range []string{"/protocol/odd", "/protocol/xmpp", "/location/irc?channel=b", "/location/xmpp", "/user/irc?nick=b", "/user/xmpp", "/user?userid=b"} {
		alice.MustFail(404, "M_NOT_FOUND", "GET", path+missing, nil)
	}
	for _, closed := range []string{"/protocols", "/protocol/irc", "/location", "/location/irc", "/user", "/user/irc"} {
		s.Anonymous(t).MustFail(401, "M_MISSING_TOKEN", "GET", path+closed, nil)
	}
	irc.Down()
	alice.Must("GET", path+"/protocols", nil, nil)
	alice.MustFail(404, "M_NOT_FOUND", "GET", path+"/location/irc?channel=%23a", nil)
}

// The directories of networks. Source: application service API, "Published room directories".
func TestDirectoriesOfNetworks(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "")
	s := startWith(t, irc)
	alice, bot := s.Register(t, "alice"), irc.On(t, &s.Client)
	bridged, private := alice.CreateRoom(object{"preset": "public_chat", "name": "Bridged"}), alice.CreateRoom(object{"name": "Private"})
	alice.CreateRoom(object{"preset": "public_chat", "visibility": "public", "name": "Town hall"})
	bot.Join(bridged)
	list := func(network, room string) string {
		return clientV3 + "/directory/list/appservice/" + url.PathEscape(network) + "/" + url.PathEscape(room)
	}
	bot.Must("PUT", list("libera", bridged), object{"visibility": "public"}, nil)
	alice.MustFail(403, "M_FORBIDDEN", "PUT", list("libera", bridged), object{"visibility": "public"})
	bot.MustFail(403, "M_FORBIDDEN", "PUT", list("libera", private), object{"visibility": "public"})
	bot.MustFail(404, "M_NOT_FOUND", "PUT", list("libera", "!nowhere:x"), object{"visibility": "public"})
	bot.MustFail(400, "M_BAD_JSON", "PUT", list("libera", bridged), object{})
	bot.MustFail(400, "M_INVALID_PARAM", "PUT", list(strings.Repeat("x", 256), bridged), object{"visibility": "public"})
	s.Anonymous(t).MustFail(401, "M_MISSING_TOKEN", "PUT", list("libera", bridged), object{"visibility": "public"})

	shown := func(query object) (names []string) {
		t.Helper()
		var page struct{ Chunk []struct{ Name string } }
		alice.Must("POST", clientV3+"/publicRooms", query, &page)
		for _, room := range page.Chunk {
			names = append(names, room.Name)
		}
		slices.Sort(names)
		return names
	}
	check := func(query object, want ...string) {
		t.Helper()
		if got := shown(query); !slices.Equal(got, want) {
			t.Errorf("%v: %q, want %q", query, got, want)
		}
	}
	check(object{}, "Town hall")
	check(object{"third_party_instance_id": "irc|libera"}, "Bridged")
	check(object{"third_party_instance_id": "irc|other"})
	check(object{"third_party_instance_id": "libera"})
	check(object{"include_all_networks": true}, "Bridged", "Town hall")
	alice.MustFail(400, "M_INVALID_PARAM", "POST", clientV3+"/publicRooms", object{"include_all_networks": true, "third_party_instance_id": "irc|libera"})
	bot.Must("PUT", list("libera", bridged), object{"visibility": "private"}, nil)
	check(object{"include_all_networks": true}, "Town hall")
}
