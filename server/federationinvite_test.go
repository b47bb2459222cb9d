package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/servertest"

	mautrix "maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func inviteTo(roomID string) string { return clientV3 + "/rooms/" + url.PathEscape(roomID) + "/invite" }

// invitedTo is the stripped state of an invitation, by "type key".
func invitedTo(t *testing.T, u *servertest.User, since, roomID string) (state map[string]*mautrix.Event, next string) {
	t.Helper()
	answer := u.Sync(since, "")
	state = map[string]*mautrix.Event{}
	room, ok := answer.Rooms.Invite[id.RoomID(roomID)]
	if !ok {
		return nil, answer.NextBatch
	}
	for _, e := range room.State.Events {
		state[e.Type.Type+" "+*e.StateKey] = e
	}
	return state, answer.NextBatch
}

func TestInvitationsBetweenServers(t *testing.T) {
	n := servertest.NewNetwork(t)
	a, b := n.Start("a.test"), n.Start("b.test")
	alice, bob := a.Register(t, "alice"), b.Register(t, "bob")
	since := bob.Sync("", "").NextBatch
	for _, version := range []string{"1", "6", "10", "12"} {
		roomID := alice.CreateRoom(map[string]any{"preset": "private_chat", "name": "Travaux", "room_version": version})
		alice.Must("POST", inviteTo(roomID), map[string]any{"user_id": bob.UserID, "reason": "viens"}, nil)
		var state map[string]*mautrix.Event
		state, since = invitedTo(t, bob, since, roomID)
		if state == nil || state["m.room.name "].Content.Raw["name"] != "Travaux" || state["m.room.create "] == nil || state["m.room.member "+alice.UserID] == nil {
			t.Fatalf("version %s: %v", version, state)
		}
		own := state["m.room.member "+bob.UserID].Content.Raw
		if own["membership"] != "invite" || own["reason"] != "viens" {
			t.Errorf("version %s: %v", version, own)
		}
		if got := memberships(alice, roomID)[bob.UserID]; got != "invite" {
			t.Errorf("version %s: at home bob's membership is %q", version, got)
		}
		if fresh, _ := invitedTo(t, bob, "", roomID); len(fresh) != len(state) {
			t.Errorf("version %s: an initial sync shows %v", version, fresh)
		}
		bob.Must("POST", joinBy(roomID), map[string]any{}, nil)
		if got := memberships(alice, roomID)[bob.UserID]; got != "join" {
			t.Errorf("version %s: after the join bob's membership is %q", version, got)
		}
		since = bob.Sync(since, "").NextBatch
	}
	direct := alice.CreateRoom(map[string]any{"preset": "trusted_private_chat", "is_direct": true, "invite": []string{bob.UserID}})
	state, _ := invitedTo(t, bob, since, direct)
	if state == nil || state["m.room.member "+bob.UserID].Content.Raw["is_direct"] != true {
		t.Errorf("a conversation: %v", state)
	}
	bob.Must("POST", clientV3+"/join/"+url.PathEscape(direct), map[string]any{}, nil)
}

func TestInvitationsThatOthersRefuse(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p, other := n.Start(""), n.Peer(), n.Peer()
	alice := s.Register(t, "alice")
	roomID := alice.CreateRoom(map[string]any{"preset": "private_chat"})
	var answer func(e *pdu.Event) any
	p.Mux.HandleFunc("PUT /_matrix/federation/v2/invite/{roomId}/{eventId}", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Version string            `json:"room_version"`
			Event   json.RawMessage   `json:"event"`
			State   []json.RawMessage `json:"invite_room_state"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		rules, _ := pdu.RulesFor(body.Version)
		e, err := pdu.FromStore(rules, r.PathValue("eventId"), body.Event, false)
		if err != nil || len(body.State) < 3 {
			t.Errorf("%v, %d events of the state", err, len(body.State))
		}
		switch got := answer(e).(type) {
		case int:
			w.WriteHeader(got)
			_, _ = w.Write([]byte(`{"errcode":"M_INVITE_BLOCKED","error":"non"}`))
		case *pdu.Event:
			_ = json.NewEncoder(w).Encode(map[string]any{"event": json.RawMessage(got.JSON())})
		}
	})
	carol := p.User("carol")
	signed := func(e *pdu.Event, signer pdu.Signer) *pdu.Event {
		out, err := e.Sign(signer)
		if err != nil {
			t.Error(err)
		}
		return out
	}
	for name, c := range map[string]struct {
		answer func(e *pdu.Event) any
		status int
		code   string
	}{
		"refused":             {func(*pdu.Event) any { return http.StatusForbidden }, 403, "M_INVITE_BLOCKED"},
		"broken":              {func(*pdu.Event) any { return http.StatusInternalServerError }, 502, "M_UNKNOWN"},
		"not signed":          {func(e *pdu.Event) any { return e }, 502, "M_UNKNOWN"},
		"signed by another":   {func(e *pdu.Event) any { return signed(e, other.Own.Signer()) }, 502, "M_UNKNOWN"},
		"signed with another": {func(e *pdu.Event) any { s := other.Own.Signer(); s.ServerName = p.Name; return signed(e, s) }, 502, "M_UNKNOWN"},
		"another event": {func(e *pdu.Event) any {
			proto := pdu.Proto{Type: "m.room.member", Sender: carol, StateKey: &carol, RoomID: e.RoomID(), Content: json.RawMessage(`{"membership":"invite"}`),
				PrevEvents: e.PrevEvents(), AuthEvents: e.AuthEvents(), Depth: e.Depth(), OriginServerTS: e.OriginServerTS()}
			return p.Build(e.Rules(), proto)
		}, 502, "M_UNKNOWN"},
	} {
		answer = c.answer
		var failure struct{ Errcode string }
		if status := alice.Do("POST", inviteTo(roomID), map[string]any{"user_id": carol}, &failure); status != c.status || failure.Errcode != c.code {
			t.Errorf("%s: %d %s", name, status, failure.Errcode)
		}
		if got := memberships(alice, roomID)[carol]; got != "" {
			t.Errorf("%s: carol's membership is %q", name, got)
		}
		// The pause after a failure ends when the server is heard.
		p.Do(s, "GET", "/_matrix/federation/v1/query/profile?user_id="+url.QueryEscape(alice.UserID), nil)
	}
	answer = func(e *pdu.Event) any { return signed(e, p.Own.Signer()) }
	alice.Must("POST", inviteTo(roomID), map[string]any{"user_id": carol}, nil)
	if got := memberships(alice, roomID)[carol]; got != "invite" {
		t.Errorf("carol's membership is %q", got)
	}
	p.Enter(s, "leave", roomID, carol)
	if got := memberships(alice, roomID)[carol]; got != "leave" {
		t.Errorf("after she declined it is %q", got)
	}
	alice.MustFail(400, "M_INVALID_PARAM", "PUT", clientV3+"/rooms/"+url.PathEscape(roomID)+"/state/m.room.member/"+url.PathEscape(carol), map[string]any{"membership": "invite"})
}

// invitation is what a peer sends that invites somebody.
type invitation struct {
	Version string            `json:"room_version"`
	Event   json.RawMessage   `json:"event"`
	State   []json.RawMessage `json:"invite_room_state"`
	roomID  string
	eventID string
}

func (in invitation) path(version string) string {
	return "/_matrix/federation/" + version + "/invite/" + url.PathEscape(in.roomID) + "/" + url.PathEscape(in.eventID)
}

// invites makes an invitation into a room of a peer.
func invites(r *servertest.Residence, kind, target, content string) invitation {
	defer r.Lock()()
	e := r.Line.Build(kind, &target, r.User("host"), json.RawMessage(content))
	in := invitation{Version: r.Room.Rules.Version, Event: e.JSON(), roomID: r.Room.ID, eventID: e.ID(), State: []json.RawMessage{}}
	for key, eventID := range r.Line.State {
		if key.StateKey == "" || key.StateKey == r.User("host") {
			in.State = append(in.State, r.Room.Events[eventID].JSON())
		}
	}
	return in
}

func TestForgedInvitations(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, other := n.Start(""), n.Peer()
	there, elsewhere := n.Peer().Reside("12"), n.Peer().Reside("12")
	bob := s.Register(t, "bob")
	since := bob.Sync("", "").NextBatch
	const content = `{"membership":"invite"}`
	good := invites(there, "m.room.member", bob.UserID, content)
	foreign := invites(elsewhere, "m.room.member", bob.UserID, content)
	changed := func(change func(in *invitation)) invitation {
		in := good
		change(&in)
		return in
	}
	withoutCreate := []json.RawMessage{}
	for _, raw := range good.State {
		if !strings.Contains(string(raw), "m.room.create") {
			withoutCreate = append(withoutCreate, raw)
		}
	}
	for name, c := range map[string]struct {
		in     invitation
		status int
		code   string
	}{
		"another id":            {changed(func(in *invitation) { in.eventID = foreign.eventID }), 400, "M_INVALID_PARAM"},
		"another room":          {changed(func(in *invitation) { in.roomID = foreign.roomID }), 400, "M_INVALID_PARAM"},
		"an unknown version":    {changed(func(in *invitation) { in.Version = "fr.beffroi.none" }), 400, "M_INCOMPATIBLE_ROOM_VERSION"},
		"another version":       {changed(func(in *invitation) { in.Version = "11" }), 400, "M_BAD_JSON"},
		"no version":            {changed(func(in *invitation) { in.Version = "" }), 400, "M_MISSING_PARAM"},
		"no create event":       {changed(func(in *invitation) { in.State = withoutCreate }), 400, "M_MISSING_PARAM"},
		"state of another room": {changed(func(in *invitation) { in.State = foreign.State }), 400, "M_INVALID_PARAM"},
		"stripped state": {changed(func(in *invitation) {
			in.State = []json.RawMessage{json.RawMessage(`{"type":"m.room.create","state_key":"","sender":"@a:b","content":{}}`)}
		}), 400, "M_INVALID_PARAM"},
		"too much state": {changed(func(in *invitation) {
			in.State = make([]json.RawMessage, 101)
			for i := range in.State {
				in.State[i] = good.State[0]
			}
		}), 400, "M_INVALID_PARAM"},
		"a join":                  {invites(there, "m.room.member", bob.UserID, `{"membership":"join"}`), 400, "M_INVALID_PARAM"},
		"power levels":            {invites(there, "m.room.power_levels", bob.UserID, `{"membership":"invite"}`), 400, "M_INVALID_PARAM"},
		"somebody of elsewhere":   {invites(there, "m.room.member", other.User("x"), content), 400, "M_INVALID_PARAM"},
		"nobody":                  {invites(there, "m.room.member", "@none:"+s.ServerName, content), 403, "M_FORBIDDEN"},
		"an event of another one": {foreign, 400, "M_INVALID_PARAM"},
	} {
		status, answer := there.Do(s, "PUT", c.in.path("v2"), c.in)
		if code, _ := pdu.StoredObject(answer).Text("errcode"); status != c.status || code != c.code {
			t.Errorf("%s: %d %.300s, want %d %s", name, status, answer, c.status, c.code)
		}
	}
	tampered := changed(func(in *invitation) {
		in.Event = json.RawMessage(strings.Replace(string(in.Event), `"content":{`, `"content":{"reason":"x",`, 1))
	})
	if status, answer := there.Do(s, "PUT", tampered.path("v2"), tampered); status != 400 {
		t.Errorf("tampered: %d %s", status, answer)
	}
	if state, _ := invitedTo(t, bob, since, good.roomID); state != nil {
		t.Errorf("after all this bob sees %v", state)
	}
	status, answer := there.Do(s, "PUT", good.path("v2"), good)
	o := pdu.StoredObject(answer).Object("event")
	if status != http.StatusOK || !o.Object("signatures").Get(s.ServerName).Exists() || !o.Object("signatures").Get(there.Name).Exists() {
		t.Fatalf("%d %s", status, answer)
	}
	if state, _ := invitedTo(t, bob, since, good.roomID); state["m.room.create "] == nil || state["m.room.power_levels "] != nil {
		t.Errorf("bob sees %v", state)
	}
	if again, _ := there.Do(s, "PUT", good.path("v2"), good); again != http.StatusOK {
		t.Errorf("a second time: %d", again)
	}
}

func TestInvitationsOfOldServers(t *testing.T) {
	n := servertest.NewNetwork(t)
	s := n.Start("")
	bob, carol := s.Register(t, "bob"), s.Register(t, "carol")
	carol.Must("PUT", clientV3+"/user/"+url.PathEscape(carol.UserID)+"/account_data/m.invite_permission_config", map[string]any{"default_action": "block"}, nil)
	there := n.Peer().Reside("1")
	in := invites(there, "m.room.member", bob.UserID, `{"membership":"invite","is_direct":true}`)
	var body map[string]any
	if err := json.Unmarshal(in.Event, &body); err != nil {
		t.Fatal(err)
	}
	body["unsigned"] = map[string]any{"invite_room_state": []map[string]any{
		{"type": "m.room.name", "state_key": "", "sender": there.User("host"), "content": map[string]any{"name": "Halle"}}, {"type": 1}, {"type": "m.room.topic"}}}
	since := bob.Sync("", "").NextBatch
	status, answer := there.Do(s, "PUT", in.path("v1"), body)
	var pair []json.RawMessage
	if err := json.Unmarshal(answer, &pair); err != nil || status != 200 || len(pair) != 2 {
		t.Fatalf("%d %s", status, answer)
	}
	state, _ := invitedTo(t, bob, since, in.roomID)
	if len(state) != 2 || state["m.room.name "].Content.Raw["name"] != "Halle" {
		t.Errorf("bob sees %v", state)
	}
	blocked := invites(there, "m.room.member", carol.UserID, `{"membership":"invite"}`)
	status, answer = there.Do(s, "PUT", blocked.path("v2"), blocked)
	if code, _ := pdu.StoredObject(answer).Text("errcode"); status != 403 || code != "M_INVITE_BLOCKED" {
		t.Errorf("%d %s", status, answer)
	}
}
