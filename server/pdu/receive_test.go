package pdu

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestReceiveRefuses(t *testing.T) {
	r, good := rulesOf(t, "12"), build(t, message()).JSON()
	for _, c := range []struct {
		what string
		b    []byte
		want error
	}{
		{"not JSON", good[:50], ErrNotJSON},
		{"trailing bytes", append(append([]byte{}, good...), '1'), ErrNotJSON},
		{"an array", []byte(`[]`), ErrBadJSON},
		{"a float in unsigned", with(good, "unsigned", []byte(`{"age":1.5}`)), ErrBadJSON},
		{"room_id of another kind", with(good, "room_id", []byte(`"!x:y"`)), ErrBadJSON},
		{"sender", with(good, "sender", []byte(`"x"`)), ErrBadJSON},
		{"sender of another type", with(good, "sender", []byte(`1`)), ErrBadJSON},
		{"type of another type", with(good, "type", []byte(`null`)), ErrBadJSON},
		{"state_key of another type", with(good, "state_key", []byte(`null`)), ErrBadJSON},
		{"content of another type", with(good, "content", []byte(`"x"`)), ErrBadJSON},
		{"depth of another type", with(good, "depth", []byte(`"1"`)), ErrBadJSON},
		{"negative depth", with(good, "depth", []byte(`-1`)), ErrBadJSON},
		{"time of another type", with(good, "origin_server_ts", []byte(`"1"`)), ErrBadJSON},
		{"prev_events of another type", with(good, "prev_events", []byte(`{}`)), ErrBadJSON},
		{"prev_events of version 1", with(good, "prev_events", []byte(`[["$x:y",{}]]`)), ErrBadJSON},
		{"auth_events of integers", with(good, "auth_events", []byte(`[1]`)), ErrBadJSON},
		{"hashes without sha256", with(good, "hashes", []byte(`{}`)), ErrBadJSON},
		{"signatures of another type", with(good, "signatures", []byte(`[]`)), ErrBadJSON},
		{"signatures one level short", with(good, "signatures", []byte(`{"a":"b"}`)), ErrBadJSON},
		{"a signature that is no string", with(good, "signatures", []byte(`{"a":{"ed25519:1":1}}`)), ErrBadJSON},
	} {
		if rc, err := Receive(r, c.b); !errors.Is(err, c.want) || rc != nil {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
	for _, name := range []string{"auth_events", "content", "depth", "hashes", "origin_server_ts", "prev_events", "room_id", "sender", "signatures", "type"} {
		if _, err := Receive(r, without(good, name)); !errors.Is(err, ErrBadJSON) {
			t.Errorf("without %s: %v", name, err)
		}
		if _, err := FromStore(r, someID, without(good, name), false); !errors.Is(err, ErrBadJSON) {
			t.Errorf("from the store without %s: %v", name, err)
		}
	}
	create := build(t, Proto{Type: "m.room.create", StateKey: ptr(""), Sender: "@a:b"}).JSON()
	for _, id := range []string{`"!x:b"`, `""`, `"` + Hash{9}.RoomID() + `"`} {
		withRoom := with(create, "room_id", []byte(id))
		for _, b := range [][]byte{withRoom, without(withRoom, "depth"), without(withRoom, "state_key")} {
			if _, err := Receive(r, b); !errors.Is(err, ErrBadJSON) {
				t.Errorf("create event with room_id %s: %v", id, err)
			}
		}
	}
	if rc, err := Receive(r, with(good, "example.extra", []byte(`[1]`))); err != nil || !strings.Contains(string(rc.JSON()), "example.extra") {
		t.Errorf("members that the format does not know stay: %v", err)
	}
}

func TestVerify(t *testing.T) {
	r, e := rulesOf(t, "12"), build(t, message())
	sigs := func(s string) []byte { return with(e.JSON(), "signatures", []byte(s)) }
	good, _ := (Object{e.signatures}).Object("mairie.fr").Text("ed25519:k")
	bad := "A" + good[1:]
	for _, c := range []struct {
		what string
		b    []byte
		ok   bool
	}{
		{"as sent", e.JSON(), true},
		{"no signature", sigs(`{}`), false},
		{"of another server only", sigs(`{"else.fr":{"ed25519:k":"` + good + `"}}`), false},
		{"wrong", sigs(`{"mairie.fr":{"ed25519:k":"` + bad + `"}}`), false},
		{"no Base64", sigs(`{"mairie.fr":{"ed25519:k":"é"}}`), false},
		{"under an unknown key", sigs(`{"mairie.fr":{"ed25519:x":"` + good + `"}}`), false},
		{"of another algorithm", sigs(`{"mairie.fr":{"k":"` + good + `"}}`), false},
		{"one unknown, one good", sigs(`{"mairie.fr":{"ed25519:a":"x","ed25519:k":"` + good + `"}}`), true},
		{"a claim of another server beside it", sigs(`{"else.fr":{"ed25519:k":"x"},"mairie.fr":{"ed25519:k":"` + good + `"}}`), true},
		{"sender changed", with(e.JSON(), "sender", []byte(`"@paul:mairie.fr"`)), false},
		{"depth changed", with(e.JSON(), "depth", []byte(`8`)), false},
		{"hash changed", with(e.JSON(), "hashes", []byte(`{"sha256":""}`)), false},
	} {
		rc, err := Receive(r, c.b)
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		got, err := rc.Verify(ring)
		if (err == nil) != c.ok || (got != nil) != c.ok || (err != nil && !errors.Is(err, ErrSignature)) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// A content hash that fails leaves the redacted event, with the same id.
func TestRedactedOnArrival(t *testing.T) {
	r, e := rulesOf(t, "12"), build(t, message())
	for what, b := range map[string][]byte{
		"content changed":   with(e.JSON(), "content", []byte(`{"body":"forged"}`)),
		"member added":      with(e.JSON(), "extra", []byte(`1`)),
		"redacted on a way": e.Redact().JSON(),
	} {
		rc, err := Receive(r, b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := rc.Verify(ring)
		if err != nil || !got.RedactedOnArrival() || string(got.Content()) != `{}` || got.ID() != e.ID() || string(got.JSON()) != string(e.Redact().JSON()) {
			t.Errorf("%s: %v %s", what, err, got.JSON())
		}
	}
}

func memberEvent(sender, target, content string) Proto {
	p := message()
	p.Type, p.Sender, p.StateKey, p.Content = "m.room.member", sender, &target, json.RawMessage(content)
	return p
}

// A join through a restricted rule needs two servers; the second signs what it
// receives from the first.
func TestRestrictedJoin(t *testing.T) {
	e := build(t, memberEvent("@paul:else.fr", "@paul:else.fr", `{"membership":"join","join_authorised_via_users_server":"@marie:mairie.fr"}`))
	rc, err := Receive(e.Rules(), e.JSON())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rc.Verify(ring); !errors.Is(err, ErrSignature) {
		t.Errorf("without the second signature: %v", err)
	}
	rc, err = rc.Sign(signerOf("mairie.fr"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := rc.Verify(ring)
	if err != nil || got.ID() != e.ID() || !got.SignedBy("mairie.fr") || !got.SignedBy("else.fr") || e.SignedBy("mairie.fr") {
		t.Errorf("with both: %v", err)
	}
}

func TestThirdPartyInvite(t *testing.T) {
	p := memberEvent("@marie:mairie.fr", "@paul:else.fr", `{"membership":"invite","third_party_invite":{"signed":{}}}`)
	for server, want := range map[string]error{"mairie.fr": nil, "else.fr": nil, "third.fr": ErrSignature} {
		e, err := Build(rulesOf(t, "12"), p, signerOf(server))
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("signed by %s: %v", server, err)
		}
		if err != nil {
			continue
		}
		rc, _ := Receive(e.Rules(), e.JSON())
		if _, err := rc.Verify(ring); err != nil {
			t.Errorf("signed by %s: %v", server, err)
		}
	}
	p.Content = json.RawMessage(`{"membership":"invite"}`)
	if _, err := Build(rulesOf(t, "12"), p, signerOf("else.fr")); !errors.Is(err, ErrSignature) {
		t.Errorf("an ordinary invite signed by the target's server: %v", err)
	}
}

// Whoever signs a third-party invite, the server that is said to let the user
// in signs too.
func TestMustSign(t *testing.T) {
	const via = `,"join_authorised_via_users_server":"@a:else.fr"}`
	for content, want := range map[string]string{
		`{"membership":"join"}`:      "[[mairie.fr]]",
		`{"membership":"join"` + via: "[[mairie.fr] [else.fr]]",
		`{"membership":"join","join_authorised_via_users_server":"@a:mairie.fr"}`: "[[mairie.fr]]",
		`{"membership":"join","join_authorised_via_users_server":"a"}`:            "[[mairie.fr]]",
		`{"membership":"invite","third_party_invite":{}}`:                         "[[mairie.fr else.fr]]",
		`{"membership":"invite","third_party_invite":{}` + via:                    "[[mairie.fr else.fr] [else.fr]]",
		`{"membership":"leave","third_party_invite":{}}`:                          "[[mairie.fr]]",
	} {
		e := build(t, memberEvent("@marie:mairie.fr", "@paul:else.fr", content))
		if got := fmt.Sprint(e.MustSign()); got != want {
			t.Errorf("%s: %s, want %s", content, got, want)
		}
	}
	p := message()
	p.Content = json.RawMessage(`{"membership":"join"` + via)
	if got := fmt.Sprint(build(t, p).MustSign()); got != "[[mairie.fr]]" {
		t.Errorf("what is no member event: %s", got)
	}
}

// The zero Rules are those of no version.
func TestZeroRules(t *testing.T) {
	e := build(t, message())
	for what, err := range map[string]error{
		"Build":     second2(Build(Rules{}, message(), signerOf("mairie.fr"))),
		"Receive":   second2(Receive(Rules{}, e.JSON())),
		"FromStore": second2(FromStore(Rules{}, e.ID(), e.JSON(), false)),
	} {
		if !errors.Is(err, ErrBadJSON) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := FromStore(e.Rules(), "!x", e.JSON(), false); !errors.Is(err, ErrBadJSON) {
		t.Errorf("FromStore with a room id: %v", err)
	}
}

// An invite gets the signature of the server of the user it is for.
func TestSign(t *testing.T) {
	e := build(t, memberEvent("@marie:mairie.fr", "@paul:else.fr", `{"membership":"invite"}`))
	both, err := e.Sign(signerOf("else.fr"))
	if err != nil || both.ID() != e.ID() || !both.SignedBy("mairie.fr") || !both.SignedBy("else.fr") {
		t.Fatalf("%v", err)
	}
	rc, _ := Receive(e.Rules(), both.JSON())
	if err := rc.verifyServer("else.fr", ring); err != nil {
		t.Error(err)
	}
	if ids := both.SigningKeys("else.fr"); len(ids) != 1 || ids[0] != "ed25519:k" {
		t.Errorf("keys %q", ids)
	}
}

// FuzzReceive: what is received is canonical, keeps its id and reads back from
// the store; its redaction is stable and keeps the id.
func FuzzReceive(f *testing.F) {
	f.Add([]byte(build(f, memberEvent("@a:b", "@c:d", `{"membership":"invite","third_party_invite":{"signed":{"token":"t"}}}`)).JSON()), byte(11))
	f.Add([]byte(build(f, Proto{Type: "m.room.create", StateKey: ptr(""), Sender: "@a:b"}).JSON()), byte(11))
	for i, version := range Versions() {
		r := rulesOf(f, version)
		e := buildIn(f, r, protoIn(r))
		f.Add([]byte(e.JSON()), byte(i))
		f.Add(with(e.JSON(), "unsigned", []byte(`{}`)), byte(i))
		f.Add(with(e.JSON(), "content", []byte(`{"x":[1.50,-0,1e3,123456789012345678901234567890]}`)), byte(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, version byte) {
		r := rulesOf(t, Versions()[int(version)%len(versions)])
		rc, err := Receive(r, b)
		if err != nil {
			if !errors.Is(err, ErrNotJSON) && !errors.Is(err, ErrBadJSON) && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("unnamed error %v", err)
			}
			return
		}
		if c, err := r.canonical(rc.JSON()); err != nil || string(c) != string(rc.JSON()) {
			t.Fatalf("not canonical: %s", rc.JSON())
		}
		stored, err := FromStore(r, rc.ID(), rc.JSON(), false)
		if err != nil {
			t.Fatalf("can't be read from the store: %v", err)
		}
		red := stored.Redact()
		again, err := Receive(r, red.JSON())
		if err != nil || again.ID() != rc.ID() || string(stored.Redact().Redact().JSON()) != string(red.JSON()) {
			t.Fatalf("redacted %s: %v", red.JSON(), err)
		}
		if _, err := rc.Verify(ring); err != nil && !errors.Is(err, ErrSignature) {
			t.Fatal(err)
		}
	})
}
