package pdu

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// signerOf is a server of these tests, its key made from its name.
func signerOf(server string) Signer {
	var seed [32]byte
	copy(seed[:], server)
	return Signer{server, "ed25519:k", ed25519.NewKeyFromSeed(seed[:])}
}

// ring knows the keys of all servers of these tests.
func ring(server, keyID string) (ed25519.PublicKey, bool) {
	return signerOf(server).Key.Public().(ed25519.PublicKey), keyID == "ed25519:k"
}

func rulesOf(t testing.TB, version string) Rules {
	t.Helper()
	r, ok := RulesFor(version)
	if !ok {
		t.Fatalf("no rules for version %s", version)
	}
	return r
}

func ptr(s string) *string { return &s }

var someID = Hash{1, 2, 3}.EventID()

func message() Proto {
	return Proto{Type: "m.room.message", Sender: "@marie:mairie.fr", RoomID: Hash{9}.RoomID(),
		Content:    json.RawMessage(`{"msgtype":"m.text","body":"Bonjour à tous"}`),
		PrevEvents: []string{someID}, AuthEvents: []string{someID, Hash{4}.EventID()}, Depth: 7, OriginServerTS: 1700000000123}
}

func build(t testing.TB, p Proto) *Event {
	t.Helper()
	e, err := Build(rulesOf(t, "12"), p, signerOf(ServerOf(p.Sender)))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRoundTrip(t *testing.T) {
	r := rulesOf(t, "12")
	for name, p := range map[string]Proto{
		"message": message(),
		"create":  {Type: "m.room.create", StateKey: ptr(""), Sender: "@marie:mairie.fr", Content: json.RawMessage(`{"room_version":"12"}`), Depth: 1},
		"state":   {Type: "m.room.topic", StateKey: ptr("clé \"à\""), Sender: "@marie:mairie.fr", RoomID: Hash{9}.RoomID(), Depth: MaxInt},
	} {
		e := build(t, p)
		stranger := with(e.JSON(), "unsigned", []byte(`{"age":5}`))
		rc, err := Receive(r, stranger)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := rc.Verify(ring)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		stored, err := FromStore(r, e.ID(), e.JSON(), false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for from, x := range map[string]*Event{"Verify": got, "FromStore": stored} {
			if string(x.JSON()) != string(e.JSON()) || x.ID() != e.ID() || x.RedactedOnArrival() || describe(x) != describe(e) {
				t.Errorf("%s, %s:\n got %s\nwant %s", name, from, describe(x), describe(e))
			}
		}
		key, isState := e.StateKey()
		if e.Type() != p.Type || e.Sender() != p.Sender || isState != (p.StateKey != nil) || (isState && key != *p.StateKey) ||
			e.Depth() != p.Depth || e.OriginServerTS() != p.OriginServerTS || len(e.PrevEvents()) != len(p.PrevEvents) || len(e.AuthEvents()) != len(p.AuthEvents) {
			t.Errorf("%s reads back as %s", name, describe(e))
		}
	}
	if e := build(t, Proto{Type: "m.room.create", StateKey: ptr(""), Sender: "@a:b", Content: json.RawMessage(`{"room_version":"12"}`)}); e.RoomID() != "!"+e.ID()[1:] || strings.Contains(string(e.JSON()), "room_id") {
		t.Errorf("room id %s of the create event %s", e.RoomID(), e.ID())
	}
}

func describe(e *Event) string {
	key, isState := e.StateKey()
	return fmt.Sprint(e.Type(), key, isState, e.Sender(), e.RoomID(), string(e.Content()), e.Depth(), e.OriginServerTS(), e.PrevEvents(), e.AuthEvents(), e.Redacts())
}

// In version 11 the create event has a room id like any other.
func TestVersion11(t *testing.T) {
	r := rulesOf(t, "11")
	p := Proto{Type: "m.room.create", StateKey: ptr(""), Sender: "@a:b.fr", RoomID: "!x:b.fr", Content: json.RawMessage(`{"room_version":"11"}`)}
	e, err := Build(r, p, signerOf("b.fr"))
	if err != nil || e.RoomID() != "!x:b.fr" {
		t.Fatalf("%v %v", e, err)
	}
	if rc, err := Receive(r, e.JSON()); err != nil || rc.ID() != e.ID() {
		t.Errorf("Receive: %v", err)
	}
	if p.RoomID = ""; second2(Build(r, p, signerOf("b.fr"))) == nil {
		t.Error("a create event without room_id")
	}
	if _, ok := RulesFor("no such version"); ok {
		t.Error("rules for an unknown version")
	}
}

func second2[T any](_ T, err error) error { return err }

func TestBuildRefuses(t *testing.T) {
	r := rulesOf(t, "12")
	many := func(n int) (ids []string) {
		for i := range n {
			ids = append(ids, Hash{byte(i)}.EventID())
		}
		return ids
	}
	for name, c := range map[string]struct {
		change func(p *Proto)
		want   error
	}{
		"no change":         {func(p *Proto) {}, nil},
		"float":             {func(p *Proto) { p.Content = json.RawMessage(`{"x":1.5}`) }, ErrBadJSON},
		"duplicate":         {func(p *Proto) { p.Content = json.RawMessage(`{"x":1,"x":1}`) }, ErrBadJSON},
		"array":             {func(p *Proto) { p.Content = json.RawMessage(`[]`) }, ErrBadJSON},
		"half":              {func(p *Proto) { p.Content = json.RawMessage(`{`) }, ErrNotJSON},
		"empty content":     {func(p *Proto) { p.Content = json.RawMessage{} }, ErrNotJSON},
		"sender":            {func(p *Proto) { p.Sender = "marie:mairie.fr" }, ErrBadJSON},
		"long sender":       {func(p *Proto) { p.Sender = "@" + strings.Repeat("m", 255) + ":mairie.fr" }, ErrTooLarge},
		"no room":           {func(p *Proto) { p.RoomID = "" }, ErrBadJSON},
		"room with domain":  {func(p *Proto) { p.RoomID = "!x:mairie.fr" }, ErrBadJSON},
		"create with room":  {func(p *Proto) { p.Type = "m.room.create" }, ErrBadJSON},
		"type of 255":       {func(p *Proto) { p.Type = strings.Repeat("t", 255) }, nil},
		"type of 256":       {func(p *Proto) { p.Type = strings.Repeat("t", 256) }, ErrTooLarge},
		"state key of 255":  {func(p *Proto) { p.StateKey = ptr(strings.Repeat("é", 127) + "k") }, nil},
		"state key of 256":  {func(p *Proto) { p.StateKey = ptr(strings.Repeat("é", 128)) }, ErrTooLarge},
		"state key, UTF-8":  {func(p *Proto) { p.StateKey = ptr("\xff") }, ErrBadJSON},
		"type, UTF-8":       {func(p *Proto) { p.Type = "\xff" }, ErrBadJSON},
		"10 auth events":    {func(p *Proto) { p.AuthEvents = many(10) }, nil},
		"11 auth events":    {func(p *Proto) { p.AuthEvents = many(11) }, ErrTooLarge},
		"20 prev events":    {func(p *Proto) { p.PrevEvents = many(20) }, nil},
		"21 prev events":    {func(p *Proto) { p.PrevEvents = many(21) }, ErrTooLarge},
		"prev event id":     {func(p *Proto) { p.PrevEvents = []string{"$x:mairie.fr"} }, ErrBadJSON},
		"negative depth":    {func(p *Proto) { p.Depth = -1 }, ErrBadJSON},
		"depth over 2^53":   {func(p *Proto) { p.Depth = MaxInt + 1 }, ErrBadJSON},
		"time over 2^53":    {func(p *Proto) { p.OriginServerTS = MaxInt + 1 }, ErrBadJSON},
		"64 KiB of content": {func(p *Proto) { p.Content = json.RawMessage(`{"x":"` + strings.Repeat("x", 65536) + `"}`) }, ErrTooLarge},
	} {
		p := message()
		c.change(&p)
		e, err := Build(r, p, signerOf("mairie.fr"))
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || (e == nil) != (err != nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := Build(r, message(), signerOf("else.fr")); !errors.Is(err, ErrSignature) {
		t.Errorf("signed by a stranger: %v", err)
	}
}

// The limit is exact: 65,536 bytes pass, signatures included.
func TestSizeLimit(t *testing.T) {
	p := message()
	p.Content = json.RawMessage(`{"x":""}`)
	room := MaxEventSize - len(build(t, p).JSON())
	p.Content = json.RawMessage(`{"x":"` + strings.Repeat("x", room) + `"}`)
	e := build(t, p)
	if len(e.JSON()) != MaxEventSize {
		t.Fatalf("%d bytes", len(e.JSON()))
	}
	if _, err := Receive(e.Rules(), with(e.JSON(), "unsigned", []byte(`{"age":1}`))); err != nil {
		t.Errorf("unsigned does not count: %v", err)
	}
	if _, err := Receive(e.Rules(), with(e.JSON(), "x", []byte("1"))); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a byte more: %v", err)
	}
	if _, err := e.Sign(signerOf("else.fr")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a signature more: %v", err)
	}
}

func TestRedacts(t *testing.T) {
	p := message()
	p.Type, p.Content, p.Redacts = "m.room.redaction", json.RawMessage(`{"reason":"doublon"}`), someID
	e := build(t, p)
	if e.Redacts() != someID || string(e.Content()) != `{"reason":"doublon","redacts":"`+someID+`"}` {
		t.Errorf("%q in %s", e.Redacts(), e.Content())
	}
	if r := e.Redact(); r.Redacts() != someID || r.ID() != e.ID() {
		t.Errorf("redacted: %s", r.JSON())
	}
	if build(t, message()).Redacts() != "" {
		t.Error("a message redacts nothing")
	}
}

// Spec: rooms/v11, "Redactions".
func TestRedactedContent(t *testing.T) {
	for _, c := range []struct{ eventType, content, want string }{
		{"m.room.message", `{"body":"x"}`, `{}`},
		{"m.room.create", `{"any":{"thing":1},"room_version":"12"}`, `{"any":{"thing":1},"room_version":"12"}`},
		{"m.room.member", `{"displayname":"M","join_authorised_via_users_server":"@a:mairie.fr","membership":"join","third_party_invite":{"display_name":"x","signed":{"mxid":"y"}}}`,
			`{"join_authorised_via_users_server":"@a:mairie.fr","membership":"join","third_party_invite":{"signed":{"mxid":"y"}}}`},
		{"m.room.member", `{"membership":"join","third_party_invite":"x"}`, `{"membership":"join"}`},
		{"m.room.member", `{"membership":"join","third_party_invite":{"display_name":"x"}}`, `{"membership":"join","third_party_invite":{}}`},
		{"m.room.join_rules", `{"allow":[],"join_rule":"restricted","x":1}`, `{"allow":[],"join_rule":"restricted"}`},
		{"m.room.power_levels", `{"ban":1,"events":{"a":1},"events_default":2,"historical":9,"invite":3,"kick":4,"notifications":{"room":1},"redact":5,"state_default":6,"users":{"@a:b":1},"users_default":7}`,
			`{"ban":1,"events":{"a":1},"events_default":2,"invite":3,"kick":4,"redact":5,"state_default":6,"users":{"@a:b":1},"users_default":7}`},
		{"m.room.history_visibility", `{"history_visibility":"shared","x":1}`, `{"history_visibility":"shared"}`},
		{"m.room.aliases", `{"aliases":[]}`, `{}`},
	} {
		p := message()
		p.Type, p.StateKey, p.Content = c.eventType, ptr(""), json.RawMessage(c.content)
		if c.eventType == "m.room.create" {
			p.RoomID = ""
		}
		e := build(t, p)
		red := e.Redact()
		if string(red.Content()) != c.want {
			t.Errorf("%s: %s, want %s", c.eventType, red.Content(), c.want)
		}
		if rc, err := Receive(e.Rules(), red.JSON()); err != nil || rc.ID() != e.ID() {
			t.Errorf("%s: the redacted form has another id, %v", c.eventType, err)
		}
	}
	top := with(with(build(t, message()).JSON(), "origin", []byte(`"mairie.fr"`)), "membership", []byte(`"join"`))
	if got := string(rulesOf(t, "12").redact(top, "m.room.message")); strings.Contains(got, "origin\"") || strings.Contains(got, "membership") {
		t.Errorf("top-level members stay: %s", got)
	}
}

func BenchmarkBuild(b *testing.B) {
	r, p, s := rulesOf(b, "12"), message(), signerOf("mairie.fr")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Build(r, p, s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFromStore(b *testing.B) {
	e := build(b, message())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := FromStore(e.Rules(), e.ID(), e.JSON(), false); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReceive(b *testing.B) {
	e := build(b, message())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Receive(e.Rules(), e.JSON()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReceiveVerify(b *testing.B) {
	e := build(b, message())
	key := signerOf("mairie.fr").Key.Public().(ed25519.PublicKey)
	b.ReportAllocs()
	for b.Loop() {
		rc, err := Receive(e.Rules(), e.JSON())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := rc.Verify(func(string, string) (ed25519.PublicKey, bool) { return key, true }); err != nil {
			b.Fatal(err)
		}
	}
}
