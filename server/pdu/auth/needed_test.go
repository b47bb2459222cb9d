package auth

import (
	"math"
	"slices"
	"testing"

	"beffroi/server/pdu"
)

// Spec: server-server API, "Auth events selection".
func TestNeeded(t *testing.T) {
	pl, jr := Key{"m.room.power_levels", ""}, Key{"m.room.join_rules", ""}
	of := func(id string) Key { return Key{"m.room.member", id} }
	for _, c := range []struct {
		name, eventType string
		key             any
		content         string
		want            []Key
	}{
		{"create", "m.room.create", "", `{}`, nil},
		{"message", "m.room.message", nil, `{}`, []Key{pl, of(user)}},
		{"state", "m.room.name", "", `{}`, []Key{pl, of(user)}},
		{"member without state key", "m.room.member", nil, `{"membership":"join"}`, []Key{pl, of(user)}},
		{"join", "m.room.member", user, `{"membership":"join"}`, []Key{pl, of(user), jr}},
		{"restricted join", "m.room.member", user, `{"membership":"join","join_authorised_via_users_server":"@x:y"}`, []Key{pl, of(user), jr, of("@x:y")}},
		{"knock", "m.room.member", user, `{"membership":"knock"}`, []Key{pl, of(user), jr}},
		{"leave", "m.room.member", user, `{"membership":"leave","join_authorised_via_users_server":"@x:y"}`, []Key{pl, of(user)}},
		{"kick", "m.room.member", other, `{"membership":"leave"}`, []Key{pl, of(user), of(other)}},
		{"ban", "m.room.member", other, `{"membership":"ban"}`, []Key{pl, of(user), of(other)}},
		{"invite", "m.room.member", other, `{"membership":"invite"}`, []Key{pl, of(user), of(other), jr}},
		{"third-party invite", "m.room.member", other, `{"membership":"invite","third_party_invite":{"signed":{"token":"t"}}}`,
			[]Key{pl, of(user), of(other), jr, {"m.room.third_party_invite", "t"}}},
		{"no JSON", "m.room.member", other, `{`, []Key{pl, of(user), of(other)}},
	} {
		p := pdu.Proto{Type: c.eventType, Sender: user, Content: []byte(c.content)}
		if s, ok := c.key.(string); ok {
			p.StateKey = &s
		}
		for _, version := range []string{"11", "12"} {
			rules, _ := pdu.RulesFor(version)
			want := c.want
			if version == "11" && want != nil {
				want = append([]Key{{"m.room.create", ""}}, want...)
			}
			if got := Needed(rules, p); !slices.Equal(got, want) {
				t.Errorf("%s, version %s: %v, want %v", c.name, version, got, want)
			}
		}
	}
}

// Rule 3 of version 12, rule 2 of version 11.
func TestCheckAuthEvents(t *testing.T) {
	for _, version := range []string{"11", "12"} {
		r := newRoom(t, version)
		at := func(eventType, key string) *pdu.Event { return r.state.Event(eventType, key) }
		create, pl, me := at("m.room.create", ""), at("m.room.power_levels", ""), at("m.room.member", user)
		good := []*pdu.Event{pl, me}
		if version == "11" {
			good = append(good, create)
		}
		elsewhere := newRoom(t, version)
		if version == "11" {
			elsewhere.id = "!else:a.fr"
		} else {
			elsewhere.id = pdu.Hash{5}.RoomID()
		}
		e := r.event(user, "m.room.message", nil, `{}`)
		with := func(more ...*pdu.Event) []*pdu.Event { return append(slices.Clone(good), more...) }
		none := func(string) bool { return false }
		verdict(t, CheckAuthEvents(e, good, none), "")
		verdict(t, CheckAuthEvents(e, with(pl), none), "two auth events")
		verdict(t, CheckAuthEvents(e, with(r.event(creator, "m.room.power_levels", "", `{}`)), none), "two auth events")
		verdict(t, CheckAuthEvents(e, with(at("m.room.join_rules", "")), none), "not one to be listed")
		verdict(t, CheckAuthEvents(e, with(at("m.room.member", other)), none), "not one to be listed")
		verdict(t, CheckAuthEvents(e, with(r.event(user, "m.room.power_levels", nil, `{}`)), none), "not one to be listed")
		verdict(t, CheckAuthEvents(e, good, func(id string) bool { return id == me.ID() }), "was rejected")
		verdict(t, CheckAuthEvents(e, append(slices.Clone(good[1:]), elsewhere.event(creator, "m.room.power_levels", "", `{}`)), none), "another room")
		if version == "11" {
			verdict(t, CheckAuthEvents(e, good[:2], none), "create event is not among")
		} else {
			verdict(t, CheckAuthEvents(e, with(create), none), "not one to be listed")
		}
		verdict(t, CheckAuthEvents(create, nil, none), "")
		verdict(t, CheckAuthEvents(create, []*pdu.Event{pl}, none), "not one to be listed")
	}
}

func TestLevels(t *testing.T) {
	r := newRoom(t, "12")
	create := r.state.Event("m.room.create", "")
	p := NewPowerLevels(create, r.state.Event("m.room.power_levels", ""))
	for id, want := range map[string]int64{creator: math.MaxInt64, second: Infinite, moderator: 50, user: 0, stranger: 0} {
		if got := p.For(id); got != want {
			t.Errorf("For(%s) = %d, want %d", id, got, want)
		}
	}
	if p.Required("m.room.topic", true) != 75 || p.Required("m.x", true) != 30 || p.Required("m.x", false) != 0 || p.Required("m.quiet", false) != 10 {
		t.Error("Required")
	}
	if p.Level("invite") != 10 || p.Level("kick") != 40 || p.Level("ban") != 45 || p.Level("redact") != 50 || p.Notification("high") != 60 || p.Notification("x") != 50 {
		t.Error("Level, Notification")
	}
	none := NewPowerLevels(create, nil)
	if none.Level("invite") != 0 || none.Level("kick") != 50 || none.Required("m.x", true) != 50 || none.Required("m.x", false) != 0 || none.For(moderator) != 0 {
		t.Error("defaults without an event")
	}
	if !p.MayRedact(moderator, stranger) || !p.MayRedact(user, moderator) || p.MayRedact(user, other) || !p.MayRedact(creator, other) {
		t.Error("MayRedact")
	}
	old := newRoom(t, "11")
	create = old.state.Event("m.room.create", "")
	if got := NewPowerLevels(create, nil).For(creator); got != 100 {
		t.Errorf("the creator of version 11 without power levels has %d", got)
	}
	if got := Creators(create); !slices.Equal(got, []string{creator}) {
		t.Errorf("creators of version 11: %q", got)
	}
	if got := Creators(r.state.Event("m.room.create", "")); !slices.Equal(got, []string{creator, second}) {
		t.Errorf("creators of version 12: %q", got)
	}
	if Membership(nil) != "" || JoinRule(nil) != "invite" || JoinRule(r.event(creator, "m.room.join_rules", "", `{}`)) != "invite" || JoinRule(r.event(creator, "m.room.join_rules", "", `{"join_rule":"public"}`)) != "public" {
		t.Error("Membership, JoinRule")
	}
}

// FuzzCheck: no content makes the rules panic, allow a stranger more than to
// ask, or let anybody take a level above their own.
func FuzzCheck(f *testing.F) {
	for _, content := range []string{levels, membership("join"), membership("ban"), `{"room_version":"12"}`,
		`{"membership":"join","join_authorised_via_users_server":"@peer:b.fr"}`,
		`{"membership":"invite","third_party_invite":{"signed":{"mxid":"@stranger:b.fr","token":"t","signatures":{"a":{"ed25519:1":""}}}}}`} {
		for who := range byte(4) {
			f.Add([]byte(content), who, who, 3*who)
		}
	}
	for version := range byte(12) {
		f.Add([]byte(`{"users":{"@moderator:a.fr":" 050","@peer:b.fr":5e1},"ban":"99999999999999999999","events":{"a":1e400}}`), byte(2), byte(1), version)
	}
	var rooms []*room
	for _, version := range pdu.Versions() {
		r := newRoom(f, version)
		r.set(creator, "m.room.third_party_invite", "t", `{"public_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`)
		rooms = append(rooms, r)
	}
	people := []string{stranger, user, moderator, creator, banned}
	types := []string{"m.room.member", "m.room.power_levels", "m.room.create", "m.room.message", "m.room.join_rules", "m.room.redaction", "m.room.aliases"}
	f.Fuzz(func(t *testing.T, content []byte, who, what, version byte) {
		r := rooms[int(version)%len(rooms)]
		sender, eventType := people[int(who)%len(people)], types[int(what)%len(types)]
		key := ""
		if eventType == "m.room.member" {
			key = people[int(who/8)%len(people)]
		}
		e := r.received(pdu.Proto{Type: eventType, Sender: sender, StateKey: &key, RoomID: r.id, Localpart: "fuzz"}, content)
		if e == nil {
			return
		}
		if Check(e, r.state) != nil || eventType == "m.room.create" {
			return
		}
		if sender == stranger || sender == banned {
			t.Fatalf("%s may send %s %s", sender, eventType, content)
		}
		before := NewPowerLevels(r.state.Event("m.room.create", ""), r.state.Event("m.room.power_levels", ""))
		if eventType == "m.room.power_levels" {
			after := NewPowerLevels(r.state.Event("m.room.create", ""), e)
			for _, id := range append(people, peer) {
				if now := after.For(id); now > before.For(id) && now > before.For(sender) {
					t.Fatalf("%s raises %s to %d: %s", sender, id, now, content)
				}
			}
			if sender == moderator && after.For(peer) < before.For(peer) {
				t.Fatalf("a moderator lowers a peer: %s", content)
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	r := newRoom(b, "12")
	for name, e := range map[string]*pdu.Event{
		"message":      r.event(user, "m.room.message", nil, `{"body":"Bonjour"}`),
		"join":         r.event(invited, "m.room.member", invited, membership("join")),
		"power_levels": r.event(moderator, "m.room.power_levels", "", levels),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Check(e, r.state); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
