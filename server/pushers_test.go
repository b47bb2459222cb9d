package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"beffroi/server/config"
	"beffroi/server/servertest"
	"beffroi/server/store"
)

const (
	pushersPath = "/_matrix/client/v3/pushers"
	pushersAck  = "/_matrix/client/unstable/org.matrix.msc4174/pushers/ack"
)

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

func TestPushersAreListedChangedAndDeleted(t *testing.T) {
	g := servertest.NewGateway(t)
	s := servertest.Start(t, g.Option)
	anna := s.Register(t, "anna")
	if got := pushersOf(anna); got == nil || len(got) != 0 {
		t.Errorf("%+v", got)
	}
	anna.SetPusher(g, "key", object{"profile_tag": "tag", "data": object{"url": g.URL, "format": "event_id_only", "own": []int{1}}})
	got := pushersOf(anna)
	if len(got) != 1 || got[0].AppID != "org.example.app" || got[0].Pushkey != "key" || got[0].Kind != "http" || got[0].Tag != "tag" || !got[0].Enabled ||
		got[0].DeviceID != anna.DeviceID || string(got[0].Data["own"]) != "[1]" || got[0].Active != nil {
		t.Errorf("%+v", got)
	}
	anna.SetPusher(g, "key", object{"org.matrix.msc3881.enabled": false})
	if got = pushersOf(anna); len(got) != 1 || got[0].Enabled || got[0].Tag != "" {
		t.Errorf("%+v", got)
	}
	other := s.Login(t, "anna")
	other.SetPusher(g, "second", nil)
	if got = pushersOf(anna); len(got) != 2 || got[1].DeviceID != other.DeviceID {
		t.Errorf("%+v", got)
	}
	for range 2 { // what is not there is deleted already
		anna.Must("POST", pushersPath+"/set", object{"kind": nil, "app_id": "org.example.app", "pushkey": "second"}, nil)
	}
	if got = pushersOf(anna); len(got) != 1 || got[0].Pushkey != "key" {
		t.Errorf("%+v", got)
	}
}

// Spec: POST /pushers/set, append.
func TestAPushkeyBelongsToWhoSetItLast(t *testing.T) {
	g := servertest.NewGateway(t)
	s := servertest.Start(t, g.Option)
	anna, bruno, carla := s.Register(t, "anna"), s.Register(t, "bruno"), s.Register(t, "carla")
	anna.SetPusher(g, "key", nil)
	bruno.SetPusher(g, "key", object{"append": true})
	bruno.SetPusher(g, "key", object{"append": true, "app_id": "other"})
	if len(pushersOf(anna)) != 1 || len(pushersOf(bruno)) != 2 {
		t.Error(pushersOf(anna), pushersOf(bruno))
	}
	carla.Must("POST", pushersPath+"/set", object{"kind": nil, "app_id": "org.example.app", "pushkey": "key"}, nil) // hers: none
	carla.SetPusher(g, "key", nil)
	if len(pushersOf(anna)) != 0 || len(pushersOf(bruno)) != 1 || len(pushersOf(carla)) != 1 {
		t.Error(pushersOf(anna), pushersOf(bruno), pushersOf(carla))
	}
}

func TestPushersEndWithTheirDevice(t *testing.T) {
	g := servertest.NewGateway(t)
	s := servertest.Start(t, g.Option)
	anna := s.Register(t, "anna")
	anna.SetPusher(g, "kept", nil)
	second, third := s.Login(t, "anna"), s.Login(t, "anna")
	second.SetPusher(g, "second", nil)
	third.SetPusher(g, "third", nil)
	second.Must("POST", clientV3+"/logout", object{}, nil)
	if got := pushersOf(anna); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	anna.Must("POST", clientV3+"/account/password", object{"new_password": "another one", "auth": object{"type": "m.login.password", "password": "anna",
		"identifier": object{"type": "m.id.user", "user": "anna"}}}, nil)
	if got := pushersOf(anna); len(got) != 1 || got[0].Pushkey != "kept" {
		t.Errorf("%+v", got)
	}
}

func TestPushersThatAreRefused(t *testing.T) {
	s := servertest.Start(t)
	anna := s.Register(t, "anna")
	const gateway = "https://push.example/_matrix/push/v1/notify"
	with := func(members object) object { return servertest.HTTPPusher(gateway, "key", members) }
	without := func(name string) object {
		body := with(nil)
		delete(body, name)
		return body
	}
	to := func(url any) object { return with(object{"data": object{"url": url}}) }
	for _, c := range []struct {
		body    any
		errcode string
	}{
		{[]byte(`{`), "M_NOT_JSON"},
		{[]byte(`[]`), "M_BAD_JSON"},
		{without("kind"), "M_MISSING_PARAM"},
		{without("app_id"), "M_MISSING_PARAM"},
		{without("pushkey"), "M_MISSING_PARAM"},
		{without("app_display_name"), "M_MISSING_PARAM"},
		{without("device_display_name"), "M_MISSING_PARAM"},
		{without("lang"), "M_MISSING_PARAM"},
		{without("data"), "M_MISSING_PARAM"},
		{with(object{"data": nil}), "M_MISSING_PARAM"},
		{with(object{"data": object{}}), "M_MISSING_PARAM"},
		{with(object{"data": []int{}}), "M_BAD_JSON"},
		{with(object{"kind": 5}), "M_BAD_JSON"},
		{with(object{"kind": ""}), "M_INVALID_PARAM"},
		{with(object{"kind": "sms"}), "M_INVALID_PARAM"},
		{with(object{"app_id": 5}), "M_BAD_JSON"},
		{with(object{"app_id": strings.Repeat("é", 65)}), "M_INVALID_PARAM"},
		{with(object{"pushkey": strings.Repeat("é", 257)}), "M_INVALID_PARAM"},
		{with(object{"lang": strings.Repeat("x", 1001)}), "M_INVALID_PARAM"},
		{with(object{"profile_tag": strings.Repeat("x", 1001)}), "M_INVALID_PARAM"},
		{with(object{"data": object{"url": gateway, "x": strings.Repeat("x", 9000)}}), "M_INVALID_PARAM"},
		{to(5), "M_BAD_JSON"},
		{to("http://push.example/_matrix/push/v1/notify"), "M_INVALID_PARAM"},
		{to("https:///_matrix/push/v1/notify"), "M_INVALID_PARAM"},
		{to("https://a:b@push.example/_matrix/push/v1/notify"), "M_INVALID_PARAM"},
		{to("https://push.example/_matrix/push/v1/notify/"), "M_INVALID_PARAM"},
		{to("https://push.example/_matrix/push/v1/notify?x=1"), "M_INVALID_PARAM"},
		{to("https://push.example/elsewhere"), "M_INVALID_PARAM"},
		{to("https://push.example:port/_matrix/push/v1/notify"), "M_INVALID_PARAM"},
		{with(object{"kind": "email", "app_id": "m.email", "pushkey": "anna@mairie.example", "data": object{}}), "M_INVALID_PARAM"},
		{with(object{"kind": "email", "pushkey": "anna@mairie.example", "data": object{}}), "M_INVALID_PARAM"},
		{object{"kind": nil, "app_id": "x"}, "M_MISSING_PARAM"},
		{object{"kind": nil, "pushkey": "x"}, "M_MISSING_PARAM"},
		{object{"kind": nil, "pushkey": "x", "app_id": strings.Repeat("x", 65)}, "M_INVALID_PARAM"},
	} {
		anna.MustFail(400, c.errcode, "POST", pushersPath+"/set", c.body)
	}
	anna.Must("POST", pushersPath+"/set", with(object{"app_id": strings.Repeat("é", 64), "pushkey": strings.Repeat("x", 512)}), nil)
	stranger := s.Anonymous(t)
	stranger.MustFail(401, "M_MISSING_TOKEN", "GET", pushersPath, nil)
	stranger.MustFail(401, "M_MISSING_TOKEN", "POST", pushersPath+"/set", with(nil))
	stranger.MustFail(401, "M_MISSING_TOKEN", "POST", pushersAck, object{})
	anna.MustFail(400, "M_MISSING_PARAM", "POST", pushersAck, object{"app_id": "x"})
	anna.MustFail(404, "M_NOT_FOUND", "POST", pushersAck, object{"app_id": strings.Repeat("é", 64), "ack_token": "x"})
}

// A gateway is reached only where the rule of its connections allows it, whatever its name.
func TestAGatewayInsideTheTownHallIsNotReached(t *testing.T) {
	g := servertest.NewGateway(t)
	s := servertest.Start(t, g.Option, func(c *config.Config) { c.Push.Allow = "192.168.0.0/16" })
	anna, bruno, room := talkers(t, s)
	bruno.SetPusher(g, "key", nil)
	anna.SendText(room, "personne")
	s.Restart() // waits for what is on its way
	if told := g.Told(); len(told) > 0 {
		t.Errorf("%+v", told)
	}
	if got := pushersOf(bruno); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

// Who may only read is still told; who deactivates the account is told nothing more.
func TestPushersOfAccountsThatEnd(t *testing.T) {
	g := servertest.NewGateway(t)
	s := servertest.Start(t, g.Option)
	anna, bruno, room := talkers(t, s)
	err := s.DB().Write(t.Context(), func(tx *store.Tx) error {
		user, err := tx.FindAtom(bruno.UserID)
		if err == nil {
			err = tx.SetAccountState(user, store.AccountSuspended)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	bruno = s.Login(t, "bruno")
	bruno.SetPusher(g, "key", nil)
	bruno.MustFail(403, "M_USER_SUSPENDED", "PUT", roomPath(room)+"/send/m.room.message/1", object{"msgtype": "m.text", "body": "x"})
	if id := anna.SendText(room, "x"); g.Next().EventID != id {
		t.Error("another event")
	}
	anna.SetPusher(g, "anna", nil)
	anna.Must("POST", clientV3+"/account/deactivate", object{"auth": object{"type": "m.login.password", "password": "anna",
		"identifier": object{"type": "m.id.user", "user": "anna"}}}, nil)
	left, err := store.Get(t.Context(), s.DB(), (*store.Reader).Pushers)
	if err != nil || len(left) != 1 || left[0].UserID != bruno.UserID {
		t.Errorf("%+v %v", left, err)
	}
}
