package eventfilter

import (
	"strings"
	"testing"

	"beffroi/server/merr"
)

func TestGlobs(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"m.room.message", "m.room.message", true}, {"m.room", "m.room.message", false}, {"*", "", true}, {"*", "m.x", true},
		{"m.room.*", "m.room.message", true}, {"m.room.*", "m.roommate", false}, {"*.message", "m.room.message", true},
		{"m.*.message", "m.room.message", true}, {"m.*m.message", "m.message", false}, {"a*a", "a", false}, {"a**a", "aa", true},
		{"*room*", "m.room.x", true}, {"a*b*c", "a1c2b3c", true}, {"a*b*c", "acbd", false}, {"", "", true}, {"", "x", false},
		{"m.[a-z]*", "m.room", false}, {"*é*", "caféine", true},
	} {
		if got := glob(c.pattern, c.text); got != c.want {
			t.Errorf("glob(%q, %q) = %v", c.pattern, c.text, got)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		filter, kind, sender string
		want                 bool
	}{
		{`{}`, "m.x", "@a:b", true},
		{`{"types":[]}`, "m.x", "@a:b", false},
		{`{"types":null}`, "m.x", "@a:b", true},
		{`{"types":["m.*"],"not_types":["m.x"]}`, "m.x", "@a:b", false},
		{`{"types":["m.*"],"not_types":["m.x"]}`, "m.y", "@a:b", true},
		{`{"senders":["@c:d"]}`, "m.x", "@a:b", false},
		{`{"senders":["@a:b"],"not_senders":["@a:b"]}`, "m.x", "@a:b", false},
		{`{"senders":["@a:b"]}`, "m.x", "@a:b", true},
	} {
		f, err := ParseRoomEvents([]byte(c.filter))
		if err != nil || f.Match(c.kind, c.sender) != c.want {
			t.Errorf("%s on %s of %s: want %v (%v)", c.filter, c.kind, c.sender, c.want, err)
		}
	}
}

func TestMatchRoomAndContent(t *testing.T) {
	f, err := Parse([]byte(`{"room":{"rooms":["!a","!b"],"not_rooms":["!b"],"timeline":{"contains_url":true},"state":{"contains_url":false}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if !f.Room.MatchRoom("!a") || f.Room.MatchRoom("!b") || f.Room.MatchRoom("!c") || !f.Room.State.MatchRoom("!c") {
		t.Error("rooms")
	}
	with, without := []byte(`{"url":"mxc://a/b"}`), []byte(`{"body":"url"}`)
	if !f.Room.Timeline.MatchContent(with) || f.Room.Timeline.MatchContent(without) || f.Room.State.MatchContent(with) ||
		!f.Room.State.MatchContent(without) || f.Room.Timeline.All() || !f.Room.Ephemeral.All() {
		t.Error("contains_url")
	}
}

func TestLimit(t *testing.T) {
	for filter, want := range map[string]int{`{}`: 20, `{"limit":3}`: 3, `{"limit":0}`: 0, `{"limit":100000}`: MaxLimit} {
		f, err := ParseRoomEvents([]byte(filter))
		if err != nil || f.Limited(20) != want {
			t.Errorf("%s: %v", filter, err)
		}
	}
}

func TestMalformedFilters(t *testing.T) {
	for filter, code := range map[string]string{
		``: "M_NOT_JSON", `{`: "M_NOT_JSON", `[]`: "M_BAD_JSON", `"x"`: "M_BAD_JSON", `{"room":[]}`: "M_BAD_JSON",
		`{"room":{"timeline":{"limit":"3"}}}`: "M_BAD_JSON", `{"room":{"timeline":{"limit":-1}}}`: "M_BAD_JSON", `{"room":{"timeline":{"limit":1.5}}}`: "M_BAD_JSON",
		`{"room":{"state":{"types":"m.*"}}}`: "M_BAD_JSON", `{"room":{"state":{"senders":["alice"]}}}`: "M_BAD_JSON", `{"event_format":"xml"}`: "M_BAD_JSON",
		`{"room":{"timeline":{"rooms":["mairie"]}}}`: "M_BAD_JSON", `{"room":{"state":{"not_rooms":["#mairie:hs"]}}}`: "M_BAD_JSON",
		`{"room":{"rooms":[""]}}`: "M_BAD_JSON", `{"room":{"not_rooms":["@alice:hs"]}}`: "M_BAD_JSON",
		`{"event_format":"federation"}`: "M_INVALID_PARAM", `{"presence":{"types":[1]}}`: "M_BAD_JSON",
		`{"x":"` + strings.Repeat("a", MaxSize) + `"}`: "M_TOO_LARGE",
	} {
		if _, err := Parse([]byte(filter)); !merr.Is(err, code) {
			t.Errorf("%.60s: %v, want %s", filter, err, code)
		}
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("m.*", "m.room")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if glob(pattern, text) && !glob("*"+pattern+"*", "x"+text+"y") {
			t.Errorf("%q matches %q, and not inside of a longer text", pattern, text)
		}
	})
}
