package auth

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"beffroi/server/pdu"
)

// entry is a state event that a case has besides the fixture's.
type entry struct{ sender, eventType, key, content string }

// attempt is an event and the verdict: "" allows, other text is part of the
// reason.
type attempt struct {
	name    string
	state   []entry
	sender  string
	typ     string
	key     any
	content string
	want    string
}

func run(t *testing.T, version string, attempts []attempt) {
	t.Helper()
	fixture := newRoom(t, version)
	for _, a := range attempts {
		t.Run(version+"/"+a.name, func(t *testing.T) {
			r := *fixture
			r.t, r.state = t, maps.Clone(fixture.state)
			for _, s := range a.state {
				r.set(s.sender, s.eventType, s.key, s.content)
			}
			verdict(t, Check(r.event(a.sender, a.typ, a.key, a.content), r.state), a.want)
		})
	}
}

// before is the verdict in the versions before one.
type before struct {
	version int
	want    string
}

// runBefore12 runs attempts in versions 1 to 11, with the names of those whose
// verdict was another once.
func runBefore12(t *testing.T, attempts []attempt, was map[string]before) {
	t.Helper()
	for i, version := range pdu.Versions()[:11] {
		then := slices.Clone(attempts)
		for j := range then {
			if b, ok := was[then[j].name]; ok && i+1 < b.version {
				then[j].want = b.want
			}
		}
		run(t, version, then)
	}
}

func verdict(t *testing.T, err error, want string) {
	t.Helper()
	var rejected *Rejected
	switch {
	case want == "" && err != nil:
		t.Errorf("%v; must be allowed", err)
	case want != "" && err == nil:
		t.Errorf("allowed; must be rejected for %q", want)
	case want != "" && (!errors.As(err, &rejected) || !strings.Contains(rejected.Reason, want)):
		t.Errorf("%v; must be rejected for %q", err, want)
	}
}

func joinRule(rule string) []entry {
	return []entry{{creator, "m.room.join_rules", "", `{"join_rule":"` + rule + `"}`}}
}

// Rules 6 to 9 and 11.
func TestOther(t *testing.T) {
	attempts := []attempt{
		{"message", nil, user, "m.room.message", nil, `{}`, ""},
		{"not joined", nil, left, "m.room.message", nil, `{}`, "not joined"},
		{"invited is not joined", nil, invited, "m.room.message", nil, `{}`, "not joined"},
		{"stranger", nil, stranger, "m.room.message", nil, `{}`, "not joined"},
		{"banned", nil, banned, "m.room.message", nil, `{}`, "not joined"},
		{"redaction has no rule of its own", nil, user, "m.room.redaction", nil, `{"redacts":"$x"}`, ""},
		{"level of the type", nil, user, "m.quiet", nil, `{}`, "needs power level 10"},
		{"level of the type, enough", nil, moderator, "m.quiet", nil, `{}`, ""},
		{"state_default", nil, user, "m.room.avatar", "", `{}`, "needs power level 30"},
		{"state_default, enough", nil, moderator, "m.room.avatar", "", `{}`, ""},
		{"name, exactly enough", nil, moderator, "m.room.name", "", `{}`, ""},
		{"topic, not enough", nil, moderator, "m.room.topic", "", `{}`, "needs power level 75"},
		{"own user id as state key", nil, moderator, "m.own", moderator, `{}`, ""},
		{"another's user id as state key", nil, moderator, "m.own", user, `{}`, "another user's id"},
		{"state key starting with @", nil, moderator, "m.own", "@", `{}`, "another user's id"},
		{"state key with @ elsewhere", nil, moderator, "m.own", "x@y", `{}`, ""},
		{"third-party invite", nil, moderator, "m.room.third_party_invite", "token", `{}`, ""},
		{"third-party invite, not enough", nil, user, "m.room.third_party_invite", "token", `{}`, "invite needs power level 10"},
		{"third-party invite, not joined", nil, left, "m.room.third_party_invite", "token", `{}`, "not joined"},
		{"members' levels are not those of state", nil, user, "m.room.member", user, `{"membership":"leave"}`, ""},
		{"defaults without power levels event", []entry{{creator, "m.room.power_levels", "", `{}`}}, user, "m.room.avatar", "", `{}`, "needs power level 50"},
	}
	run(t, "12", attempts)
	runBefore12(t, attempts, map[string]before{"redaction has no rule of its own": {3, "redact needs power level 50"}})
	run(t, "12", []attempt{
		{"creators may all", nil, creator, "m.room.topic", "", `{}`, ""},
		{"additional creators too", nil, second, "m.room.topic", "", `{}`, ""},
		{"but not in another's name", nil, creator, "m.own", user, `{}`, "another user's id"},
	})
	run(t, "11", []attempt{
		{"creators are users once there are power levels", nil, creator, "m.room.topic", "", `{}`, "needs power level 75"},
		{"additional creators are nothing", nil, second, "m.room.topic", "", `{}`, "needs power level 75"},
	})
}

func TestWithoutPowerLevels(t *testing.T) {
	for version, want := range map[string]string{"11": "", "12": ""} {
		r := newRoom(t, version)
		delete(r.state, Key{"m.room.power_levels", ""})
		verdict(t, Check(r.event(creator, "m.room.topic", "", `{}`), r.state), want)
		verdict(t, Check(r.event(user, "m.room.topic", "", `{}`), r.state), "needs power level 50")
		verdict(t, Check(r.event(user, "m.room.message", nil, `{}`), r.state), "")
		verdict(t, Check(r.event(creator, "m.room.power_levels", "", `{"users":{"`+user+`":1000}}`), r.state), "")
	}
}

// Rule 1.
func TestCreate(t *testing.T) {
	for _, c := range []struct{ version, content, want string }{
		{"12", `{"room_version":"12"}`, ""},
		{"12", `{"room_version":"12","additional_creators":[]}`, ""},
		{"12", `{"room_version":"12","additional_creators":["@a:b.fr","@É:b.fr"]}`, ""},
		{"12", `{}`, "room_version"},
		{"12", `{"room_version":12}`, "room_version"},
		{"12", `{"room_version":"11"}`, "room_version"},
		{"12", `{"room_version":"org.example"}`, "room_version"},
		{"12", `{"room_version":"12","additional_creators":"@a:b.fr"}`, "not an array of strings"},
		{"12", `{"room_version":"12","additional_creators":null}`, "not an array of strings"},
		{"12", `{"room_version":"12","additional_creators":[1]}`, "not an array of strings"},
		{"12", `{"room_version":"12","additional_creators":["a:b.fr"]}`, "no user id"},
		{"12", `{"room_version":"12","additional_creators":["@a:b.fr","@a"]}`, "no user id"},
		{"11", `{"room_version":"11","additional_creators":1}`, ""},
		{"11", `{"room_version":"12"}`, "room_version"},
	} {
		r := newRoom(t, c.version)
		verdict(t, Check(r.event(creator, "m.room.create", "", c.content), Map{}), c.want)
	}
	r := newRoom(t, "12")
	empty := ""
	e := r.build(pdu.Proto{Type: "m.room.create", Sender: creator, StateKey: &empty, Content: []byte(`{"room_version":"12"}`), PrevEvents: []string{"$" + r.id[1:]}})
	verdict(t, Check(e, Map{}), "prev_events")
	r = newRoom(t, "11")
	verdict(t, Check(r.event(other, "m.room.create", "", `{"room_version":"11"}`), Map{}), "another server")
}

// Rules 2 and 4.
func TestRoom(t *testing.T) {
	r := newRoom(t, "12")
	e := r.event(user, "m.room.message", nil, `{}`)
	verdict(t, Check(e, Map{}), "not that of an accepted create event")
	elsewhere := r.event(creator, "m.room.create", "", `{"room_version":"12","x":1}`)
	r.state.Put(elsewhere)
	verdict(t, Check(e, r.state), "not that of an accepted create event")

	for content, want := range map[string]string{`"m.federate":false`: "does not federate", `"m.federate":true`: "", `"m.federate":"false"`: ""} {
		for _, version := range []string{"11", "12"} {
			r := newRoom(t, version)
			create := r.set(creator, "m.room.create", "", `{"room_version":"`+version+`",`+content+`}`)
			r.id = create.RoomID()
			verdict(t, Check(r.event(user, "m.room.message", nil, `{}`), r.state), "")
			verdict(t, Check(r.event(other, "m.room.message", nil, `{}`), r.state), want)
		}
	}
}

// Rule 10.
func TestPowerLevels(t *testing.T) {
	change := func(old, new string) string {
		if !strings.Contains(levels, old) {
			t.Fatalf("the fixture has no %s", old)
		}
		return strings.Replace(levels, old, new, 1)
	}
	open := []entry{{creator, "m.room.power_levels", "", change(`"m.room.name":50`, `"m.room.name":50,"m.room.power_levels":0`)}}
	openLevels := open[0].content
	attempts := []attempt{
		{"no change", nil, moderator, "m.room.power_levels", "", levels, ""},
		{"type of users_default", nil, moderator, "m.room.power_levels", "", `{"users_default":"0"}`, "users_default is not an integer"},
		{"type of ban", nil, moderator, "m.room.power_levels", "", `{"ban":null}`, "ban is not an integer"},
		{"type of events", nil, moderator, "m.room.power_levels", "", `{"events":[]}`, "events is not an object of integers"},
		{"type in events", nil, moderator, "m.room.power_levels", "", `{"events":{"a":"1"}}`, "events is not an object of integers"},
		{"type in notifications", nil, moderator, "m.room.power_levels", "", `{"notifications":{"room":true}}`, "notifications is not an object of integers"},
		{"type of users", nil, moderator, "m.room.power_levels", "", `{"users":1}`, "users is not an object of integers"},
		{"type in users", nil, moderator, "m.room.power_levels", "", `{"users":{"@a:b":"1"}}`, "users is not an object of integers"},
		{"user ids", nil, moderator, "m.room.power_levels", "", `{"users":{"a:b":1}}`, "no user id"},
		{"another state key", nil, moderator, "m.room.power_levels", "x", `{"ban":"1"}`, "ban is not an integer"},

		{"lowering a level", nil, moderator, "m.room.power_levels", "", change(`"ban":45`, `"ban":1`), ""},
		{"raising a level to one's own", nil, moderator, "m.room.power_levels", "", change(`"ban":45`, `"ban":50`), ""},
		{"raising a level above one's own", nil, moderator, "m.room.power_levels", "", change(`"ban":45`, `"ban":51`), "ban is set above"},
		{"lowering a level equal to one's own", nil, moderator, "m.room.power_levels", "", change(`"redact":50`, `"redact":0`), ""},
		{"adding a level", nil, moderator, "m.room.power_levels", "", change(`"ban":45`, `"ban":45,"events_default":50`), ""},
		{"adding a level above", nil, moderator, "m.room.power_levels", "", change(`"ban":45`, `"ban":45,"users_default":51`), "users_default is set above"},
		{"removing a level", nil, moderator, "m.room.power_levels", "", change(`"ban":45,`, ``), ""},
		{"lowering a level above one's own", open, user, "m.room.power_levels", "", strings.Replace(openLevels, `"ban":45`, `"ban":0`, 1), "ban is above"},
		{"removing a level above one's own", open, user, "m.room.power_levels", "", strings.Replace(openLevels, `"ban":45,`, ``, 1), "ban is above"},

		{"events: changing one above", nil, moderator, "m.room.power_levels", "", change(`"m.room.topic":75`, `"m.room.topic":50`), "m.room.topic in events is above"},
		{"events: removing one above", nil, moderator, "m.room.power_levels", "", change(`"m.room.topic":75,`, ``), "m.room.topic in events is above"},
		{"events: raising above", nil, moderator, "m.room.power_levels", "", change(`"m.room.name":50`, `"m.room.name":51`), "m.room.name in events is set above"},
		{"events: adding above", nil, moderator, "m.room.power_levels", "", change(`"m.room.name":50`, `"m.room.name":50,"a":51`), "a in events is set above"},
		{"events: adding, raising, removing", nil, moderator, "m.room.power_levels", "", change(`"m.room.name":50,`, `"a":50,"m.room.tombstone":-5,`), ""},
		{"notifications: changing one above", nil, moderator, "m.room.power_levels", "", change(`"high":60`, `"high":50`), "high in notifications is above"},
		{"notifications: raising above", nil, moderator, "m.room.power_levels", "", change(`"room":50`, `"room":51`), "room in notifications is set above"},
		{"notifications: lowering", nil, moderator, "m.room.power_levels", "", change(`"room":50`, `"room":0`), ""},

		{"users: changing a peer", nil, moderator, "m.room.power_levels", "", change(`"@peer:b.fr":50`, `"@peer:b.fr":49`), "@peer:b.fr has the same power level"},
		{"users: removing a peer", nil, moderator, "m.room.power_levels", "", change(`,"@peer:b.fr":50`, ``), "@peer:b.fr has the same power level"},
		{"users: lowering oneself", nil, moderator, "m.room.power_levels", "", change(`"@moderator:a.fr":50`, `"@moderator:a.fr":0`), ""},
		{"users: removing oneself", nil, moderator, "m.room.power_levels", "", change(`"@moderator:a.fr":50,`, ``), ""},
		{"users: raising oneself", nil, moderator, "m.room.power_levels", "", change(`"@moderator:a.fr":50`, `"@moderator:a.fr":51`), "@moderator:a.fr in users is set above"},
		{"users: adding a peer", nil, moderator, "m.room.power_levels", "", change(`"@peer:b.fr":50`, `"@peer:b.fr":50,"@user:a.fr":50`), ""},
		{"users: adding above", nil, moderator, "m.room.power_levels", "", change(`"@peer:b.fr":50`, `"@peer:b.fr":50,"@user:a.fr":51`), "@user:a.fr in users is set above"},
		{"users: someone above", []entry{{creator, "m.room.power_levels", "", change(`"@peer:b.fr":50`, `"@peer:b.fr":99`)}}, moderator, "m.room.power_levels", "", levels, "@peer:b.fr in users is above"},
		{"not enough to send it", nil, user, "m.room.power_levels", "", levels, "needs power level 30"},
	}
	run(t, "12", attempts)
	const readable = "@peer:b.fr has the same power level" // and is not in users any more
	runBefore12(t, attempts, map[string]before{
		"another state key":                 {10, readable}, // its ban is "1"
		"type of users_default":             {10, readable}, // "0"
		"type in events":                    {10, readable},
		"type in users":                     {10, readable},
		"type in notifications":             {6, readable},
		"notifications: changing one above": {6, ""},
		"notifications: raising above":      {6, ""},
	})
	run(t, "12", []attempt{
		{"listing the creator", nil, moderator, "m.room.power_levels", "", `{"users":{"` + creator + `":1}}`, "users lists the creator"},
		{"listing an additional creator", nil, creator, "m.room.power_levels", "", `{"users":{"` + second + `":1}}`, "users lists the creator"},
		{"creators set what they like", nil, second, "m.room.power_levels", "", `{"ban":9007199254740991,"events":{"a":9007199254740991},"users":{"@user:a.fr":9007199254740991}}`, ""},
	})
	run(t, "11", []attempt{{"listing the creator", nil, moderator, "m.room.power_levels", "", change(`"@peer:b.fr":50`, `"@peer:b.fr":50,"@creator:a.fr":1`), ""}})
}
