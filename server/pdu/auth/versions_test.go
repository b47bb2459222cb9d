package auth

import (
	"encoding/json"
	"slices"
	"testing"

	"beffroi/server/pdu"
)

// from runs attempts in the versions from one to another.
func from(t *testing.T, first, last int, attempts ...attempt) {
	t.Helper()
	for _, version := range pdu.Versions()[first-1 : last] {
		run(t, version, attempts)
	}
}

// Rule 4 of versions 1 to 5, which asks neither for membership nor for a level.
// From 6 on m.room.aliases is state like any other.
func TestAliases(t *testing.T) {
	of := func(name, sender string, key any, want string) attempt {
		return attempt{name, nil, sender, "m.room.aliases", key, `{"aliases":[]}`, want}
	}
	from(t, 1, 5,
		of("of one's server", user, "a.fr", ""),
		of("of one's server, from outside", stranger, "b.fr", ""),
		of("of one's server, banned", banned, "b.fr", ""),
		of("of another server", user, "b.fr", "not the sender's server"),
		of("without state key", user, nil, "not the sender's server"),
		of("with an empty state key", user, "", "not the sender's server"),
		attempt{"not federating", []entry{{creator, "m.room.create", "", `{"creator":"` + creator + `","m.federate":false}`}}, other, "m.room.aliases", "b.fr", `{}`, "does not federate"},
	)
	from(t, 6, 12,
		of("without the level", user, "a.fr", "needs power level 30"),
		of("from outside", stranger, "b.fr", "not joined"),
		of("with the level", moderator, "b.fr", ""),
	)
}

// Rule 11 of versions 1 and 2; from 3 on redactions are judged when they are applied.
//
// Spec: rooms/v1, "Authorisation rules"; rooms/v3, "Handling redactions".
func TestRedaction(t *testing.T) {
	for i, version := range pdu.Versions() {
		r := newRoom(t, version)
		for _, c := range []struct {
			name, sender, redacts, want string
		}{
			{"own server's", user, "$x:a.fr", ""},
			{"another server's", user, "$x:b.fr", "redact needs power level 50"},
			{"another server's, with the level", moderator, "$x:b.fr", ""},
			{"from outside", left, "$x:b.fr", "not joined"},
			{"nothing", user, "", "redact needs power level 50"},
			{"nothing, with the level", moderator, "", ""},
		} {
			redacts, want := c.redacts, c.want
			if i >= 2 { // versions from 3 on
				if redacts = r.state.Event("m.room.create", "").ID(); c.sender != left {
					want = ""
				}
			}
			e := r.build(pdu.Proto{Type: "m.room.redaction", Sender: c.sender, RoomID: r.id, Redacts: redacts})
			t.Run(version+"/"+c.name, func(t *testing.T) { verdict(t, Check(e, r.state), want) })
		}
		p := NewPowerLevels(r.state.Event("m.room.create", ""), r.state.Event("m.room.power_levels", ""))
		if got := p.MayRedact(user, other); got != (i < 2) {
			t.Errorf("version %s: a redaction by another server's user without the level applies: %v", version, got)
		}
		if !p.MayRedact(moderator, other) || !p.MayRedact(user, creator) {
			t.Errorf("version %s: a redaction with the level, or of one's server's, does not apply", version)
		}
	}
}

// Rule 1.4 of versions 1 to 10, and what a create event without room_version is.
func TestCreateOfOldVersions(t *testing.T) {
	for i, version := range pdu.Versions() {
		creatorNeeded := ""
		if i < 10 {
			creatorNeeded = "without creator"
		}
		unnamed := "room_version is not"
		if version == "1" {
			unnamed = ""
		}
		for content, want := range map[string]string{
			`{"room_version":"` + version + `"}`:                  creatorNeeded,
			`{"creator":"@x:y","room_version":"` + version + `"}`: "",
			`{"creator":"@x:y"}`:                                  unnamed,
			`{"creator":"@x:y","room_version":1}`:                 "room_version is not",
			`{"creator":"@x:y","room_version":"org.example"}`:     "room_version is not",
		} {
			r := newRoom(t, version)
			verdict(t, Check(r.event(creator, "m.room.create", "", content), Map{}), want)
		}
	}
}

// The creator is whom the create event names, up to version 10, and who has sent it after.
func TestCreator(t *testing.T) {
	for i, version := range pdu.Versions() {
		r := newRoom(t, version)
		create := r.set(creator, "m.room.create", "", `{"creator":"`+user+`","room_version":"`+version+`"}`)
		want, not := user, creator
		if i >= 10 {
			want, not = creator, user
		}
		if got := Creators(create); !slices.Equal(got, []string{want}) {
			t.Errorf("version %s: creators %q", version, got)
		}
		p := NewPowerLevels(create, nil)
		if power := p.For(want); power < 100 || p.For(not) != 0 {
			t.Errorf("version %s: power level %d, of the other %d", version, power, p.For(not))
		}
		join := func(id string) *pdu.Event {
			return r.build(pdu.Proto{Type: "m.room.member", Sender: id, StateKey: &id, RoomID: create.RoomID(), Content: []byte(membership("join")), PrevEvents: []string{create.ID()}})
		}
		only := Map{}
		only.Put(create)
		verdict(t, Check(join(want), only), "")
		verdict(t, Check(join(not), only), "not invited")
	}
}

// Spec: rooms/v1, "m.room.power_levels events accept values as strings", "... as
// floats"; rooms/v10, "Values in m.room.power_levels events must be integers".
func TestSpellingsOfLevels(t *testing.T) {
	const no = -1 << 62
	var rooms []*room
	for _, version := range pdu.Versions() {
		r := newRoom(t, version)
		delete(r.state, Key{"m.room.power_levels", ""})
		rooms = append(rooms, r)
	}
	for _, c := range []struct {
		spelling               string
		floats, texts, integer int64 // in versions 1 to 5, 6 to 9, from 10
	}{
		{`50`, 50, 50, 50}, {`-50`, -50, -50, -50}, {`9007199254740991`, pdu.MaxInt, pdu.MaxInt, pdu.MaxInt},
		{`"50"`, 50, 50, no}, {`"000100"`, 100, 100, no}, {`"+100"`, 100, 100, no}, {`"-100"`, -100, -100, no}, {`" 00100 "`, 100, 100, no},
		{`" +100 "`, 100, 100, no}, {`"\t-5\r\n"`, -5, -5, no}, {`"\u00a05\u2003"`, 5, 5, no},
		{`"99999999999999999999999"`, 1<<63 - 1, 1<<63 - 1, no}, {`"-99999999999999999999999"`, -1 << 63, -1 << 63, no},
		{`""`, no, no, no}, {`" "`, no, no, no}, {`"+"`, no, no, no}, {`"+-5"`, no, no, no}, {`"- 5"`, no, no, no}, {`"5 0"`, no, no, no},
		{`"1_000"`, no, no, no}, {`"0x10"`, no, no, no}, {`"1.0"`, no, no, no}, {`"1e3"`, no, no, no}, {`"٥"`, no, no, no}, {`"5\u0000"`, no, no, no},
		{`null`, no, no, no}, {`true`, no, no, no}, {`[5]`, no, no, no}, {`{}`, no, no, no},
		{`50.57`, 50, no, no}, {`-50.57`, -50, no, no}, {`0.9`, 0, no, no}, {`5.114698E4`, 51146, no, no}, {`1.0`, 1, no, no}, {`1e-400`, 0, no, no},
		{`1e300`, 1<<63 - 1, no, no}, {`-1e300`, -1 << 63, no, no}, {`1e400`, no, no, no}, {`-1e400`, no, no, no},
		{`9007199254740993`, pdu.MaxInt + 2, no, no}, {`99999999999999999999999`, 1<<63 - 1, no, no},
	} {
		for i, r := range rooms {
			want := c.integer
			if i < 5 {
				want = c.floats
			} else if i < 9 {
				want = c.texts
			}
			content := json.RawMessage(`{"ban":` + c.spelling + `}`)
			if _, err := pdu.ParseObject(content); err != nil && r.rules.CanonicalJSON {
				continue // no event of this version has such a number
			}
			e := r.event(creator, "m.room.power_levels", "", string(content))
			got, ok := level(r.rules, e.Body().Get("ban"))
			if ok != (want != no) || ok && got != want {
				t.Errorf("version %s: %s is %d, %v; want %d", r.rules.Version, c.spelling, got, ok, want)
			}
			if r.rules.CreatorsRule {
				continue
			}
			reason := "ban is not an integer"
			if ok {
				reason = ""
			}
			verdict(t, Check(e, r.state), reason)
		}
	}
}

// Levels as strings and fractions count in every rule.
func TestStringsAsLevels(t *testing.T) {
	asTexts := []entry{{creator, "m.room.power_levels", "", `{"users":{"` + moderator + `":" 50","` + peer + `":"+50"},"events":{"m.room.topic":"075"},"invite":"10","state_default":"30"}`}}
	from(t, 1, 9,
		attempt{"enough", asTexts, moderator, "m.room.avatar", "", `{}`, ""},
		attempt{"not enough", asTexts, user, "m.room.avatar", "", `{}`, "needs power level 30"},
		attempt{"events", asTexts, moderator, "m.room.topic", "", `{}`, "needs power level 75, the sender has 50"},
		attempt{"invite", asTexts, user, "m.room.member", stranger, membership("invite"), "invite needs power level 10"},
		attempt{"another spelling is no change", asTexts, moderator, "m.room.power_levels", "",
			`{"users":{"` + moderator + `":50,"` + peer + `":"0050"},"events":{"m.room.topic":75},"invite":10,"state_default":"30"}`, ""},
		attempt{"a change is one", asTexts, moderator, "m.room.power_levels", "",
			`{"users":{"` + moderator + `":50,"` + peer + `":"49"},"events":{"m.room.topic":75},"invite":10,"state_default":"30"}`, "same power level"},
		attempt{"no user id", asTexts, moderator, "m.room.power_levels", "", `{"users":{"x":"1"}}`, "no user id"},
	)
	asFloats := []entry{{creator, "m.room.power_levels", "", `{"users":{"` + moderator + `":50.57,"` + peer + `":50},"ban":50.9}`}}
	from(t, 1, 5,
		attempt{"the integer part is enough", asFloats, moderator, "m.room.member", other, membership("ban"), ""},
		attempt{"and no more than that", asFloats, moderator, "m.room.member", peer, membership("ban"), "not below"},
	)
}

// Spec: server-server API, "Auth events selection": restricted joins from 8 on.
func TestNeededByRestrictedJoins(t *testing.T) {
	key := user
	p := pdu.Proto{Type: "m.room.member", Sender: user, StateKey: &key, Content: []byte(`{"membership":"join","join_authorised_via_users_server":"` + peer + `"}`)}
	for i, version := range pdu.Versions() {
		r := newRoom(t, version)
		got := Needed(r.rules, p)
		if slices.Contains(got, Key{"m.room.member", peer}) != (i >= 7) || slices.Contains(got, Key{"m.room.create", ""}) != (i < 11) {
			t.Errorf("version %s: %v", version, got)
		}
		e := r.event(user, "m.room.member", user, string(p.Content))
		listed := []*pdu.Event{r.state.Event("m.room.member", peer)}
		if i < 11 {
			listed = append(listed, r.state.Event("m.room.create", ""))
		}
		want := ""
		if i < 7 {
			want = "is not one to be listed"
		}
		verdict(t, CheckAuthEvents(e, listed, func(string) bool { return false }), want)
	}
}

// Levels are of 64 bits on machines of 32 too.
func TestLevelsBeyond32Bits(t *testing.T) {
	big := []entry{{creator, "m.room.power_levels", "", `{"users":{"` + moderator + `":4294967296,"` + peer + `":4294967297},"ban":4294967296}`}}
	from(t, 1, 12,
		attempt{"2^32 is not 0", big, moderator, "m.room.member", user, membership("ban"), ""},
		attempt{"2^32+1 is more", big, moderator, "m.room.member", peer, membership("ban"), "not below"},
		attempt{"2^32 is more than 0", big, user, "m.room.member", left, membership("ban"), "ban needs power level 4294967296, the sender has 0"},
	)
}
