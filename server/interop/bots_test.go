package interop

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"beffroi/server/config"
	"beffroi/server/servertest"
)

const clientV3 = "/_matrix/client/v3"

// botSDK is matrix-bot-sdk under Node, see bots/driver.cjs. Its encryption needs a native library that npm would fetch from elsewhere: it is left out.
func botSDK(t testing.TB) implementation {
	t.Helper()
	node := nodeWith(t, "bots", "matrix-bot-sdk")
	return implementation{name: "matrix-bot-sdk", command: func(t testing.TB) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), node, "driver.cjs")
		cmd.Dir = "bots"
		return cmd
	}}
}

// sms is a bridge with what its registration says.
type sms struct {
	t            testing.TB
	impl         implementation
	server       *servertest.Server
	registration map[string]any
	port         int
	folder       string // what it remembers and what it got
	file         string // the registration
	*driver
}

func newSMS(t testing.TB, impl implementation) *sms {
	t.Helper()
	b := &sms{t: t, impl: impl, folder: t.TempDir()}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	b.registration = map[string]any{"id": "sms", "url": fmt.Sprintf("http://127.0.0.1:%d", b.port), "as_token": "as_token-of-the-bridge", "hs_token": "hs_token-of-the-bridge",
		"sender_localpart": "_sms", "namespaces": map[string]any{"users": space("@_sms_.*"), "aliases": space("#_sms_.*"), "rooms": []any{}},
		"de.sorunome.msc2409.push_ephemeral": true}
	b.file = filepath.Join(b.folder, "sms.yaml")
	text, err := json.Marshal(b.registration) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func space(regex string) []any { return []any{map[string]any{"exclusive": true, "regex": regex}} }

// start starts the bridge, with what a town hall may have copied wrongly.
func (b *sms) start(change map[string]any) error {
	registration := map[string]any{}
	for _, from := range []map[string]any{b.registration, change} {
		for key, value := range from {
			registration[key] = value
		}
	}
	b.driver = startDriver(b.t, b.impl, "bridge")
	return b.do("bridge", map[string]any{"url": b.server.URL, "serverName": b.server.ServerName, "port": b.port, "registration": registration, "folder": b.folder}, nil)
}

// lines are those of a file that the bridge writes.
func (b *sms) lines(file string) []string {
	text, err := os.ReadFile(filepath.Join(b.folder, file))
	if err != nil && !os.IsNotExist(err) {
		b.t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// got waits until the bridge got messages: these, in this order, each once.
func (b *sms) got(want []string) {
	b.t.Helper()
	if err := b.do("wait", map[string]any{"file": "messages", "lines": len(want)}, nil); err != nil {
		b.t.Fatal(err)
	}
	if got := b.lines("messages"); !slices.Equal(got, want) {
		b.t.Fatalf("the bridge got %q, want %q", got, want)
	}
}

// hears waits until a user's sync has an event in a room that somebody sent: a message with a text, or without one that they joined.
func hears(t testing.TB, u *servertest.User, room, sender, text string) {
	t.Helper()
	since := ""
	for end := time.Now().Add(deadline); time.Now().Before(end); {
		answer := u.Sync(since, "timeout=1000")
		since = answer.NextBatch
		for id, joined := range answer.Rooms.Join {
			for _, e := range joined.Timeline.Events {
				body, _ := e.Content.Raw["body"].(string)
				if string(id) == room && string(e.Sender) == sender && body == text {
					return
				}
			}
		}
	}
	t.Fatalf("%s did not hear %q", u.UserID, text)
}

func TestABotAnswers(t *testing.T) {
	server := servertest.Start(t)
	alice, robot := server.Register(t, "alice"), server.Register(t, "robot")
	bot := startDriver(t, botSDK(t), "bot")
	var is string
	if err := bot.do("bot", map[string]any{"url": server.URL, "token": robot.AccessToken}, &is); err != nil || is != robot.UserID {
		t.Fatal(is, err)
	}
	room := alice.CreateRoom(map[string]any{"invite": []string{robot.UserID}})
	hears(t, alice, room, robot.UserID, "")
	alice.SendText(room, "!ping")
	hears(t, alice, room, robot.UserID, "pong")
}

// A bridge makes rooms and users that are looked for, hears what is said, speaks, and is restarted while people talk.
func TestABridgeOfOthers(t *testing.T) {
	b := newSMS(t, botSDK(t))
	b.server = servertest.Start(t, func(c *config.Config) { c.AppServices = []string{b.file} })
	if err := b.start(map[string]any{"as_token": "another-token-altogether"}); err == nil || !strings.Contains(err.Error(), "M_UNKNOWN_TOKEN") {
		t.Fatalf("a bridge with a wrong token: %v", err)
	}
	stop := func() {
		t.Helper()
		if err := b.do("stop", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := b.start(nil); err != nil {
		t.Fatal(err)
	}
	alice := b.server.Register(t, "alice")
	ghost := "@_sms_0612:" + b.server.ServerName
	var joined struct {
		RoomID string `json:"room_id"`
	}
	alice.Must("POST", clientV3+"/join/"+url.PathEscape("#_sms_voirie:"+b.server.ServerName), map[string]any{}, &joined)
	room := joined.RoomID
	alice.Must("POST", clientV3+"/rooms/"+url.PathEscape(room)+"/invite", map[string]any{"user_id": ghost}, nil)
	var profile struct{ DisplayName string }
	alice.Must("GET", clientV3+"/profile/"+url.PathEscape(ghost), nil, &profile)
	if profile.DisplayName != "SMS 0612" {
		t.Errorf("the ghost is called %q", profile.DisplayName)
	}
	var sent string
	if err := b.do("ghostSays", map[string]any{"suffix": "0612", "room": room, "text": "Bonjour"}, &sent); err != nil {
		t.Fatal(err)
	}
	hears(t, alice, room, ghost, "Bonjour")
	alice.Must("PUT", clientV3+"/rooms/"+url.PathEscape(room)+"/typing/"+url.PathEscape(alice.UserID), map[string]any{"typing": true}, nil)
	if err := b.do("wait", map[string]any{"file": "typing", "lines": 1}, nil); err != nil || !slices.Equal(b.lines("typing"), []string{alice.UserID}) {
		t.Errorf("typing: %q, %v", b.lines("typing"), err)
	}

	var want []string
	say := func(n int) {
		for range n {
			text := fmt.Sprint("message-", len(want))
			want = append(want, text)
			alice.SendText(room, text)
		}
	}
	say(20)
	stop() // some of it has arrived, some not
	say(20)
	if err := b.start(map[string]any{"hs_token": "another-token-altogether"}); err != nil {
		t.Fatal(err)
	}
	say(20)
	arrived := len(b.lines("messages"))
	stop()
	if got := len(b.lines("messages")); got != arrived || got > 20 {
		t.Errorf("a bridge that knows another hs_token took %d messages", got)
	}
	if err := b.start(nil); err != nil {
		t.Fatal(err)
	}
	bot := *alice
	bot.AccessToken = "as_token-of-the-bridge"
	say(20)
	bot.MustFail(502, "M_BAD_STATUS", "POST", "/_matrix/client/v1/appservice/sms/ping", map[string]any{}) // matrix-bot-sdk does not know it
	b.got(want)
	if err := b.do("ghostRooms", map[string]any{"suffix": "0612"}, &want); err != nil || !slices.Equal(want, []string{room}) {
		t.Errorf("rooms of the ghost: %q, %v", want, err)
	}
}
