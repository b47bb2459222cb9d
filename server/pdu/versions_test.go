package pdu

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// protoIn is message in a room of the version, with what the version asks for.
func protoIn(r Rules) Proto {
	p := message()
	p.Localpart, p.Hashes = "opaque", map[string]Hash{}
	if !r.RoomIDIsHash {
		p.RoomID = "!room:mairie.fr"
	}
	id := func(h Hash) string {
		id := "$" + EncodeBase64([]byte{h[0]}) + ":else.fr"
		if r.Format != EventFormatV1 {
			id = r.eventID(h)
		}
		p.Hashes[id] = h
		return id
	}
	p.PrevEvents, p.AuthEvents = []string{id(Hash{1})}, []string{id(Hash{2}), id(Hash{3})}
	return p
}

func buildIn(t testing.TB, r Rules, p Proto) *Event {
	t.Helper()
	e, err := Build(r, p, signerOf(ServerOf(p.Sender)))
	if err != nil {
		t.Fatalf("version %s: %v", r.Version, err)
	}
	return e
}

func TestEveryVersion(t *testing.T) {
	if got := strings.Join(Versions(), " "); got != "1 2 3 4 5 6 7 8 9 10 11 12" {
		t.Fatalf("versions %s", got)
	}
	for _, version := range Versions() {
		r := rulesOf(t, version)
		p := protoIn(r)
		p.Type, p.Content, p.Redacts = "m.room.redaction", json.RawMessage(`{"reason":"doublon"}`), p.PrevEvents[0]
		e := buildIn(t, r, p)
		if e.Redacts() != p.Redacts || !slices.Equal(e.PrevEvents(), p.PrevEvents) || !slices.Equal(e.AuthEvents(), p.AuthEvents) || e.RoomID() != p.RoomID {
			t.Errorf("version %s reads back as %s", version, describe(e))
		}
		if !r.ValidEventID(e.ID()) || r.Format == EventFormatV1 && e.ID() != "$opaque:mairie.fr" {
			t.Errorf("version %s: id %s", version, e.ID())
		}
		rc, err := Receive(r, with(e.JSON(), "unsigned", []byte(`{"age":1}`)))
		if err != nil {
			t.Fatalf("version %s: %v", version, err)
		}
		got, err := rc.Verify(ring)
		if err != nil || got.ID() != e.ID() || got.RedactedOnArrival() || !bytes.Equal(got.JSON(), e.JSON()) {
			t.Errorf("version %s: received as %v, %v", version, got, err)
		}
		stored, err := FromStore(r, e.ID(), e.Redact().JSON(), true)
		if err != nil || !stored.RedactedOnArrival() || !stored.Redact().RedactedOnArrival() || stored.ReferenceHash() != e.ReferenceHash() {
			t.Errorf("version %s: stored as %v, %v", version, stored, err)
		}
		if kept := stored.Redacts() != ""; kept != r.RedactsInContent {
			t.Errorf("version %s: redacts stays: %v", version, kept)
		}
		tampered, _ := Receive(r, bytes.Replace(e.JSON(), []byte("doublon"), []byte("x"), 1))
		if got, err := tampered.Verify(ring); err != nil || !got.RedactedOnArrival() || !bytes.Equal(got.JSON(), e.Redact().JSON()) {
			t.Errorf("version %s: tampered with: %v", version, err)
		}
	}
}

// Spec: rooms/v1, rooms/v3 and rooms/v4, "Event format" and "Event IDs".
func TestEventFormats(t *testing.T) {
	for version, want := range map[string]string{
		"1": `"auth_events":[["$Ag:else.fr",{"sha256":"AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}],["$Aw:else.fr",{"sha256":"AwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]],`,
		"3": `"auth_events":["$AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","$AwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],`,
	} {
		r := rulesOf(t, version)
		if e := buildIn(t, r, protoIn(r)); !strings.Contains(string(e.JSON()), want) {
			t.Errorf("version %s: %s", version, e.JSON())
		}
	}
	all63 := Hash(bytes.Repeat([]byte{0xff}, 32))
	v3, v4 := "$"+strings.Repeat("/", 42)+"8", "$"+strings.Repeat("_", 42)+"8"
	for _, c := range []struct {
		version, id string
		valid       bool
	}{
		{"1", "$x:a.fr", true}, {"1", "$:a.fr", true}, {"1", "$x", false}, {"1", "x:a.fr", false}, {"1", v3, false}, {"1", "$x:", false},
		{"2", "$" + strings.Repeat("x", 249) + ":a.fr", true}, {"2", "$" + strings.Repeat("x", 250) + ":a.fr", false},
		{"3", v3, true}, {"3", v4, false}, {"3", "$x:a.fr", false}, {"3", v3 + "=", false}, {"3", v3[:43] + "9", false},
		{"4", v4, true}, {"4", v3, false}, {"12", v4, true}, {"12", "$x:a.fr", false},
	} {
		if got := rulesOf(t, c.version).ValidEventID(c.id); got != c.valid {
			t.Errorf("version %s: %s is an event id: %v", c.version, c.id, got)
		}
	}
	if rulesOf(t, "3").eventID(all63) != v3 || rulesOf(t, "4").eventID(all63) != v4 {
		t.Error("eventID")
	}
}

func TestReceiveRefusesOtherFormats(t *testing.T) {
	v1, v4 := rulesOf(t, "1"), rulesOf(t, "4")
	good := buildIn(t, v1, protoIn(v1)).JSON()
	hash := `{"sha256":"AA"}`
	many := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`["$a,b:c",`+hash+`],`, n), ",") + "]"
	}
	for name, c := range map[string]struct {
		member, value string
		want          error
	}{
		"as it is":              {"x", `1`, nil},
		"no hash is looked at":  {"prev_events", `[["$a:b",{}]]`, nil},
		"20 prev events":        {"prev_events", many(20), nil},
		"21 prev events":        {"prev_events", many(21), ErrTooLarge},
		"11 auth events":        {"auth_events", many(11), ErrTooLarge},
		"ids only":              {"prev_events", `["$a:b"]`, ErrBadJSON},
		"no pair":               {"prev_events", `[["$a:b"]]`, ErrBadJSON},
		"three":                 {"prev_events", `[["$a:b",` + hash + `,1]]`, ErrBadJSON},
		"id last":               {"prev_events", `[[` + hash + `,"$a:b"]]`, ErrBadJSON},
		"hash as text":          {"prev_events", `[["$a:b","AA"]]`, ErrBadJSON},
		"id of a later one":     {"auth_events", `[["` + someID + `",` + hash + `]]`, ErrBadJSON},
		"object":                {"auth_events", `{}`, ErrBadJSON},
		"event_id of version 4": {"event_id", `"` + someID + `"`, ErrBadJSON},
		"event_id no text":      {"event_id", `1`, ErrBadJSON},
		"long event_id":         {"event_id", `"$` + strings.Repeat("x", 300) + `:a"`, ErrTooLarge},
	} {
		if _, err := Receive(v1, with(good, c.member, []byte(c.value))); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := Receive(v1, without(good, "event_id")); !errors.Is(err, ErrBadJSON) {
		t.Errorf("without event_id: %v", err)
	}
	if _, err := Receive(v4, good); !errors.Is(err, ErrBadJSON) {
		t.Errorf("version 1 as 4: %v", err)
	}
	if _, err := FromStore(v1, "$else:mairie.fr", good, false); !errors.Is(err, ErrBadJSON) {
		t.Errorf("from the store under another id: %v", err)
	}
}

func TestBuildRefusesInVersion1(t *testing.T) {
	r := rulesOf(t, "1")
	for name, change := range map[string]func(p *Proto){
		"no localpart":         func(p *Proto) { p.Localpart = "" },
		"localpart with colon": func(p *Proto) { p.Localpart = "x:else.fr" },
		"localpart, UTF-8":     func(p *Proto) { p.Localpart = "\xff" },
		"no hashes":            func(p *Proto) { p.Hashes = nil },
		"float of ours":        func(p *Proto) { p.Content = json.RawMessage(`{"x":1.5}`) },
	} {
		p := protoIn(r)
		change(&p)
		if e, err := Build(r, p, signerOf("mairie.fr")); !errors.Is(err, ErrBadJSON) {
			t.Errorf("%s: %v %v", name, e, err)
		}
	}
}

// Spec: rooms/v1 and rooms/v6, "Event format".
func TestMaxDepth(t *testing.T) {
	for version, want := range map[string]int64{"1": math.MaxInt64, "5": math.MaxInt64, "6": MaxInt, "12": MaxInt} {
		r := rulesOf(t, version)
		p := protoIn(r)
		p.Depth = r.MaxDepth()
		if e := buildIn(t, r, p); r.MaxDepth() != want || e.Depth() != want {
			t.Errorf("version %s: depth %d", version, e.Depth())
		}
		deeper := strings.Replace(string(buildIn(t, r, p).JSON()), `"depth":`, `"depth":1`, 1)
		if _, err := Receive(r, []byte(deeper)); !errors.Is(err, ErrBadJSON) {
			t.Errorf("version %s: deeper than that: %v", version, err)
		}
	}
}
