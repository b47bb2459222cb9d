package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"beffroi/server/config"
	"beffroi/server/pdu"
	"beffroi/server/servertest"
	"beffroi/server/specschema"
)

const (
	policyCalls = "/_beffroi/admin/v1/policy"
	confirmCall = "/_beffroi/admin/v1/confirmation"
)

func trusted(c *config.Config) { c.Federation.Mode = "trusted" }

// governor is an administrator who sent the password again.
func governor(t *testing.T, s *servertest.Server) *servertest.User {
	t.Helper()
	chief := s.RegisterAdmin(t, "chief")
	chief.Must("POST", confirmCall, object{"password": "chief"}, nil)
	return chief
}

// adding is the change by which the town hall adds a server.
func adding(name string, more object) object {
	v := object{"server_name": name, "organisation": "Mairie", "status": "active"}
	for k, x := range more {
		v[k] = x
	}
	return object{"add": []object{v}}
}

// signedByStranger holds an operation to refuse a server off the list that signs, and not for that reason one on it.
func signedByStranger(t *testing.T, s *servertest.Server, stranger, friend *servertest.Peer, op *specschema.Operation, path string) {
	t.Helper()
	var body any
	if op.Method != http.MethodGet {
		body = object{}
	}
	status, answer := stranger.Do(s, op.Method, path, body)
	if op.Path == "/_matrix/policy/v1/sign" {
		if status != http.StatusNotFound || !strings.Contains(string(answer), "M_UNRECOGNIZED") {
			t.Errorf("%s %s: %d %s", op.Method, path, status, answer)
		}
		return
	}
	if status != http.StatusForbidden || !strings.Contains(string(answer), "M_FORBIDDEN") || !strings.Contains(string(answer), stranger.Name) {
		t.Errorf("%s %s: %d %s", op.Method, path, status, answer)
	}
	if status, answer := friend.Do(s, op.Method, path, body); strings.Contains(string(answer), "does not speak") || status == http.StatusUnauthorized {
		t.Errorf("%s %s of a server on the list: %d %s", op.Method, path, status, answer)
	}
}

// Every operation of the specification, in trusted mode: what is signed by a server off the list is refused; what nobody signs does not look at who calls, tells of this server and of
// listed ones only, and asks nobody who is not on the list.
func TestTrustedModeWalksEveryEndpoint(t *testing.T) {
	spec := specschema.Open(t)
	if spec == nil {
		t.Fatal("the specification is not here")
	}
	n := servertest.NewNetwork(t)
	s, friend, stranger := n.Start("", trusted), n.Peer(), n.Peer()
	chief := governor(t, s)
	chief.Must("POST", policyCalls, adding(friend.Name, nil), nil)
	chief.Must("POST", policyCalls, adding("friend.test", nil), nil)
	n.Zone.Address("stranger.test", "127.0.0.1")
	roomID := chief.CreateRoom(object{"preset": "public_chat"})
	sample := strings.NewReplacer("{roomId}", url.PathEscape(roomID), "{eventId}", "$x", "{userId}", url.PathEscape("@a:"+stranger.Name), "{txnId}", "1", "{mediaId}", "x",
		"{queryType}", "profile", "{serverName}", stranger.Name)
	signed, open := 0, []string{}
	for _, op := range spec.Ops {
		if op.API != "server-server" {
			continue
		}
		path := sample.Replace(op.Path)
		if op.Auth == "server signature" {
			signed++
			signedByStranger(t, s, stranger, friend, op, path)
			continue
		}
		open = append(open, op.Method+" "+op.Path)
		unsigned(t, s, stranger, op, path)
	}
	if signed != 29 || len(open) != 7 {
		t.Errorf("%d signed operations, and open ones: %v", signed, open)
	}
	if stranger.Called() != 0 || n.Zone.Asked("stranger.test") != 0 {
		t.Errorf("%d connections to a server off the list, its name was looked up %d times", stranger.Called(), n.Zone.Asked("stranger.test"))
	}
	if friend.Called() == 0 || n.Zone.Asked("friend.test") == 0 {
		t.Error("nobody on the list was asked either: the counts prove nothing")
	}
}

// unsigned holds an operation that nobody signs to answer everybody alike.
func unsigned(t *testing.T, s *servertest.Server, stranger *servertest.Peer, op *specschema.Operation, path string) {
	t.Helper()
	var body []byte
	switch op.Path {
	case "/_matrix/key/v2/query":
		body = []byte(`{"server_keys":{"` + stranger.Name + `":{},"stranger.test":{},"friend.test":{},"` + s.ServerName + `":{}}}`)
	case "/_matrix/federation/v1/3pid/onbind":
		body = []byte(`{}`)
	}
	header, err := stranger.Own.Authorization(op.Method, path, s.ServerName, body)
	if err != nil {
		t.Fatal(err)
	}
	first, answer := stranger.Send(s, op.Method, path, body, "")
	second, again := stranger.Send(s, op.Method, path, body, header)
	if first != second || first == http.StatusForbidden || strings.Contains(string(answer)+string(again), stranger.Name) || strings.Contains(string(answer), "stranger.test") {
		t.Errorf("%s %s: %d %s and, signed, %d %s", op.Method, path, first, answer, second, again)
	}
	want := map[string]int{"/_matrix/key/v2/server": 200, "/_matrix/key/v2/query": 200, "/_matrix/key/v2/query/{serverName}": 200, "/_matrix/federation/v1/version": 200,
		"/_matrix/federation/v1/openid/userinfo": 401}[op.Path]
	if want != 0 && first != want {
		t.Errorf("%s %s: %d %s", op.Method, path, first, answer)
	}
	if op.Path == "/_matrix/key/v2/query/{serverName}" && string(answer) != `{"server_keys":[]}`+"\n" {
		t.Errorf("%s: %q", path, answer)
	}
	if op.Path == "/_matrix/key/v2/query" && strings.Count(string(answer), `"server_name"`) != 1 {
		t.Errorf("%s: %s", path, answer)
	}
}

// What is not the specification's is unknown to the border, whoever asks.
func TestTheBorderKnowsTheSpecificationOnly(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	for call, want := range map[string]int{
		"GET /_matrix/federation/unstable/org.matrix.msc3083/x": 404, "GET /_matrix/federation/v1/": 404, "GET /_matrix/federation/v1/version/": 404, "GET /_matrix/federation/v3/version": 404,
		"GET /_matrix/key/v1/server": 404, "GET /_matrix/federation/v1/state/": 404, "GET /_matrix/federation/v1/event/a/b": 404, "GET /_matrix/policy/v1/sign": 404,
		"POST /_matrix/policy/v1/sign": 404, "DELETE /_matrix/federation/v1/version": 405, "POST /_matrix/federation/v1/event/x": 405, "GET /_matrix/federation/v1/send/1": 405,
	} {
		method, path, _ := strings.Cut(call, " ")
		if status, answer := p.Do(s, method, path, nil); status != want || !strings.Contains(string(answer), "M_UNRECOGNIZED") {
			t.Errorf("%s: %d %s, want %d", call, status, answer, want)
		}
	}
}

func TestAModeCountsAtOnce(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	chief := governor(t, s)
	p.Mux.HandleFunc("GET /_matrix/federation/v1/query/directory", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"room_id":"!r:` + p.Name + `","servers":["` + p.Name + `"]}`))
	})
	alias := "/_matrix/client/v3/directory/room/" + url.PathEscape("#salon:"+p.Name)
	for _, c := range []struct {
		change object
		speaks bool
	}{
		{object{"mode": "open"}, true},
		{object{"mode": "closed"}, false},
		{object{"mode": "trusted"}, false},
		{adding(p.Name, nil), true},
		{adding(p.Name, object{"status": "suspended"}), false},
		{object{"remove": []string{p.Name}, "mode": "open"}, true},
	} {
		chief.Must("POST", policyCalls, c.change, nil)
		in, _ := p.Do(s, "GET", fed+"publicRooms", nil)
		before := p.Called()
		out := chief.Do("GET", alias, nil, nil)
		if (in == http.StatusOK) != c.speaks || (out == http.StatusOK) != c.speaks || !c.speaks && (in != http.StatusForbidden || p.Called() != before) {
			t.Errorf("%v: asked by it %d, asking it %d", c.change, in, out)
		}
	}
}

// In trusted mode only keys that are pinned count, whatever the server says of itself.
func TestAPinnedKeyCountsAlone(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start("", trusted), n.Peer()
	chief := governor(t, s)
	pin := func(id string, key []byte) {
		t.Helper()
		chief.Must("POST", policyCalls, adding(p.Name, object{"verify_keys": object{id: object{"key": pdu.EncodeBase64(key)}}}), nil)
	}
	ask := func(want int) {
		t.Helper()
		if status, answer := p.Do(s, "GET", fed+"publicRooms", nil); status != want {
			t.Errorf("%d %s, want %d", status, answer, want)
		}
	}
	chief.Must("POST", policyCalls, adding(p.Name, nil), nil)
	ask(http.StatusOK)
	own := p.Own.Public()[0]
	right, err := pdu.DecodeBase64(own.VerifyKey)
	if err != nil {
		t.Fatal(err)
	}
	pin(own.KeyID, make([]byte, 32))
	ask(http.StatusUnauthorized)
	pin("ed25519:other", right)
	ask(http.StatusUnauthorized)
	called := p.Called()
	pin(own.KeyID, right)
	ask(http.StatusOK)
	if p.Called() != called {
		t.Error("a server whose keys are pinned is asked for them")
	}
	if err := p.Own.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask(http.StatusUnauthorized) // until the list follows
}

// serverACL is the room's, as a member sees it; nil where there is none.
func serverACL(u *servertest.User, roomID string) (content map[string]any) {
	if u.Do("GET", "/_matrix/client/v3/rooms/"+url.PathEscape(roomID)+"/state/m.room.server_acl", nil, &content) != http.StatusOK {
		return nil
	}
	return content
}

// waitACL waits until a room allows these servers.
func waitACL(t *testing.T, u *servertest.User, since, roomID, allow string) string {
	t.Helper()
	for {
		got := u.Sync(since, "timeout=5000")
		if acl := serverACL(u, roomID); acl != nil && strings.Trim(strings.Join(globs(acl["allow"]), " "), " ") == allow {
			return got.NextBatch
		}
		if got.NextBatch == since {
			t.Fatalf("%v, want %s", serverACL(u, roomID), allow)
		}
		since = got.NextBatch
	}
}

func globs(v any) (all []string) {
	list, _ := v.([]any)
	for _, one := range list {
		text, _ := one.(string)
		all = append(all, text)
	}
	return all
}

func TestRoomsFollowThePolicy(t *testing.T) {
	n := servertest.NewNetwork(t)
	s := n.Start("mairie.test")
	chief := governor(t, s)
	old := chief.CreateRoom(object{"name": "Voirie"})
	internal := chief.CreateRoom(object{"name": "Salon interne", "creation_content": object{"m.federate": false}})
	if serverACL(chief, old) != nil {
		t.Error("a room has an ACL that refuses nobody")
	}
	since := chief.Sync("", "").NextBatch
	chief.Must("POST", policyCalls, object{"mode": "trusted", "deny": []object{{"pattern": "*.evil.test"}}}, nil)
	since = waitACL(t, chief, since, old, "mairie.test")
	fresh := chief.CreateRoom(object{"name": "Marché"})
	if acl := serverACL(chief, fresh); !slices.Equal(globs(acl["allow"]), []string{"mairie.test"}) || !slices.Equal(globs(acl["deny"]), []string{"*.evil.test"}) {
		t.Errorf("%v", acl)
	}
	ours := chief.CreateRoom(object{"name": "À part", "initial_state": []object{{"type": "m.room.server_acl", "state_key": "", "content": object{"allow": []string{"*"}}}}})
	chief.Must("POST", policyCalls, adding("voisine.test:8448", nil), nil)
	since = waitACL(t, chief, since, fresh, "mairie.test voisine.test")
	since = waitACL(t, chief, since, old, "mairie.test voisine.test")
	if acl := serverACL(chief, ours); len(acl) != 1 {
		t.Errorf("what people set is changed: %v", acl)
	}
	if serverACL(chief, internal) != nil {
		t.Error("a room of this server alone has an ACL")
	}
	chief.Must("POST", policyCalls, object{"mode": "open", "undeny": []string{"*.evil.test"}}, nil)
	since = waitACL(t, chief, since, old, "*")
	waitACL(t, chief, since, fresh, "*")
}

// Who takes a server off the list sees before what that does to rooms, and the journal tells of it afterwards.
func TestTakingAServerOffTellsWhatHappensToRooms(t *testing.T) {
	n := servertest.NewNetwork(t)
	a, b := n.Start("mairie.test", trusted), n.Start("voisine.test")
	chief, bob := governor(t, a), b.Register(t, "bob")
	chief.Must("POST", policyCalls, adding("voisine.test", nil), nil)
	roomID := chief.CreateRoom(object{"preset": "public_chat", "name": "Intercommunalité"})
	bob.Must("POST", "/_matrix/client/v3/join/"+url.PathEscape(roomID)+"?server_name=mairie.test", object{}, nil)
	effects := `{"servers":[{"server_name":"voisine.test","why":"refusé : commune inconnue","rooms":[{"room_id":"` + roomID +
		`","name":"Intercommunalité","members":1}],"total_rooms":1}],"rooms":1}`
	off := object{"remove": []string{"voisine.test"}}
	for _, path := range []string{policyCalls + "/preview", policyCalls} {
		var got json.RawMessage
		chief.Must("POST", path, off, &got)
		if string(got) != effects {
			t.Errorf("%s: %s\nwant %s", path, got, effects)
		}
	}
	if status := bob.Do("GET", "/_matrix/client/v3/publicRooms?server=mairie.test", nil, nil); status != http.StatusBadGateway {
		t.Errorf("asked by a server that was taken off: %d", status)
	}
	told := journalOf(t, chief)
	for _, want := range []string{`"act":"policy.change"`, `"remove":["voisine.test"]`, `"rooms":1`, `"reason":"refusé : commune inconnue"`, `"target":"voisine.test"`} {
		if !strings.Contains(told, want) {
			t.Errorf("%s is missing in %s", want, told)
		}
	}
}

func journalOf(t *testing.T, chief *servertest.User) string {
	t.Helper()
	var raw json.RawMessage
	chief.Must("GET", "/_beffroi/admin/v1/journal", nil, &raw)
	return string(raw)
}

// A room of a server on the list, with somebody of one that is not: it is not entered; or it is, with a warning, and the keys of the other one come from a notary.
func TestRoomsWithMembersOfServersOffTheList(t *testing.T) {
	n := servertest.NewNetwork(t)
	a, b, c := n.Start("mairie.test", trusted), n.Start("voisine.test"), n.Start("inconnue.test")
	chief, alice, bob, eve := governor(t, a), a.Register(t, "alice"), b.Register(t, "bob"), c.Register(t, "eve")
	chief.Must("POST", policyCalls, adding("voisine.test", object{"notary": true}), nil)
	roomID := bob.CreateRoom(object{"preset": "public_chat"})
	join := "/_matrix/client/v3/join/" + url.PathEscape(roomID) + "?server_name=voisine.test"
	eve.Must("POST", join, object{}, nil)
	alice.MustFail(http.StatusForbidden, "M_FORBIDDEN", "POST", join, object{})
	chief.Must("POST", policyCalls, object{"foreign_rooms": "warn"}, nil)
	alice.Must("POST", join, object{}, nil)
	var members struct {
		Joined map[string]any `json:"joined"`
	}
	alice.Must("GET", "/_matrix/client/v3/rooms/"+url.PathEscape(roomID)+"/joined_members", nil, &members)
	if members.Joined[eve.UserID] == nil {
		t.Errorf("%v", members.Joined)
	}
	warned := ""
	for since := ""; ; { // until the notice is there
		got := alice.Sync(since, "timeout=5000")
		for id := range got.Rooms.Invite {
			warned = id.String()
			alice.Join(warned)
		}
		var messages json.RawMessage
		if warned != "" {
			alice.Must("GET", "/_matrix/client/v3/rooms/"+url.PathEscape(warned)+"/messages?dir=b", nil, &messages)
		}
		switch {
		case strings.Contains(string(messages), "inconnue.test"):
			return
		case since == got.NextBatch:
			t.Fatal("nobody was warned")
		}
		since = got.NextBatch
	}
}
