package server_test

import (
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"beffroi/server/config"
	"beffroi/server/pdu"
	"beffroi/server/servertest"

	"maunium.net/go/mautrix/id"
)

// meeting is a server and a peer with a room in common: alice is here, bob there.
func meeting(t *testing.T, opts ...servertest.Option) (s *servertest.Server, alice *servertest.User, p *servertest.Peer, room *servertest.PeerRoom, bob string) {
	t.Helper()
	n := servertest.NewNetwork(t)
	s, p = n.Start("", opts...), n.Peer()
	alice = s.Register(t, "alice")
	room = p.Room(s, alice.CreateRoom(map[string]any{"preset": "public_chat"}))
	return s, alice, p, room, room.Join("bob")
}

func raws(events ...*pdu.Event) (all []json.RawMessage) {
	for _, e := range events {
		all = append(all, e.JSON())
	}
	return all
}

func TestATransactionArrives(t *testing.T) {
	s, alice, p, room, bob := meeting(t)
	since := alice.Sync("", "").NextBatch
	one := room.Message(bob, "Bonjour")
	body := map[string]any{"origin": p.Name, "origin_server_ts": 1, "pdus": raws(one)}
	want := `{"pdus":{"` + one.ID() + `":{}}}`
	for range 2 { // the same again is answered the same
		if status, answer := p.Do(s, "PUT", fed+"send/t1", body); status != http.StatusOK || strings.TrimSpace(string(answer)) != want {
			t.Fatalf("%d %s; want %s", status, answer, want)
		}
	}
	events := alice.Sync(since, "").Rooms.Join[id.RoomID(room.ID)].Timeline.Events
	if len(events) != 1 || events[0].ID.String() != one.ID() {
		t.Errorf("%d events came", len(events))
	}
}

func TestTransactionsThatAreRefusedAsAWhole(t *testing.T) {
	s, _, p, room, bob := meeting(t)
	message := room.Build("m.room.message", nil, bob, map[string]string{"body": "x"}).JSON()
	many := func(n int, item string) json.RawMessage {
		return json.RawMessage("[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]")
	}
	for what, c := range map[string]struct {
		body   map[string]any
		status int
		code   string
	}{
		"another origin":  {map[string]any{"origin": "elsewhere", "origin_server_ts": 1, "pdus": raws()}, 403, "M_FORBIDDEN"},
		"a wrong origin":  {map[string]any{"origin": 1, "origin_server_ts": 1, "pdus": []any{}}, 403, "M_FORBIDDEN"},
		"no events":       {map[string]any{"origin": p.Name, "origin_server_ts": 1}, 400, "M_BAD_JSON"},
		"no array":        {map[string]any{"origin": p.Name, "origin_server_ts": 1, "pdus": map[string]int{}}, 400, "M_BAD_JSON"},
		"51 events":       {map[string]any{"origin": p.Name, "origin_server_ts": 1, "pdus": many(51, string(message))}, 400, "M_INVALID_PARAM"},
		"101 other items": {map[string]any{"origin": p.Name, "origin_server_ts": 1, "pdus": []any{}, "edus": many(101, "{}")}, 400, "M_INVALID_PARAM"},
	} {
		if status, answer := p.Do(s, "PUT", fed+"send/"+strings.ReplaceAll(what, " ", "-"), c.body); status != c.status || !strings.Contains(string(answer), c.code) {
			t.Errorf("%s: %d %s", what, status, answer)
		}
	}
}

// Each event is judged alone: what is wrong with one is nothing to the others.
func TestAPoisonedEventTakesNoOtherWithIt(t *testing.T) {
	s, _, p, room, bob := meeting(t)
	good, forged := room.Message(bob, "good"), room.Message(bob, "forged")
	after := room.Message(bob, "after")
	bad := strings.Replace(string(forged.JSON()), `"sender":"@bob:`, `"sender":"@carol:`, 1)
	pdus := []json.RawMessage{json.RawMessage(`{}`), json.RawMessage(`[1.5]`), json.RawMessage(`"x"`), json.RawMessage(`null`), json.RawMessage(bad),
		json.RawMessage(`{"room_id":"!unknown:elsewhere","type":"m.room.message"}`), json.RawMessage(`{"room_id":"` + room.ID + `","depth":1e400}`)}
	status, results := p.Transaction(s, append(raws(good), append(pdus, after.JSON())...), nil)
	if text, ok := results[good.ID()]; status != 200 || !ok || text != "" {
		t.Errorf("%d %v", status, results)
	}
	if _, ok := results[after.ID()]; !ok {
		t.Errorf("%v", results)
	}
	for id, text := range results {
		if id != good.ID() && id != after.ID() && text == "" {
			t.Errorf("%s was taken", id)
		}
	}
}

func TestServerACLsHoldForTransactions(t *testing.T) {
	s, alice, p, room, bob := meeting(t)
	alice.Must("PUT", "/_matrix/client/v3/rooms/"+room.ID+"/state/m.room.server_acl/", map[string]any{"allow": []string{"*"}, "deny": []string{"127.0.0.1"}}, nil)
	e := room.Message(bob, "still here")
	typing := json.RawMessage(`{"edu_type":"m.typing","content":{"room_id":"` + room.ID + `","user_id":"` + bob + `","typing":true}}`)
	receipt := json.RawMessage(`{"edu_type":"m.receipt","content":{"` + room.ID + `":{"m.read":{"` + bob + `":{"data":{"ts":1},"event_ids":["` + e.PrevEvents()[0] + `"]}}}}}`)
	if status, results := p.Transaction(s, raws(e), []json.RawMessage{typing, receipt}); status != 200 || !strings.Contains(results[e.ID()], "take part") {
		t.Errorf("%d %v", status, results)
	}
	if got := newsOf(alice, "").Rooms.Join[room.ID].Ephemeral.Events; len(got) > 0 {
		t.Errorf("%v", got)
	}
}

func TestWhatIsSaidBesideEventsArrives(t *testing.T) {
	s, alice, p, room, bob := meeting(t, func(c *config.Config) { c.Presence.Enabled = true })
	event := alice.SendText(room.ID, "Bonjour")
	since := alice.Sync("", "").NextBatch
	device := func(id, text string) json.RawMessage {
		return json.RawMessage(`{"edu_type":"m.direct_to_device","content":{"sender":"` + bob + `","type":"m.test","message_id":"` + id + `","messages":{"` +
			alice.UserID + `":{"*":{"text":"` + text + `"}},"@nobody:` + s.ServerName + `":{"*":{}},"@a:elsewhere":{"*":{}}}}}`)
	}
	status, _ := p.Transaction(s, nil, []json.RawMessage{
		json.RawMessage(`{"edu_type":"m.typing","content":{"room_id":"` + room.ID + `","user_id":"` + bob + `","typing":true}}`),
		json.RawMessage(`{"edu_type":"m.receipt","content":{"` + room.ID + `":{"m.read":{"` + bob + `":{"data":{"ts":1000},"event_ids":["` + event + `"]}}}}}`),
		json.RawMessage(`{"edu_type":"m.presence","content":{"push":[{"user_id":"` + bob + `","presence":"online","status_msg":"là","last_active_ago":5,"currently_active":true}]}}`),
		device("m1", "once"), device("m1", "twice"),
		json.RawMessage(`{"edu_type":"org.example.unknown","content":{}}`),
	})
	if status != http.StatusOK {
		t.Fatal(status)
	}
	if status, _ := p.Transaction(s, nil, []json.RawMessage{device("m1", "again"), device("m2", "another")}); status != http.StatusOK {
		t.Fatal(status)
	}
	news := newsOf(alice, since)
	for what, got := range map[string][2]string{
		"typing":   {content(news.Rooms.Join[room.ID].Ephemeral.Events, "m.typing"), `{"user_ids":["` + bob + `"]}`},
		"receipt":  {content(news.Rooms.Join[room.ID].Ephemeral.Events, "m.receipt"), `{"` + event + `":{"m.read":{"` + bob + `":{"ts":1000}}}}`},
		"presence": {content(news.Presence.Events, "m.presence"), `"presence":"online"`},
	} {
		if !strings.Contains(got[0], got[1]) {
			t.Errorf("%s: %s; want %s", what, got[0], got[1])
		}
	}
	var texts []string
	for _, e := range news.ToDevice.Events {
		texts = append(texts, string(e.Content))
	}
	if got := strings.Join(texts, " "); got != `{"text":"once"} {"text":"another"}` {
		t.Errorf("to the device: %s", got)
	}
}

// A server speaks for its own users only, and for those who are in the room. Forged EDUs: CVE-2023-42453.
func TestForgedEDUsAreDropped(t *testing.T) {
	s, alice, p, room, bob := meeting(t, func(c *config.Config) { c.Presence.Enabled = true })
	event := alice.SendText(room.ID, "Bonjour")
	quiet := alice.CreateRoom(map[string]any{})
	inQuiet := alice.SendText(quiet, "seule")
	since := alice.Sync("", "").NextBatch
	stranger := "@mallory:" + p.Name
	var edus []json.RawMessage
	add := func(kind, content string) {
		edus = append(edus, json.RawMessage(`{"edu_type":"`+kind+`","content":`+content+`}`))
	}
	for _, c := range [][2]string{{room.ID, alice.UserID}, {room.ID, "@bob:elsewhere"}, {room.ID, stranger}, {quiet, bob}, {"!none:hs", bob}} {
		add("m.typing", `{"room_id":"`+c[0]+`","user_id":"`+c[1]+`","typing":true}`)
	}
	add("m.typing", `{"room_id":"`+room.ID+`","user_id":"`+bob+`","typing":1}`)
	for _, c := range [][3]string{{room.ID, event, alice.UserID}, {room.ID, event, "@bob:elsewhere"}, {room.ID, event, stranger}, {quiet, inQuiet, bob}, {room.ID, inQuiet, bob}} {
		add("m.receipt", `{"`+c[0]+`":{"m.read":{"`+c[2]+`":{"data":{"ts":1},"event_ids":["`+c[1]+`"]}}}}`)
	}
	add("m.receipt", `{"`+room.ID+`":{"m.read.private":{"`+bob+`":{"data":{"ts":1},"event_ids":["`+event+`"]}}}}`)
	for _, user := range []string{"@bob:elsewhere", stranger, "x"} {
		add("m.presence", `{"push":[{"user_id":"`+user+`","presence":"online","last_active_ago":1}]}`)
	}
	add("m.presence", `{"push":[{"user_id":"`+bob+`","presence":"nowhere"}]}`)
	for _, sender := range []string{alice.UserID, "@bob:elsewhere", "x", "@:" + p.Name + ":y"} {
		add("m.direct_to_device", `{"sender":"`+sender+`","type":"m.test","message_id":"`+sender[:1]+`","messages":{"`+alice.UserID+`":{"*":{}}}}`)
	}
	add("m.direct_to_device", `{"sender":"`+bob+`","type":"m.test","message_id":"`+strings.Repeat("x", 33)+`","messages":{"`+alice.UserID+`":{"*":{}}}}`)
	add("m.direct_to_device", `{"sender":"`+bob+`","type":"m.test","message_id":"n","messages":{"`+alice.UserID+`":{"*":"text"}}}`)
	edus = append(edus, json.RawMessage(`1`), json.RawMessage(`{"edu_type":3}`), json.RawMessage(`{"edu_type":"m.typing","content":[]}`))
	if status, _ := p.Transaction(s, nil, edus); status != http.StatusOK {
		t.Fatal(status)
	}
	last := json.RawMessage(`{"edu_type":"m.direct_to_device","content":{"sender":"` + bob + `","type":"m.last","message_id":"last","messages":{"` + alice.UserID + `":{"*":{}}}}}`)
	if status, _ := p.Transaction(s, nil, []json.RawMessage{last}); status != http.StatusOK {
		t.Fatal(status)
	}
	news := newsOf(alice, since)
	if len(news.ToDevice.Events) != 1 || news.ToDevice.Events[0].Type != "m.last" {
		t.Errorf("to the device: %v", news.ToDevice.Events)
	}
	for id, r := range news.Rooms.Join {
		if len(r.Ephemeral.Events) > 0 {
			t.Errorf("%s: %v", id, r.Ephemeral.Events)
		}
	}
	if len(news.Presence.Events) > 1 { // her own
		t.Errorf("%v", news.Presence.Events)
	}
}

// fedNews is what a sync tells of that comes beside events.
type fedNews struct {
	Rooms struct {
		Join map[string]struct {
			Ephemeral struct{ Events []namedContent }
		}
	}
	Presence struct{ Events []namedContent }
	ToDevice struct{ Events []namedContent } `json:"to_device"`
}

func newsOf(u *servertest.User, since string) (news fedNews) {
	u.Must("GET", "/_matrix/client/v3/sync?since="+url.QueryEscape(since), nil, &news)
	return news
}

// Events that are deeper than any may be, or not canonical, do not make the request of the server that passes them on one that nobody signed.
func TestADeepEventTakesNoOtherWithIt(t *testing.T) {
	s, _, p, room, bob := meeting(t)
	good := room.Message(bob, "good")
	deep := `{"room_id":"` + room.ID + `","content":` + strings.Repeat(`{"a":[`, 20_000) + strings.Repeat(`]}`, 20_000) + `}`
	odd := `{"room_id":"` + room.ID + `","a":1,"a":2,"b":"\ud800"}`
	body := `{"edus":[],"origin":"` + p.Name + `","origin_server_ts":1,"pdus":[` + deep + `,` + odd + `,` + string(good.JSON()) + `]}`
	uri, key := fed+"send/deep", p.Own.Signer()
	text := `{"content":` + body + `,"destination":"` + s.ServerName + `","method":"PUT","origin":"` + p.Name + `","uri":"` + uri + `"}`
	header := `X-Matrix origin="` + p.Name + `",destination="` + s.ServerName + `",key="` + key.KeyID + `",sig="` + pdu.EncodeBase64(ed25519.Sign(key.Key, []byte(text))) + `"`
	if status, answer := p.Send(s, "PUT", uri, []byte(body), header); status != http.StatusOK || strings.TrimSpace(string(answer)) != `{"pdus":{"`+good.ID()+`":{}}}` {
		t.Errorf("%d %s", status, answer)
	}
	changed := strings.Replace(body, "good", "evil", 1)
	if status, answer := p.Send(s, "PUT", uri, []byte(changed), header); status != http.StatusUnauthorized {
		t.Errorf("another body: %d %s", status, answer)
	}
}
