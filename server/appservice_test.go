package server_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"beffroi/server/config"
	"beffroi/server/servertest"
)

func startWith(t *testing.T, bridges ...*servertest.Bridge) *servertest.Server {
	t.Helper()
	var options []servertest.Option
	for _, b := range bridges {
		options = append(options, b.Configure)
	}
	return servertest.Start(t, options...)
}

// pinged lets what waits for a bridge come at once.
func pinged(t *testing.T, s *servertest.Server, b *servertest.Bridge) {
	t.Helper()
	b.On(t, &s.Client).Must("POST", "/_matrix/client/v1/appservice/"+b.ID+"/ping", object{}, nil)
}

// A bridge gets what concerns it, in order and nothing else: its users' events, those in rooms where they are, their invitations, and rooms that
// its namespaces name.
func TestABridgeGetsWhatConcernsIt(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "")
	s := startWith(t, irc)
	alice := s.Register(t, "alice")
	quiet, loud := alice.CreateRoom(object{}), alice.CreateRoom(object{"preset": "public_chat"})
	alice.SendText(quiet, "nobody of the bridge is here")
	alice.SendText(loud, "nor here")
	ghost := irc.Ghost(t, &s.Client, "bob")
	alice.Invite(loud, ghost)
	alice.SendText(loud, "not while only invited")
	ghost.Join(loud)
	alice.SendText(loud, "one")
	sent := ghost.SendText(loud, "two")
	alice.SendText(quiet, "still nobody")
	ghost.Must("POST", roomPath(loud)+"/leave", object{}, nil)
	alice.SendText(loud, "gone")
	irc.On(t, &s.Client).Join(loud)
	alice.SendText(loud, "three")
	irc.WaitBodies("one", "two", "three")

	var memberships []string
	for _, x := range servertest.Transactions(t, irc.Calls()) {
		for _, e := range x.Events {
			if e.RoomID != loud || e.ID == "" || e.Sender == "" || e.TS == 0 || e.Unsigned["age"] == nil {
				t.Errorf("not a client event of the room: %+v", e)
			}
			if e.Type == "m.room.member" {
				memberships = append(memberships, *e.StateKey+" "+e.Content["membership"].(string))
			}
			if e.Content["body"] == "two" && e.ID != sent {
				t.Errorf("%+v", e)
			}
		}
	}
	bot := "@_irc:" + s.ServerName
	if want := []string{ghost.UserID + " invite", ghost.UserID + " join", ghost.UserID + " leave", bot + " join"}; !slices.Equal(memberships, want) {
		t.Errorf("memberships %q, want %q", memberships, want)
	}
	for _, c := range irc.Calls() {
		if c.Method != "PUT" || c.Query != "" || c.Token != irc.HSToken {
			t.Errorf("%+v", c)
		}
	}
}

func TestABridgeGetsTheRoomsOfItsNamespaces(t *testing.T) {
	all := servertest.NewBridge(t, "log", "namespaces: {rooms: [{exclusive: false, regex: '!.*'}]}\n")
	named := servertest.NewBridge(t, "irc", "")
	s := startWith(t, all, named)
	alice := s.Register(t, "alice")
	room, other := alice.CreateRoom(object{}), alice.CreateRoom(object{})
	alice.SendText(room, "before")
	bot := named.On(t, &s.Client)
	alice.Invite(room, bot)
	bot.Join(room)
	bot.Must("PUT", aliasPath("#_irc_a:"+s.ServerName), object{"room_id": room}, nil)
	bot.Must("POST", roomPath(room)+"/leave", object{}, nil)
	alice.SendText(other, "elsewhere")
	alice.SendText(room, "after")
	all.WaitBodies("before", "elsewhere", "after")
	named.WaitBodies("after")
}

// While a bridge is away, while it fails and while it forgets to answer, nothing is lost; the same number brings the same events.
func TestABridgeThatWasAwayLosesNothing(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "")
	s := startWith(t, irc)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	ghost := irc.Ghost(t, &s.Client, "bob")
	ghost.Join(room)
	alice.SendText(room, "0")
	irc.WaitBodies("0")

	irc.Answer(func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	alice.SendText(room, "1")
	refused := func(n int) func([]servertest.Call) bool {
		return func(calls []servertest.Call) bool {
			return len(slices.DeleteFunc(calls, func(c servertest.Call) bool { return !c.Refused })) >= n
		}
	}
	irc.Wait("a transaction that it refuses", refused(1))
	irc.Down()
	want := []string{"0", "1"}
	for i := 2; i < 250; i++ {
		alice.SendText(room, fmt.Sprint(i))
		want = append(want, fmt.Sprint(i))
	}
	ghost.Must("POST", roomPath(room)+"/leave", object{}, nil) // it was there when all this was said
	s.Restart()
	irc.Answer(nil)
	irc.Up()
	pinged(t, s, irc)
	irc.WaitBodies(want...)
	var ids []string
	for _, c := range irc.Calls() {
		if strings.Contains(string(c.Body), `"body":"1"`) {
			ids = append(ids, c.Path+string(c.Body[:20]))
		}
	}
	if len(slices.Compact(ids)) != 1 {
		t.Errorf("the transaction was sent as %q", ids)
	}
	for _, x := range servertest.Transactions(t, irc.Calls()) {
		if len(x.Events) > 100 {
			t.Errorf("%d events in one transaction", len(x.Events))
		}
	}

	s.Restart() // nothing comes again
	ghost.Join(room)
	alice.SendText(room, "last")
	irc.WaitBodies(append(want, "last")...)
}

// A bridge that only knows the paths from before there were versions is spoken to as it understands.
func TestABridgeOfOldPaths(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "")
	irc.Answer(func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if strings.HasPrefix(r.URL.Path, "/_matrix/app/v1/") {
			w.WriteHeader(http.StatusNotFound)
		} else if r.URL.Query().Get("access_token") != irc.HSToken {
			w.WriteHeader(http.StatusForbidden)
		}
		return false
	})
	s := startWith(t, irc)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	irc.On(t, &s.Client).Join(room)
	irc.Wait("a transaction at the old path", func(calls []servertest.Call) bool {
		return slices.ContainsFunc(calls, func(c servertest.Call) bool { return strings.HasPrefix(c.Path, "/transactions/") && !c.Refused })
	})
}

// What is said beside events comes to those who want it: typing, receipts, presence; private receipts of the bridge's own users only.
func TestABridgeHearsWhatIsSaidBeside(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "receive_ephemeral: true\n")
	deaf := servertest.NewBridge(t, "deaf", "namespaces: {rooms: [{exclusive: false, regex: '!.*'}]}\n")
	s := startWith(t, irc, deaf)
	alice, carol := s.Register(t, "alice"), s.Register(t, "carol")
	room, elsewhere := alice.CreateRoom(object{"preset": "public_chat"}), alice.CreateRoom(object{"preset": "public_chat"})
	ghost := irc.Ghost(t, &s.Client, "bob")
	for _, u := range []*servertest.User{ghost, carol} {
		u.Join(room)
	}
	typing := func(u *servertest.User, room string) {
		u.Must("PUT", roomPath(room)+"/typing/"+url.PathEscape(u.UserID), object{"typing": true, "timeout": 30000}, nil)
	}
	receipt := func(u *servertest.User, kind, event string) {
		u.Must("POST", roomPath(room)+"/receipt/"+kind+"/"+url.PathEscape(event), object{}, nil)
	}
	event := alice.SendText(room, "hello")
	alice.SendText(elsewhere, "hello")
	typing(alice, elsewhere)
	typing(alice, room)
	receipt(carol, "m.read.private", event)
	receipt(ghost, "m.read.private", event)
	receipt(alice, "m.read", event)

	heard := func(calls []servertest.Call) (types []string) {
		for _, x := range servertest.Transactions(t, calls) {
			for _, e := range x.Beside {
				types = append(types, e.Type)
				if e.RoomID != room || strings.Contains(fmt.Sprint(e.Content), carol.UserID) {
					t.Errorf("heard what does not concern it: %+v", e)
				}
				if text := fmt.Sprint(e.Content); e.Type == "m.receipt" && strings.Contains(text, ghost.UserID) {
					types = append(types, "its own")
				}
				if text := fmt.Sprint(e.Content); e.Type == "m.receipt" && strings.Contains(text, alice.UserID) {
					types = append(types, "alice's")
				}
			}
		}
		return types
	}
	irc.Wait("typing and receipts", func(calls []servertest.Call) bool {
		types := heard(calls)
		return slices.Contains(types, "m.typing") && slices.Contains(types, "its own") && slices.Contains(types, "alice's")
	})
	deaf.Wait("the event", func(calls []servertest.Call) bool { return slices.Contains(servertest.Bodies(t, calls), "hello") })
	for _, c := range deaf.Calls() {
		if strings.Contains(string(c.Body), "ephemeral") {
			t.Errorf("said to who does not listen: %s", c.Body)
		}
	}
}

// Presences come from the bridge's own users and from those in rooms with them.
func TestABridgeSeesWhoIsHere(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "receive_ephemeral: true\n")
	s := servertest.Start(t, irc.Configure, func(c *config.Config) { c.Presence.Enabled = true })
	alice, carol := s.Register(t, "alice"), s.Register(t, "carol")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	ghost := irc.Ghost(t, &s.Client, "bob")
	ghost.Join(room)
	for _, u := range []*servertest.User{carol, alice, ghost} {
		u.Must("PUT", clientV3+"/presence/"+url.PathEscape(u.UserID)+"/status", object{"presence": "online", "status_msg": "lunch"}, nil)
	}
	irc.Wait("presences", func(calls []servertest.Call) bool {
		here := map[string]bool{}
		for _, x := range servertest.Transactions(t, calls) {
			for _, e := range x.Beside {
				if e.Type != "m.presence" || e.RoomID != "" || e.Sender == carol.UserID {
					t.Errorf("%+v", e)
				}
				here[e.Sender] = e.Content["status_msg"] == "lunch"
			}
		}
		return here[alice.UserID] && here[ghost.UserID]
	})
}

// The pings of the specification: there, away, of the wrong kind, too slow, and without an address.
func TestPing(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "")
	still := servertest.NewBridge(t, "still", "url: null\n")
	s := startWith(t, irc, still)
	const path = "/_matrix/client/v1/appservice/"
	bot := irc.On(t, &s.Client)
	var took struct {
		MS *int64 `json:"duration_ms"`
	}
	bot.Must("POST", path+"irc/ping", object{"transaction_id": "meow"}, &took)
	if took.MS == nil {
		t.Error("no duration")
	}
	irc.Wait("the ping", func(calls []servertest.Call) bool {
		return slices.ContainsFunc(calls, func(c servertest.Call) bool {
			return c.Method == "POST" && c.Path == "/_matrix/app/v1/ping" && string(c.Body) == `{"transaction_id":"meow"}`
		})
	})
	bot.MustFail(403, "M_FORBIDDEN", "POST", path+"still/ping", object{})
	s.Register(t, "alice").MustFail(403, "M_FORBIDDEN", "POST", path+"irc/ping", object{})
	s.Anonymous(t).MustFail(401, "M_MISSING_TOKEN", "POST", path+"irc/ping", object{})
	bot.MustFail(400, "M_BAD_JSON", "POST", path+"irc/ping", object{"transaction_id": 7})
	bot.MustFail(400, "M_NOT_JSON", "POST", path+"irc/ping", []byte("{"))
	still.On(t, &s.Client).MustFail(400, "M_URL_NOT_SET", "POST", path+"still/ping", object{})

	irc.Answer(func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"errcode":"M_FORBIDDEN"}`)
		return true
	})
	var bad struct {
		Errcode, Body string
		Status        int
	}
	if status := bot.Do("POST", path+"irc/ping", object{}, &bad); status != 502 || bad.Errcode != "M_BAD_STATUS" || bad.Status != 403 || bad.Body != `{"errcode":"M_FORBIDDEN"}` {
		t.Errorf("%d %+v", status, bad)
	}
	irc.Answer(func(w http.ResponseWriter, _ *http.Request, _ []byte) bool { // elsewhere is not gone to
		w.Header().Set("Location", s.URL+"/_matrix/client/versions")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	})
	bot.MustFail(502, "M_BAD_STATUS", "POST", path+"irc/ping", object{})
	irc.Down()
	bot.MustFail(502, "M_CONNECTION_FAILED", "POST", path+"irc/ping", object{})
}

// What somebody looks for is made by the bridge while they wait, if it has it.
func TestABridgeMakesWhatIsLookedFor(t *testing.T) {
	irc := servertest.NewBridge(t, "irc", "")
	s := startWith(t, irc)
	alice, bot := s.Register(t, "alice"), irc.On(t, &s.Client)
	irc.Answer(func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		switch {
		case strings.HasPrefix(name, "@_irc_there"):
			irc.Ghost(t, &s.Client, strings.TrimPrefix(strings.TrimSuffix(name, ":"+s.ServerName), "@_irc_"))
		case strings.HasPrefix(name, "#_irc_there"):
			bot.CreateRoom(object{"preset": "public_chat", "room_alias_name": strings.TrimPrefix(strings.TrimSuffix(name, ":"+s.ServerName), "#")})
		case strings.Contains(name, "_irc_odd"):
			w.WriteHeader(http.StatusInternalServerError)
			return true
		case strings.Contains(r.URL.Path, "/users/"), strings.Contains(r.URL.Path, "/rooms/"):
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"errcode":"IRC_NOT_FOUND"}`)
			return true
		}
		return false
	})
	room := alice.CreateRoom(object{})
	invite := func(name string) object { return object{"user_id": "@_irc_" + name + ":" + s.ServerName} }
	alice.Must("POST", roomPath(room)+"/invite", invite("there1"), nil)
	alice.MustFail(404, "M_NOT_FOUND", "POST", roomPath(room)+"/invite", invite("away"))
	alice.MustFail(408, "M_UNKNOWN", "POST", roomPath(room)+"/invite", invite("odd"))
	alice.CreateRoom(object{"invite": []string{"@_irc_there2:" + s.ServerName}})
	profile := func(name string) string {
		return clientV3 + "/profile/" + url.PathEscape("@_irc_"+name+":"+s.ServerName)
	}
	alice.Must("GET", profile("there3"), nil, nil)
	alice.Must("GET", profile("there3"), nil, nil)
	alice.MustFail(404, "M_NOT_FOUND", "GET", profile("away"), nil)
	s.Anonymous(t).MustFail(404, "M_NOT_FOUND", "GET", profile("there4"), nil) // strangers make the bridge do nothing
	alias := func(name string) string { return "#_irc_" + name + ":" + s.ServerName }
	resolved(alice, alias("there1"))
	alice.Must("POST", clientV3+"/join/"+url.PathEscape(alias("there2")), object{}, nil)
	alice.MustFail(404, "M_NOT_FOUND", "POST", clientV3+"/join/"+url.PathEscape(alias("away")), object{})
	alice.MustFail(404, "M_NOT_FOUND", "GET", aliasPath(alias("away")), nil)
	alice.MustFail(408, "M_UNKNOWN", "GET", aliasPath(alias("odd")), nil)
	alice.MustFail(404, "M_NOT_FOUND", "GET", aliasPath("#other:"+s.ServerName), nil)

	asked := map[string]int{}
	for _, c := range irc.Calls() {
		if c.Method == "GET" {
			asked[c.Path]++
		}
	}
	for path, n := range asked {
		if n != 1 && !strings.Contains(path, "odd") {
			t.Errorf("asked %d times for %s", n, path)
		}
	}
	if len(asked) != 9 {
		t.Errorf("asked for %v", asked)
	}
	irc.Down()
	start := time.Now()
	alice.MustFail(408, "M_UNKNOWN", "POST", roomPath(room)+"/invite", invite("down"))
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("a bridge that is away is waited for %s", took)
	}
}
