package pdu

import (
	"slices"
	"strings"
	"testing"
)

// what stays of an event with every member that a chapter names, and others, by
// version. Spec: rooms/v1, v6, v8, v9 and v11, "Redactions".
func TestRedactionOfEveryVersion(t *testing.T) {
	const event = `{"auth_events":[],"content":CONTENT,"depth":1,"event_id":"$x:a.fr","hashes":{},"membership":"join","origin":"a.fr","origin_server_ts":1,` +
		`"prev_events":[],"prev_state":[],"redacts":"$y:a.fr","room_id":"!r:a.fr","sender":"@a:a.fr","signatures":{},"state_key":"","type":"TYPE","unsigned":{},"x":1}`
	const topV1 = "auth_events content depth event_id hashes membership origin origin_server_ts prev_events prev_state room_id sender signatures state_key type"
	const topV11 = "auth_events content depth event_id hashes origin_server_ts prev_events room_id sender signatures state_key type"
	const all = `{"aliases":1,"allow":2,"ban":3,"creator":4,"events":5,"events_default":6,"history_visibility":7,"invite":8,"join_authorised_via_users_server":9,` +
		`"join_rule":10,"kick":11,"membership":12,"notifications":13,"redact":14,"redacts":15,"state_default":16,"third_party_invite":{"display_name":17,"signed":18},"users":19,"users_default":20}`
	levels := "ban events events_default kick redact state_default users users_default"
	kept := func(first, last int, want map[string]string) {
		for v := first; v <= last; v++ {
			r := rulesOf(t, Versions()[v-1])
			for _, eventType := range []string{"m.room.member", "m.room.create", "m.room.join_rules", "m.room.power_levels", "m.room.aliases",
				"m.room.history_visibility", "m.room.redaction", "m.room.message", "m.room.third_party_invite", "m.room.encryption"} {
				whole := strings.Replace(strings.Replace(event, "CONTENT", all, 1), "TYPE", eventType, 1)
				red := Object{r.redact([]byte(whole), eventType)}
				top := topV1
				if v >= 11 {
					top = topV11
				}
				if got := strings.Join(names(red), " "); got != top {
					t.Errorf("version %d, %s keeps %s", v, eventType, got)
				}
				got, wanted := strings.Join(names(red.Object("content")), " "), want[eventType]
				if wanted == "all" {
					wanted = strings.Join(names(Object{[]byte(all)}), " ")
				}
				if got != wanted {
					t.Errorf("version %d, content of %s keeps %q, want %q", v, eventType, got, wanted)
				}
			}
		}
	}
	kept(1, 5, map[string]string{"m.room.member": "membership", "m.room.create": "creator", "m.room.join_rules": "join_rule", "m.room.power_levels": levels,
		"m.room.aliases": "aliases", "m.room.history_visibility": "history_visibility"})
	kept(6, 7, map[string]string{"m.room.member": "membership", "m.room.create": "creator", "m.room.join_rules": "join_rule", "m.room.power_levels": levels,
		"m.room.history_visibility": "history_visibility"})
	kept(8, 8, map[string]string{"m.room.member": "membership", "m.room.create": "creator", "m.room.join_rules": "allow join_rule", "m.room.power_levels": levels,
		"m.room.history_visibility": "history_visibility"})
	kept(9, 10, map[string]string{"m.room.member": "join_authorised_via_users_server membership", "m.room.create": "creator",
		"m.room.join_rules": "allow join_rule", "m.room.power_levels": levels, "m.room.history_visibility": "history_visibility"})
	kept(11, 12, map[string]string{"m.room.member": "join_authorised_via_users_server membership third_party_invite", "m.room.create": "all",
		"m.room.join_rules": "allow join_rule", "m.room.power_levels": "ban events events_default invite kick redact state_default users users_default",
		"m.room.history_visibility": "history_visibility", "m.room.redaction": "redacts"})
}

func names(o Object) (names []string) {
	for name := range o.All() {
		names = append(names, name)
	}
	return names
}

// Spec: server-server API, "Validating hashes and signatures on received events"; rooms/v8, "Authorisation rules" 4.2.
func TestMustSignOfEveryVersion(t *testing.T) {
	for _, version := range Versions() {
		r := rulesOf(t, version)
		p := protoIn(r)
		p.Type, p.StateKey = "m.room.member", ptr(p.Sender)
		p.Content = []byte(`{"membership":"join","join_authorised_via_users_server":"@a:via.fr"}`)
		e := buildIn(t, r, p)
		want := [][]string{{"mairie.fr"}}
		if r.RestrictedJoins {
			want = append(want, []string{"via.fr"})
		}
		if got := e.MustSign(); !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("version %s: %v, want %v", version, got, want)
		}
		rc, err := Receive(r, e.JSON())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rc.Verify(ring); (err == nil) == r.RestrictedJoins {
			t.Errorf("version %s: without the signature of via.fr: %v", version, err)
		}
	}
	r := rulesOf(t, "2")
	foreign := with(buildIn(t, r, protoIn(r)).JSON(), "event_id", []byte(`"$x:else.fr"`))
	rc, err := Receive(r, foreign)
	if err != nil {
		t.Fatal(err)
	}
	for _, signers := range [][]string{{"mairie.fr"}, {"else.fr"}, {"mairie.fr", "else.fr"}} {
		signed := &Received{fields: rc.fields, signed: rc.signed}
		signed.raw = without(signed.raw, "signatures")
		signed.raw = with(signed.raw, "signatures", []byte("{}"))
		for _, server := range signers {
			if signed, err = signed.Sign(signerOf(server)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := signed.Verify(ring); (err == nil) != (len(signers) == 2) {
			t.Errorf("an event of mairie.fr with an id of else.fr, signed by %v: %v", signers, err)
		}
	}
}
