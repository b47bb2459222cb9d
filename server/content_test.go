package server_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"net/url"
	"strings"
	"testing"

	"beffroi/server/config"
	"beffroi/server/servertest"
)

// synced is what these tests look at of an answer of /sync.
type synced struct {
	NextBatch   string                          `json:"next_batch"`
	AccountData struct{ Events []namedContent } `json:"account_data"`
	Rooms       struct {
		Join map[string]struct {
			Ephemeral struct{ Events []namedContent }
			Unread    struct {
				Notifications int `json:"notification_count"`
				Highlights    int `json:"highlight_count"`
			} `json:"unread_notifications"`
		}
	}
}

type namedContent struct {
	Type    string
	Content json.RawMessage
}

func syncOnce(u *servertest.User, since string) (s synced) {
	u.Must("GET", "/_matrix/client/v3/sync?timeout=10000&since="+url.QueryEscape(since), nil, &s)
	return s
}

func content(events []namedContent, eventType string) string {
	for _, e := range events {
		if e.Type == eventType {
			return string(e.Content)
		}
	}
	return ""
}

func TestTypingReceiptsAndCountsReachSync(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(map[string]any{"preset": "public_chat"})
	bob.Join(room)
	path := "/_matrix/client/v3/rooms/" + url.PathEscape(room)

	first := syncOnce(bob, "")
	if rules := content(first.AccountData.Events, "m.push_rules"); !strings.Contains(rules, ".m.rule.is_user_mention") || !strings.Contains(rules, bob.UserID) {
		t.Errorf("m.push_rules: %s", rules)
	}
	alice.Must("PUT", path+"/typing/"+url.PathEscape(alice.UserID), map[string]any{"typing": true}, nil)
	typing := syncOnce(bob, first.NextBatch)
	if got, want := content(typing.Rooms.Join[room].Ephemeral.Events, "m.typing"), `{"user_ids":["`+alice.UserID+`"]}`; got != want {
		t.Errorf("typing: %s, want %s", got, want)
	}

	event := alice.Send(room, "m.room.message", map[string]any{"msgtype": "m.text", "body": "bob?", "m.mentions": map[string]any{"user_ids": []string{bob.UserID}}})
	message := syncOnce(bob, typing.NextBatch)
	if u := message.Rooms.Join[room].Unread; u.Notifications != 1 || u.Highlights != 1 {
		t.Errorf("unread: %+v", u)
	}
	if u := syncOnce(alice, "").Rooms.Join[room].Unread; u.Notifications != 0 {
		t.Errorf("unread for who wrote it: %+v", u)
	}

	before := syncOnce(alice, "")
	bob.Must("POST", path+"/read_markers", map[string]any{"m.read": event, "m.fully_read": event}, nil)
	if got := content(syncOnce(alice, before.NextBatch).Rooms.Join[room].Ephemeral.Events, "m.receipt"); !strings.Contains(got, `"`+event+`":{"m.read":{"`+bob.UserID) {
		t.Errorf("receipt: %s", got)
	}
	read := syncOnce(bob, message.NextBatch)
	if u := read.Rooms.Join[room].Unread; u.Notifications != 0 || u.Highlights != 0 {
		t.Errorf("unread after reading: %+v", u)
	}
}

func TestMediaSurvivesARestart(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	var uploaded struct {
		URI string `json:"content_uri"`
	}
	alice.Must("POST", "/_matrix/media/v3/upload", bytes.Repeat([]byte("1"), 100), &uploaded)
	s.Restart()
	var got json.Number
	alice.Must("GET", "/_matrix/client/v1/media/download/"+strings.TrimPrefix(uploaded.URI, "mxc://"), nil, &got)
	if len(got) != 100 {
		t.Fatalf("%d bytes", len(got))
	}
}

// media.unauthenticated opens the old downloads, which are closed otherwise; the new ones and uploads still ask who it is.
func TestMediaWithoutTokenIsASetting(t *testing.T) {
	for open, status := range map[bool]int{false: 404, true: 200} {
		s := servertest.Start(t, func(c *config.Config) { c.Media.Unauthenticated = open })
		var uploaded struct {
			URI string `json:"content_uri"`
		}
		var picture bytes.Buffer
		if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 64, 64))); err != nil {
			t.Fatal(err)
		}
		s.Register(t, "alice").Must("POST", "/_matrix/media/v3/upload", picture.Bytes(), &uploaded)
		stranger, file := s.Anonymous(t), strings.TrimPrefix(uploaded.URI, "mxc://")
		for _, path := range []string{"/_matrix/media/v3/download/" + file, "/_matrix/media/r0/download/" + file + "/name.txt",
			"/_matrix/media/v3/thumbnail/" + file + "?width=8&height=8"} {
			if got := stranger.Do("GET", path, nil, nil); got != status {
				t.Errorf("open %v: %s: %d", open, path, got)
			}
		}
		stranger.MustFail(401, "M_MISSING_TOKEN", "GET", "/_matrix/client/v1/media/download/"+file, nil)
		stranger.MustFail(401, "M_MISSING_TOKEN", "POST", "/_matrix/media/v3/upload", []byte("1"))
	}
}
