package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/servertest"

	"maunium.net/go/mautrix/id"
)

// joinAnswered is the answer to send_join as tests read it.
type joinAnswered struct {
	Event   json.RawMessage   `json:"event"`
	State   []json.RawMessage `json:"state"`
	Chain   []json.RawMessage `json:"auth_chain"`
	Omitted bool              `json:"members_omitted"`
	Servers []string          `json:"servers_in_room"`
	Origin  string            `json:"origin"`
}

func joinAnswer(t *testing.T, raw []byte) (a joinAnswered) {
	t.Helper()
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatalf("%v: %.500s", err, raw)
	}
	return a
}

// keysOf lists the entries of a state as "type key", sorted, and holds each event to the room's version.
func keysOf(t *testing.T, rules pdu.Rules, roomID string, events []json.RawMessage) (keys, ids []string) {
	t.Helper()
	for _, raw := range events {
		rc, err := pdu.Receive(rules, raw)
		if err != nil || rc.RoomID() != roomID {
			t.Fatalf("%v: %s", err, raw)
		}
		key, _ := rc.StateKey()
		keys, ids = append(keys, rc.Type()+" "+key), append(ids, rc.ID())
	}
	slices.Sort(keys)
	return keys, ids
}

func TestOtherServersJoinOurRooms(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	for _, version := range []string{"1", "2", "3", "6", "10", "11", "12"} {
		roomID := alice.CreateRoom(map[string]any{"preset": "public_chat", "room_version": version, "name": "Marché"})
		bob.Join(roomID)
		since := alice.Sync("", "").NextBatch
		carol := p.User("carol")
		rules, proto := p.Template(s, "join", roomID, carol)
		if rules.Version != version || proto.RoomID != roomID {
			t.Errorf("version %s: a template of version %s for %s", version, rules.Version, proto.RoomID)
		}
		join := p.Build(rules, proto)
		status, raw := p.SendMember(s, "join", join)
		if status != http.StatusOK {
			t.Fatalf("version %s: %d %s", version, status, raw)
		}
		a := joinAnswer(t, raw)
		keys, state := keysOf(t, rules, roomID, a.State)
		for _, want := range []string{"m.room.create ", "m.room.name ", "m.room.member " + alice.UserID, "m.room.member " + bob.UserID, "m.room.power_levels "} {
			if !slices.Contains(keys, want) {
				t.Errorf("version %s: no %q in %q", version, want, keys)
			}
		}
		if slices.Contains(keys, "m.room.member "+carol) || a.Omitted || a.Origin != s.ServerName {
			t.Errorf("version %s: %q, omitted %t, origin %q", version, keys, a.Omitted, a.Origin)
		}
		wholeChains(t, rules, roomID, append([]json.RawMessage{join.JSON()}, a.State...), a.Chain)
		joined := alice.Sync(since, "").Rooms.Join
		if r, ok := joined[id.RoomID(roomID)]; !ok || len(r.Timeline.Events) != 1 || r.Timeline.Events[0].ID.String() != join.ID() {
			t.Errorf("version %s: alice was not told: %v", version, joined)
		}
		// The same event again, by the old endpoint.
		uri := "/_matrix/federation/v1/send_join/" + url.PathEscape(roomID) + "/" + url.PathEscape(join.ID())
		status, raw = p.Do(s, "PUT", uri, json.RawMessage(join.JSON()))
		var pair []json.RawMessage
		if err := json.Unmarshal(raw, &pair); err != nil || status != http.StatusOK || len(pair) != 2 || string(pair[0]) != "200" {
			t.Fatalf("version %s: %d %.300s", version, status, raw)
		}
		if _, again := keysOf(t, rules, roomID, joinAnswer(t, pair[1]).State); !sameIDs(again, state) {
			t.Errorf("version %s: another state the second time", version)
		}
		if got := memberships(alice, roomID)[carol]; got != "join" {
			t.Errorf("version %s: carol's membership is %q", version, got)
		}
	}
}

// wholeChains holds an auth chain to hold all that allows some events.
func wholeChains(t *testing.T, rules pdu.Rules, roomID string, events, chain []json.RawMessage) {
	t.Helper()
	_, ids := keysOf(t, rules, roomID, chain)
	if len(ids) != len(slices.Compact(slices.Sorted(slices.Values(ids)))) {
		t.Error("events come twice in the auth chain")
	}
	for _, raw := range slices.Concat(events, chain) {
		rc, err := pdu.Receive(rules, raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range rc.AuthEvents() {
			if !slices.Contains(ids, id) {
				t.Errorf("%s, which allows a %s, is not in the auth chain", id, rc.Type())
			}
		}
	}
}

func sameIDs(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// memberships are those of a room as a user sees them.
func memberships(u *servertest.User, roomID string) map[string]string {
	var answer struct {
		Chunk []struct {
			StateKey string `json:"state_key"`
			Content  struct{ Membership string }
		}
	}
	u.Must("GET", "/_matrix/client/v3/rooms/"+url.PathEscape(roomID)+"/members", nil, &answer)
	all := map[string]string{}
	for _, e := range answer.Chunk {
		all[e.StateKey] = e.Content.Membership
	}
	return all
}

func TestJoinsWithoutMembers(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p, q := n.Start(""), n.Peer(), n.Peer()
	alice := s.Register(t, "alice")
	for _, named := range []bool{true, false} {
		options := map[string]any{"preset": "public_chat"}
		if named {
			options["name"] = "Fêtes"
		}
		roomID := alice.CreateRoom(options)
		q.Enter(s, "join", roomID, q.User("dora"))
		rules, proto := p.Template(s, "join", roomID, p.User("carol"))
		join := p.Build(rules, proto)
		uri := "/_matrix/federation/v2/send_join/" + url.PathEscape(roomID) + "/" + url.PathEscape(join.ID()) + "?omit_members=true"
		status, raw := p.Do(s, "PUT", uri, json.RawMessage(join.JSON()))
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, raw)
		}
		a := joinAnswer(t, raw)
		keys, _ := keysOf(t, rules, roomID, a.State)
		for _, member := range []string{alice.UserID, q.User("dora")} {
			if slices.Contains(keys, "m.room.member "+member) == named {
				t.Errorf("named %t: %q", named, keys)
			}
		}
		if want := []string{s.ServerName, q.Name}; !a.Omitted || !sameIDs(a.Servers, want) {
			t.Errorf("omitted %t, servers %q, want %q", a.Omitted, a.Servers, want)
		}
		wholeChains(t, rules, roomID, append([]json.RawMessage{join.JSON()}, a.State...), append(a.Chain, a.State...))
	}
}

func TestWhoMayNotJoinOurRooms(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p, other := n.Start(""), n.Peer(), n.Peer()
	alice := s.Register(t, "alice")
	open := alice.CreateRoom(map[string]any{"preset": "public_chat"})
	private := alice.CreateRoom(map[string]any{"preset": "private_chat"})
	denied := alice.CreateRoom(map[string]any{"preset": "public_chat", "initial_state": []map[string]any{
		{"type": "m.room.server_acl", "content": map[string]any{"allow": []string{"*"}, "deny": []string{strings.Split(p.Name, ":")[0]}}}}})
	gone := alice.CreateRoom(map[string]any{"preset": "public_chat", "is_direct": true})
	alice.Must("POST", "/_matrix/client/v3/rooms/"+url.PathEscape(gone)+"/leave", map[string]any{}, nil)
	carol := p.User("carol")
	template := func(membership, roomID, user, query string) string {
		return "/_matrix/federation/v1/make_" + membership + "/" + url.PathEscape(roomID) + "/" + url.PathEscape(user) + query
	}
	for _, c := range []struct {
		uri    string
		status int
		code   string
	}{
		{template("join", "!none:hs", carol, "?ver=12"), 404, "M_NOT_FOUND"},
		{template("join", gone, carol, "?ver=12"), 404, "M_NOT_FOUND"},
		{template("join", private, carol, "?ver=12"), 403, "M_FORBIDDEN"},
		{template("join", denied, carol, "?ver=12"), 403, "M_FORBIDDEN"},
		{template("join", open, other.User("mallory"), "?ver=12"), 403, "M_FORBIDDEN"},
		{template("join", open, "carol", "?ver=12"), 403, "M_FORBIDDEN"},
		{template("join", open, carol, ""), 400, "M_INCOMPATIBLE_ROOM_VERSION"},
		{template("join", open, carol, "?ver=1&ver=11"), 400, "M_INCOMPATIBLE_ROOM_VERSION"},
		{template("knock", open, carol, "?ver=12"), 403, "M_FORBIDDEN"},
		{template("leave", open, carol, ""), 403, "M_FORBIDDEN"},
	} {
		status, answer := p.Do(s, "GET", c.uri, nil)
		code, _ := pdu.StoredObject(answer).Text("errcode")
		if status != c.status || code != c.code {
			t.Errorf("%s: %d %s, want %d %s", c.uri, status, answer, c.status, c.code)
		}
		if v, _ := pdu.StoredObject(answer).Text("room_version"); c.code == "M_INCOMPATIBLE_ROOM_VERSION" && v != "12" {
			t.Errorf("room_version %q", v)
		}
	}
}

func TestForgedJoins(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p, other := n.Start(""), n.Peer(), n.Peer()
	alice := s.Register(t, "alice")
	roomID := alice.CreateRoom(map[string]any{"preset": "public_chat"})
	elsewhere := alice.CreateRoom(map[string]any{"preset": "public_chat"})
	carol := p.User("carol")
	rules, honest := p.Template(s, "join", roomID, carol)
	send := func(why string, e *pdu.Event, raw []byte, in, eventID string, status int, code string) {
		t.Helper()
		uri := "/_matrix/federation/v2/send_join/" + url.PathEscape(in) + "/" + url.PathEscape(eventID)
		got, answer := p.Do(s, "PUT", uri, json.RawMessage(raw))
		if errcode, _ := pdu.StoredObject(answer).Text("errcode"); got != status || errcode != code {
			t.Errorf("%s: %d %.300s, want %d %s", why, got, answer, status, code)
		}
		if e != nil {
			if known := alice.Do("GET", "/_matrix/client/v3/rooms/"+url.PathEscape(roomID)+"/event/"+url.PathEscape(e.ID()), nil, nil); known != http.StatusNotFound {
				t.Errorf("%s: the event is kept: %d", why, known)
			}
		}
	}
	changed := func(change func(p *pdu.Proto)) *pdu.Event {
		proto := honest
		change(&proto)
		return p.Build(rules, proto)
	}
	good := p.Build(rules, honest)
	leave := changed(func(p *pdu.Proto) { p.Content = json.RawMessage(`{"membership":"leave"}`) })
	dora := p.User("dora")
	aboutOther := changed(func(p *pdu.Proto) { p.StateKey = &dora })
	message := changed(func(p *pdu.Proto) { p.StateKey, p.Type = nil, "m.room.message" })
	lost := changed(func(p *pdu.Proto) { p.PrevEvents = []string{"$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} })
	unallowed := changed(func(p *pdu.Proto) { p.AuthEvents = nil })
	borrowed := changed(func(p *pdu.Proto) { p.AuthEvents = append(slices.Clone(p.AuthEvents), good.ID()) })
	foreign := changed(func(p *pdu.Proto) { p.RoomID = elsewhere })
	signedByOther, err := pdu.Build(rules, honest, pdu.Signer{ServerName: p.Name, KeyID: p.Own.Signer().KeyID, Key: other.Own.Signer().Key})
	if err != nil {
		t.Fatal(err)
	}
	send("another id in the path", nil, good.JSON(), roomID, leave.ID(), 400, "M_INVALID_PARAM")
	send("another room in the path", nil, good.JSON(), elsewhere, good.ID(), 400, "M_INVALID_PARAM")
	send("a leave", leave, leave.JSON(), roomID, leave.ID(), 400, "M_INVALID_PARAM")
	send("about somebody else", aboutOther, aboutOther.JSON(), roomID, aboutOther.ID(), 400, "M_INVALID_PARAM")
	send("a message", message, message.JSON(), roomID, message.ID(), 400, "M_INVALID_PARAM")
	send("with unknown events before it", lost, lost.JSON(), roomID, lost.ID(), 400, "M_INVALID_PARAM")
	send("without auth events", unallowed, unallowed.JSON(), roomID, unallowed.ID(), 403, "M_FORBIDDEN")
	send("with an unknown auth event", borrowed, borrowed.JSON(), roomID, borrowed.ID(), 400, "M_INVALID_PARAM")
	send("of another room", foreign, foreign.JSON(), elsewhere, foreign.ID(), 400, "M_INVALID_PARAM")
	send("signed with another's key", signedByOther, signedByOther.JSON(), roomID, signedByOther.ID(), 400, "M_INVALID_PARAM")
	var tampered map[string]any
	if err := json.Unmarshal(good.JSON(), &tampered); err != nil {
		t.Fatal(err)
	}
	tampered["content"] = map[string]any{"membership": "join", "displayname": "Alice"}
	raw, err := json.Marshal(tampered)
	if err != nil {
		t.Fatal(err)
	}
	send("with a content that was changed", good, raw, roomID, good.ID(), 400, "M_INVALID_PARAM")
	send("no JSON", nil, []byte(`"x"`), roomID, good.ID(), 400, "M_BAD_JSON")
	// Another server may not bring somebody else's.
	uri := "/_matrix/federation/v2/send_join/" + url.PathEscape(roomID) + "/" + url.PathEscape(good.ID())
	if status, answer := other.Do(s, "PUT", uri, json.RawMessage(good.JSON())); status != http.StatusBadRequest {
		t.Errorf("by another server: %d %s", status, answer)
	}
	if all := memberships(alice, roomID); len(all) != 2 {
		t.Errorf("members after all this: %v", all)
	}
	if status, answer := p.SendMember(s, "join", good); status != http.StatusOK {
		t.Errorf("the honest one: %d %s", status, answer)
	}
}
