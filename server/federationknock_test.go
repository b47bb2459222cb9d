package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/servertest"
)

func TestOtherServersKnock(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	alice := s.Register(t, "alice")
	carol := p.User("carol")
	for _, version := range []string{"7", "12"} {
		options := withJoinRule(joinRule("knock"))
		options["name"], options["room_version"] = "Conseil", version
		roomID := alice.CreateRoom(options)
		_, raw := p.Enter(s, "knock", roomID, carol)
		var answer struct {
			State []json.RawMessage `json:"knock_room_state"`
		}
		if err := json.Unmarshal(raw, &answer); err != nil {
			t.Fatal(err)
		}
		rules, _ := pdu.RulesFor(version)
		keys, _ := keysOf(t, rules, roomID, answer.State)
		if !slices.Contains(keys, "m.room.create ") || !slices.Contains(keys, "m.room.name ") || slices.Contains(keys, "m.room.power_levels ") {
			t.Errorf("version %s: %q", version, keys)
		}
		if got := memberships(alice, roomID)[carol]; got != "knock" {
			t.Errorf("version %s: %q", version, got)
		}
		p.Enter(s, "leave", roomID, carol)
		if got := memberships(alice, roomID)[carol]; got != "leave" {
			t.Errorf("version %s: after it was taken back: %q", version, got)
		}
	}
}

// restrictedJoin is a join of a peer that names who lets the user in.
func restrictedJoin(p *servertest.Peer, rules pdu.Rules, proto pdu.Proto, via string) *pdu.Event {
	proto.Content, _ = json.Marshal(map[string]string{"membership": "join", "join_authorised_via_users_server": via})
	return p.Build(rules, proto)
}

func TestOtherServersJoinRestrictedRooms(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	alice := s.Register(t, "alice")
	carol, dora := p.User("carol"), p.User("dora")
	for _, version := range []string{"8", "10", "12"} {
		staff := alice.CreateRoom(map[string]any{"preset": "public_chat"})
		options := withJoinRule(joinRule("restricted", staff))
		options["room_version"] = version
		roomID := alice.CreateRoom(options)
		p.Enter(s, "join", staff, carol)

		rules, proto := p.Template(s, "join", roomID, carol)
		join := p.Build(rules, proto)
		status, raw := p.SendMember(s, "join", join)
		if status != http.StatusOK {
			t.Fatalf("version %s: %d %s", version, status, raw)
		}
		if event := pdu.StoredObject(joinAnswer(t, raw).Event); !event.Object("signatures").Get(s.ServerName).Exists() || !event.Object("signatures").Get(p.Name).Exists() {
			t.Errorf("version %s: %s", version, event.Raw())
		}
		// Who is in none of the rooms gets no signature, whoever they say lets them in.
		proto.StateKey, proto.Sender = &dora, dora
		if status, raw = p.SendMember(s, "join", restrictedJoin(p, rules, proto, alice.UserID)); status != http.StatusForbidden {
			t.Errorf("version %s: %d %s", version, status, raw)
		}
		if status, raw = p.SendMember(s, "join", restrictedJoin(p, rules, proto, "@nobody:"+s.ServerName)); status != http.StatusForbidden {
			t.Errorf("version %s, by nobody: %d %s", version, status, raw)
		}
		if status, raw = p.SendMember(s, "join", restrictedJoin(p, rules, proto, carol)); status != http.StatusForbidden {
			t.Errorf("version %s, by one of their own who may not invite: %d %s", version, status, raw)
		}
		if got := memberships(alice, roomID)[dora]; got != "" {
			t.Errorf("version %s: dora is %q", version, got)
		}
		refused := func(roomID, user string, status int, code string) {
			t.Helper()
			got, answer := p.Do(s, "GET", fed+"make_join/"+url.PathEscape(roomID)+"/"+url.PathEscape(user)+"?ver="+version, nil)
			if errcode, _ := pdu.StoredObject(answer).Text("errcode"); got != status || errcode != code {
				t.Errorf("version %s: %d %s, want %d %s", version, got, answer, status, code)
			}
		}
		refused(roomID, dora, http.StatusForbidden, "M_FORBIDDEN")
		options = withJoinRule(joinRule("restricted", "!none:"+p.Name))
		options["room_version"] = version
		refused(alice.CreateRoom(options), dora, http.StatusBadRequest, "M_UNABLE_TO_AUTHORISE_JOIN")
	}
}
