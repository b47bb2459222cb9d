package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"beffroi/server/servertest"
)

const pushersPath = "/_matrix/client/v3/pushers"

// talkers are two people in a room with a name.
func talkers(t *testing.T, s *servertest.Server) (anna, bruno *servertest.User, room string) {
	t.Helper()
	anna, bruno = s.Register(t, "anna"), s.Register(t, "bruno")
	room = anna.CreateRoom(map[string]any{"name": "Voirie", "preset": "public_chat"})
	bruno.Join(room)
	return anna, bruno, room
}

func TestAGatewayIsToldOfAMessage(t *testing.T) {
	g := servertest.NewGateway(t)
	s := servertest.Start(t, g.Option)
	anna, bruno := s.Register(t, "anna"), s.Register(t, "bruno")
	room := anna.CreateRoom(map[string]any{"name": "Voirie", "is_direct": true, "preset": "trusted_private_chat", "invite": []string{bruno.UserID}})
	bruno.Join(room)
	anna.Must("PUT", "/_matrix/client/v3/profile/"+anna.UserID+"/displayname", map[string]any{"displayname": "Anna"}, nil)
	bruno.SetPusher(g, "key", map[string]any{"data": map[string]any{"url": g.URL, "brand": "x"}})
	id := anna.SendText(room, "La rue est ouverte")
	n := g.Next()
	if n.EventID != id || n.RoomID != room || n.Type != "m.room.message" || n.Sender != anna.UserID || n.SenderDisplayName != "Anna" || n.RoomName != "Voirie" ||
		n.Unread() != 1 || n.Prio != "high" || !strings.Contains(string(n.Content), "La rue est ouverte") {
		t.Errorf("%+v %s", n, n.Content)
	}
	d := n.Devices[0]
	if len(n.Devices) != 1 || d.AppID != "org.example.app" || d.Pushkey != "key" || d.Since == 0 || string(d.Data["brand"]) != `"x"` || d.Data["url"] != nil ||
		string(d.Tweaks["sound"]) != `"default"` {
		t.Errorf("%+v", n.Devices)
	}
}

func TestEventIDOnlyTellsNothingElse(t *testing.T) {
	g := servertest.NewGateway(t)
	s := servertest.Start(t, g.Option)
	anna, bruno, room := talkers(t, s)
	bruno.SetPusher(g, "key", map[string]any{"data": map[string]any{"url": g.URL, "format": "event_id_only"}})
	id := anna.SendText(room, "secret")
	n := g.Next()
	if n.EventID != id || n.RoomID != room || n.Unread() != 1 || n.Content != nil || n.Sender+n.SenderDisplayName+n.RoomName+n.Type != "" || n.Devices[0].Tweaks != nil ||
		string(n.Devices[0].Data["format"]) != `"event_id_only"` {
		t.Errorf("%+v", n)
	}
}

func TestReadingClearsTheBadge(t *testing.T) {
	g := servertest.NewGateway(t)
	s := servertest.Start(t, g.Option)
	anna, bruno, room := talkers(t, s)
	bruno.SetPusher(g, "key", nil)
	anna.SendText(room, "un")
	last := anna.SendText(room, "deux")
	if a, b := g.Next(), g.Next(); b.EventID != last || b.Unread() != 2 || a.EventID == last {
		t.Errorf("%+v %+v", a, b)
	}
	bruno.Must("POST", "/_matrix/client/v3/rooms/"+room+"/receipt/m.read/"+last, map[string]any{}, nil)
	if n := g.Next(); n.EventID != "" || n.Unread() != 0 || n.Prio != "low" {
		t.Errorf("%+v", n)
	}
}

func TestWhomRulesTell(t *testing.T) {
	g := servertest.NewGateway(t)
	s := servertest.Start(t, g.Option)
	anna, bruno, room := talkers(t, s)
	carla := s.Register(t, "carla")
	carla.Join(room)
	for _, u := range []*servertest.User{anna, bruno, carla} {
		u.SetPusher(g, u.Localpart, map[string]any{"data": map[string]any{"url": g.URL}})
	}
	const rules = "/_matrix/client/v3/pushrules/global/"
	bruno.Must("PUT", rules+"room/"+room, map[string]any{"actions": []string{}}, nil) // muted, but for mentions
	carla.Must("PUT", rules+"content/pont", map[string]any{"pattern": "pont", "actions": []any{"notify", map[string]any{"set_tweak": "sound", "value": "bell"}}}, nil)

	anna.SendText(room, "le pont est fermé")
	if n := g.NextEvent(); n.Devices[0].Pushkey != "carla" || string(n.Devices[0].Tweaks["sound"]) != `"bell"` || n.Prio != "high" {
		t.Errorf("%+v", n)
	}
	anna.SendText(room, "rien") // in a room of three: no sound
	if n := g.NextEvent(); n.Devices[0].Pushkey != "carla" || n.Prio != "low" || n.Devices[0].Tweaks["sound"] != nil {
		t.Errorf("%+v", n)
	}
	id := anna.Send(room, "m.room.message", map[string]any{"msgtype": "m.text", "body": "Bruno ?", "m.mentions": map[string]any{"user_ids": []string{bruno.UserID}}})
	told := map[string]servertest.Notification{}
	for range 2 {
		n := g.NextEvent()
		told[n.Devices[0].Pushkey] = n
	}
	if n := told["bruno"]; n.EventID != id || string(n.Devices[0].Tweaks["highlight"]) != "true" || n.Prio != "high" {
		t.Errorf("%+v", told)
	}
	if n := told["carla"]; n.EventID != id || n.Devices[0].Tweaks["highlight"] != nil {
		t.Errorf("%+v", told)
	}

	dora := s.Register(t, "dora")
	dora.SetPusher(g, "dora", nil)
	anna.Invite(room, dora)
	if n := g.NextEvent(); n.Devices[0].Pushkey != "dora" || n.Type != "m.room.member" || n.UserIsTarget == nil || !*n.UserIsTarget {
		t.Errorf("%+v", n)
	}
	carla.Must("PUT", "/_matrix/client/v3/user/"+carla.UserID+"/account_data/m.ignored_user_list",
		map[string]any{"ignored_users": map[string]any{anna.UserID: map[string]any{}}}, nil)
	anna.SendText(room, "ignorée")
	bruno.SendText(room, "entendu")
	seen := map[string]string{}
	for range 2 {
		n := g.NextEvent()
		seen[n.Devices[0].Pushkey] = string(n.Content)
	}
	if !strings.Contains(seen["carla"], "entendu") || !strings.Contains(seen["anna"], "entendu") {
		t.Errorf("%+v", seen)
	}
	for _, n := range g.Told() {
		if n.EventID != "" {
			t.Errorf("%+v", n)
		}
	}
}

func TestARejectedPushkeyEndsItsPusher(t *testing.T) {
	g := servertest.NewGateway(t)
	s := servertest.Start(t, g.Option)
	anna, bruno, room := talkers(t, s)
	bruno.SetPusher(g, "old", nil)
	bruno.SetPusher(g, "new", map[string]any{"append": true})
	g.Reply(rejecting("old", "new"))
	g.Reply(rejecting("old", "new"))
	anna.SendText(room, "un")
	g.Next()
	g.Next()
	eventually(t, "the pushers end", func() bool { return len(pushersOf(bruno)) == 0 })
	bruno.SetPusher(g, "other", nil)
	g.Reply(rejecting("old")) // somebody else's
	anna.SendText(room, "deux")
	g.Next()
	id := anna.SendText(room, "trois")
	if n := g.Next(); n.EventID != id || n.Devices[0].Pushkey != "other" {
		t.Errorf("%+v", n)
	}
}

func rejecting(keys ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { _ = json.NewEncoder(w).Encode(map[string]any{"rejected": keys}) }
}

type listed struct {
	AppID    string                     `json:"app_id"`
	Pushkey  string                     `json:"pushkey"`
	Kind     string                     `json:"kind"`
	Tag      string                     `json:"profile_tag"`
	Data     map[string]json.RawMessage `json:"data"`
	Enabled  bool                       `json:"org.matrix.msc3881.enabled"`
	DeviceID string                     `json:"org.matrix.msc3881.device_id"`
	Active   *bool                      `json:"activated"`
}

func pushersOf(u *servertest.User) []listed {
	var answer struct{ Pushers []listed }
	u.Must("GET", pushersPath, nil, &answer)
	return answer.Pushers
}
