package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/rs/zerolog"

	"beffroi/server"
	"beffroi/server/config"
	"beffroi/server/servertest"
)

const serviceType = "m.login.application_service"

// A server that is told of services that can't be does not start, and says why with the file's name.
func TestServicesThatCannotBe(t *testing.T) {
	irc, again := servertest.NewBridge(t, "irc", ""), servertest.NewBridge(t, "irc2", "id: irc\n")
	commune := servertest.NewBridge(t, "x", "sender_localpart: _commune\n")
	s := servertest.Start(t)
	s.Register(t, "alice")
	person := servertest.NewBridge(t, "y", "sender_localpart: alice\n")
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"twice":       {[]string{irc.File, again.File}, again.File + ` : id = "irc" : c'est aussi celui de ` + irc.File},
		"the commune": {[]string{commune.File}, commune.File + " : sender_localpart : @_commune:a.test est le compte d'une personne, ou de la commune"},
		"missing":     {[]string{"/nowhere/a.yaml"}, "/nowhere/a.yaml : fichier d'enregistrement illisible : open /nowhere/a.yaml: no such file or directory"},
	} {
		cfg := config.Default()
		cfg.ServerName, cfg.DataDir, cfg.AppServices = "a.test", t.TempDir(), c.files
		if _, err := server.New(t.Context(), cfg, zerolog.Nop()); err == nil || err.Error() != c.want && err.Error() != "accounts: "+c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if err := s.RestartWith(person.Configure); err == nil {
		t.Error("a service took the account of a person")
	}
}

// Who shows an as_token acts as the users of its namespaces, and as nobody else.
func TestIdentityAssertion(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "")
	open := servertest.NewBridge(t, "puppet", "namespaces: {users: [{exclusive: false, regex: '@(alice|chef):'}]}\n")
	s := startWith(t, irc, open)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	bot := irc.On(t, &s.Client)
	ghost := irc.Ghost(t, &s.Client, "bob")
	who := func(u *servertest.User, query string) (is struct {
		UserID   string `json:"user_id"`
		DeviceID string `json:"device_id"`
	}) {
		t.Helper()
		u.Must("GET", clientV3+"/account/whoami"+query, nil, &is)
		return is
	}
	if who(bot, "").UserID != bot.UserID || who(ghost, "").UserID != ghost.UserID || who(open.On(t, &s.Client).As(alice.UserID), "").UserID != alice.UserID {
		t.Error("acts as somebody else")
	}
	if who(bob, "?user_id="+url.QueryEscape(alice.UserID)).UserID != bob.UserID {
		t.Error("a person acted as another")
	}
	const path = clientV3 + "/account/whoami"
	for _, other := range []string{alice.UserID, bob.UserID, "@_commune:" + s.ServerName, "@_puppet:" + s.ServerName, "@_irc_x:elsewhere.test", "nobody"} {
		bot.As(other).MustFail(403, "M_FORBIDDEN", "GET", path, nil)
	}
	bot.As("@_irc_unregistered:"+s.ServerName).MustFail(403, "M_FORBIDDEN", "GET", path, nil)
	wrong := *bot
	wrong.AccessToken = irc.HSToken
	wrong.MustFail(401, "M_UNKNOWN_TOKEN", "GET", path, nil)

	// Rooms, as any user.
	room := ghost.CreateRoom(object{"name": "Bridged"})
	ghost.SendText(room, "hello")
	ghost.Sync("", "")
	alice.MustFail(403, "M_FORBIDDEN", "GET", roomPath(room)+"/state", nil)

	// Not what is a person's alone.
	ghost.MustFail(403, "M_FORBIDDEN", "POST", clientV3+"/logout", object{})
	ghost.MustFail(403, "M_FORBIDDEN", "POST", clientV3+"/logout/all", object{})
	ghost.MustFail(403, "M_FORBIDDEN", "POST", clientV3+"/account/password", object{"new_password": "x"})
	open.On(t, &s.Client).As(alice.UserID).MustFail(403, "M_FORBIDDEN", "POST", clientV3+"/account/deactivate", object{})
}

// What a service may do as the people in its namespaces is not what administrators may, nor what the town hall or another service is.
func TestServicesRiseNoHigher(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "")
	open := servertest.NewBridge(t, "puppet", "namespaces: {users: [{exclusive: false, regex: '@.*'}]}\n")
	s := startWith(t, irc, open)
	chief, alice := s.RegisterAdmin(t, "chief"), s.Register(t, "alice")
	ghost, bot := irc.Ghost(t, &s.Client, "bob"), open.On(t, &s.Client)
	login := func(userID string) object {
		return object{"type": serviceType, "identifier": object{"type": "m.id.user", "user": userID}}
	}
	bot.Must("POST", clientV3+"/login", login(alice.UserID), nil)
	bot.MustFail(403, "M_FORBIDDEN", "POST", clientV3+"/login", login(chief.UserID)) // the token would be an administrator's
	bot.MustFail(400, "M_EXCLUSIVE", "POST", clientV3+"/login", login(ghost.UserID))
	for _, other := range []string{"@_commune:" + s.ServerName, ghost.UserID, irc.On(t, &s.Client).UserID} {
		bot.As(other).MustFail(403, "M_FORBIDDEN", "GET", clientV3+"/account/whoami", nil)
	}
	commune := servertest.NewBridge(t, "x", "namespaces: {users: [{exclusive: true, regex: '@_comm'}]}\n")
	if err := s.RestartWith(commune.Configure); err != nil {
		t.Fatal(err)
	}
	own := commune.On(t, &s.Client)
	own.As("@_commune:"+s.ServerName).MustFail(403, "M_FORBIDDEN", "GET", clientV3+"/account/whoami", nil)
	own.MustFail(403, "M_FORBIDDEN", "POST", clientV3+"/login", login("@_commune:"+s.ServerName))
}

// Two users of a service who send with the same transaction id, without devices, send two messages.
func TestTransactionIDsOfUsersWithoutDevices(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "")
	s := startWith(t, irc)
	one, two := irc.Ghost(t, &s.Client, "one"), irc.Ghost(t, &s.Client, "two")
	room := one.CreateRoom(object{"preset": "public_chat"})
	two.Join(room)
	var ids []string
	for _, u := range []*servertest.User{one, two, one} {
		var sent struct {
			ID string `json:"event_id"`
		}
		u.Must("PUT", roomPath(room)+"/send/m.room.message/t1", object{"msgtype": "m.text", "body": u.UserID}, &sent)
		ids = append(ids, sent.ID)
	}
	if ids[0] == ids[1] || ids[0] != ids[2] {
		t.Errorf("event ids %q", ids)
	}
	one.Sync(one.Sync("", "").NextBatch, "")
	if got := two.Sync("", "").Rooms.Join; len(got) != 1 {
		t.Errorf("rooms of the second: %v", got)
	}
}

func TestUsersOfServices(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "")
	xmpp := servertest.NewBridge(t, "xmpp", "namespaces: {users: [{exclusive: false, regex: '@_irc_'}]}\n")
	s := startWith(t, irc, xmpp)
	const path = clientV3 + "/register"
	bot, nobody := irc.On(t, &s.Client), s.Anonymous(t)
	ask := func(name string) object { return object{"type": serviceType, "username": name} }
	var made struct {
		UserID string `json:"user_id"`
		Token  string `json:"access_token"`
		Device string `json:"device_id"`
	}
	bot.Must("POST", path, ask("_IRC_Bob"), &made)
	if made.UserID != "@_irc_bob:"+s.ServerName || made.Token == "" || made.Device == "" {
		t.Errorf("%+v", made)
	}
	bot.MustFail(400, "M_USER_IN_USE", "POST", path, ask("_irc_bob"))
	bot.MustFail(400, "M_USER_IN_USE", "POST", path, ask("_irc"))
	bot.MustFail(400, "M_EXCLUSIVE", "POST", path, ask("bob"))
	bot.MustFail(400, "M_EXCLUSIVE", "POST", path, ask("_xmpp"))
	bot.MustFail(400, "M_MISSING_PARAM", "POST", path, object{"type": serviceType})
	bot.MustFail(400, "M_INVALID_USERNAME", "POST", path, ask("_irc_é"))
	xmpp.On(t, &s.Client).MustFail(400, "M_EXCLUSIVE", "POST", path, ask("_irc_x")) // another's, exclusively
	nobody.MustFail(401, "M_MISSING_TOKEN", "POST", path, ask("_irc_x"))
	s.Register(t, "alice").MustFail(401, "M_UNKNOWN_TOKEN", "POST", path, ask("_irc_x"))
	nobody.MustFail(400, "M_EXCLUSIVE", "POST", path, object{"username": "_irc_x", "password": "x", "auth": object{"type": "m.login.dummy"}})
	nobody.MustFail(400, "M_EXCLUSIVE", "POST", path, object{"username": "_irc", "password": "x", "auth": object{"type": "m.login.dummy"}})
	nobody.MustFail(400, "M_EXCLUSIVE", "GET", path+"/available?username=_irc_x", nil)

	const login = clientV3 + "/login"
	as := func(user string) object {
		return object{"type": serviceType, "device_id": "BRIDGE", "identifier": object{"type": "m.id.user", "user": user}}
	}
	var flows struct{ Flows []struct{ Type string } }
	nobody.Must("GET", login, nil, &flows)
	if n := len(flows.Flows); n == 0 || flows.Flows[n-1].Type != serviceType {
		t.Errorf("%+v", flows)
	}
	ghost := *nobody
	bot.Must("POST", login, as("_irc_bob"), &ghost)
	ghost.Must("GET", clientV3+"/account/whoami", nil, nil)
	bot.MustFail(403, "M_FORBIDDEN", "POST", login, as("_irc_unregistered"))
	bot.MustFail(400, "M_EXCLUSIVE", "POST", login, as("alice"))
	bot.MustFail(400, "M_EXCLUSIVE", "POST", login, as("@_irc_bob:elsewhere.test"))
	bot.MustFail(400, "M_MISSING_PARAM", "POST", login, object{"type": serviceType})
	nobody.MustFail(401, "M_MISSING_TOKEN", "POST", login, as("_irc_bob"))
	ghost.MustFail(401, "M_UNKNOWN_TOKEN", "POST", login, as("_irc_bob"))
	nobody.MustFail(403, "M_FORBIDDEN", "POST", login, object{"type": "m.login.password", "password": "",
		"identifier": object{"type": "m.id.user", "user": "_irc_bob"}})
	nobody.MustFail(403, "M_FORBIDDEN", "POST", login, object{"type": "m.login.password", "password": "",
		"identifier": object{"type": "m.id.user", "user": "_irc"}})
}

// Devices and keys without logging in. Source: application service API, "Device management", "Cross-signing".
func TestDevicesOfServices(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "")
	s := startWith(t, irc)
	ghost, other := irc.Ghost(t, &s.Client, "bob"), irc.Ghost(t, &s.Client, "eve")
	const path = clientV3 + "/devices/"
	if status := ghost.Do("PUT", path+"D1", object{"display_name": "IRC"}, nil); status != http.StatusCreated {
		t.Errorf("a new device: %d", status)
	}
	ghost.Must("PUT", path+"D1", object{"display_name": "Libera"}, nil)
	ghost.Must("PUT", path+"D1", object{}, nil)
	var device struct {
		Name string `json:"display_name"`
	}
	ghost.Must("GET", path+"D1", nil, &device)
	if device.Name != "Libera" {
		t.Errorf("%+v", device)
	}
	s.Register(t, "alice").MustFail(404, "M_NOT_FOUND", "PUT", path+"D9", object{"display_name": "x"})
	const whoami = clientV3 + "/account/whoami?device_id=D1"
	ghost.Must("GET", whoami, nil, nil)
	other.MustFail(400, "M_UNKNOWN_DEVICE", "GET", whoami, nil)
	irc.On(t, &s.Client).MustFail(400, "M_UNKNOWN_DEVICE", "GET", whoami, nil)

	keys := object{"one_time_keys": object{"signed_curve25519:AAAA": object{"key": "x", "signatures": object{}}}}
	ghost.MustFail(400, "M_MISSING_PARAM", "POST", clientV3+"/keys/upload", keys)
	ghost.MustFail(400, "M_MISSING_PARAM", "POST", clientV3+"/pushers/set", object{"kind": "http", "app_id": "a", "pushkey": "k", "app_display_name": "A",
		"device_display_name": "D", "lang": "fr", "data": object{"url": "https://push.example/_matrix/push/v1/notify"}})
	ghost.Must("POST", clientV3+"/keys/upload?device_id=D1", object{}, nil)
	ghost.Must("PUT", clientV3+"/sendToDevice/m.x/1", object{"messages": object{ghost.UserID: object{"D1": object{"a": 1}}}}, nil)
	if got := ghost.Sync("", "device_id=D1").ToDevice.Events; len(got) != 1 {
		t.Errorf("messages to the device: %v", got)
	}
	if got := ghost.Sync("", "").ToDevice.Events; len(got) != 0 {
		t.Errorf("messages to no device: %v", got)
	}
	ghost.Must("DELETE", path+"D1", object{}, nil)
	ghost.MustFail(400, "M_UNKNOWN_DEVICE", "GET", whoami, nil)
	ghost.Do("PUT", path+"D2", object{}, nil)
	ghost.Must("POST", clientV3+"/delete_devices", object{"devices": []string{"D2"}}, nil)
	ghost.MustFail(404, "M_NOT_FOUND", "GET", path+"D2", nil)
}

// The time that a service gives. Source: application service API, "Timestamp massaging".
func TestTimesOfServices(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "")
	s := startWith(t, irc)
	alice, ghost := s.Register(t, "alice"), irc.Ghost(t, &s.Client, "bob")
	room := ghost.CreateRoom(object{"preset": "public_chat"})
	alice.Join(room)
	at := func(u *servertest.User, path string) int64 {
		t.Helper()
		var sent struct {
			ID string `json:"event_id"`
		}
		u.Must("PUT", roomPath(room)+path, object{"msgtype": "m.text", "body": path, "topic": path}, &sent)
		var e struct {
			TS int64 `json:"origin_server_ts"`
		}
		u.Must("GET", roomPath(room)+"/event/"+sent.ID, nil, &e)
		return e.TS
	}
	const long = 1_000_000_000_000
	if at(ghost, "/send/m.room.message/1?ts=1000000000000") != long || at(ghost, "/state/m.room.topic/?ts=1000000000000") != long {
		t.Error("the service's time does not stand")
	}
	if at(ghost, "/send/m.room.message/2") < long+1 || at(alice, "/send/m.room.message/3?ts=1000000000000") < long+1 {
		t.Error("another time than now")
	}
	for _, bad := range []string{"", "x", "-1", "9007199254740992", "1.5", "99999999999999999999"} {
		for _, path := range []string{"/send/m.room.message/4", "/state/m.room.topic/"} {
			ghost.MustFail(400, "M_INVALID_PARAM", "PUT", roomPath(room)+path+"?ts="+bad, object{"body": "", "topic": "x" + bad})
		}
	}
}

// Aliases of a service's namespace are its own, with all of its users; the others' are not.
func TestAliasesOfServices(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "")
	s := startWith(t, irc)
	alice, bot, ghost := s.Register(t, "alice"), irc.On(t, &s.Client), irc.Ghost(t, &s.Client, "bob")
	room := ghost.CreateRoom(object{"preset": "public_chat", "room_alias_name": "_irc_a"})
	alice.Join(room)
	own, other := "#_irc_b:"+s.ServerName, "#voirie:"+s.ServerName
	alice.MustFail(400, "M_EXCLUSIVE", "PUT", aliasPath(own), object{"room_id": room})
	alice.MustFail(400, "M_EXCLUSIVE", "POST", clientV3+"/createRoom", object{"room_alias_name": "_irc_b"})
	ghost.MustFail(400, "M_EXCLUSIVE", "PUT", aliasPath(other), object{"room_id": room})
	bot.MustFail(400, "M_EXCLUSIVE", "POST", clientV3+"/createRoom", object{"room_alias_name": "voirie"})
	ghost.Must("PUT", aliasPath(own), object{"room_id": room}, nil)
	alice.Must("PUT", aliasPath(other), object{"room_id": room}, nil)
	alice.MustFail(400, "M_EXCLUSIVE", "DELETE", aliasPath(own), nil)
	ghost.MustFail(400, "M_EXCLUSIVE", "DELETE", aliasPath(other), nil)
	bot.Must("DELETE", aliasPath(own), nil, nil)
	if got := localAliases(ghost, room); !slices.Equal(got, []string{"#_irc_a:" + s.ServerName, other}) {
		t.Errorf("aliases %q", got)
	}
}

// A service that is taken out of the configuration is nobody any more; one that comes back begins with what happens then.
func TestAServiceThatIsTakenOut(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "")
	s := startWith(t, irc)
	alice, bot := s.Register(t, "alice"), irc.On(t, &s.Client)
	room := alice.CreateRoom(object{"preset": "public_chat"})
	bot.Join(room)
	alice.SendText(room, "one")
	irc.WaitBodies("one")
	if err := s.RestartWith(func(c *config.Config) { c.AppServices = nil }); err != nil {
		t.Fatal(err)
	}
	bot.MustFail(401, "M_UNKNOWN_TOKEN", "GET", clientV3+"/account/whoami", nil)
	alice.SendText(room, "meanwhile")
	if err := s.RestartWith(irc.Configure); err != nil {
		t.Fatal(err)
	}
	alice.SendText(room, "two")
	irc.WaitBodies("one", "two")
}

// Limits hold for the users of a service where it doesn't say otherwise, never for the service itself: it makes as many users as it needs.
func TestLimitsOfServices(t *testing.T) {
	irc, free := servertest.NewBridge(t, "irc", ""), servertest.NewBridge(t, "free", "rate_limited: false\n")
	s := servertest.Start(t, irc.Configure, free.Configure, servertest.Limited)
	ghost, other := irc.Ghost(t, &s.Client, "bob"), free.Ghost(t, &s.Client, "bob")
	const most = 400
	refused := func(u *servertest.User, method, path string, body object) bool {
		for range most {
			if u.Do(method, path, body, nil) == http.StatusTooManyRequests {
				return true
			}
		}
		return false
	}
	for name, c := range map[string]struct {
		u    *servertest.User
		want bool
	}{"the service": {irc.On(t, &s.Client), false}, "its user": {ghost, true}, "a user of a service without limits": {other, false}} {
		if got := refused(c.u, "PUT", clientV3+"/user/"+url.PathEscape(c.u.UserID)+"/account_data/a", object{}); got != c.want {
			t.Errorf("%s is refused: %t", name, got)
		}
	}
	if refused(irc.On(t, &s.Client), "POST", clientV3+"/register", object{"type": serviceType, "username": "_irc_bob"}) {
		t.Error("the service can't register as many users as it needs")
	}
	wrong := s.Anonymous(t)
	wrong.AccessToken = "wrong"
	if !refused(wrong, "POST", clientV3+"/register", object{"type": serviceType, "username": "_irc_bob"}) {
		t.Error("who has a wrong token is refused never")
	}
}
