package push

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"beffroi/server/pdu"
)

// event makes an event as it is stored.
func event(t testing.TB, sender, kind, stateKey, content string) *pdu.Event {
	t.Helper()
	fields := map[string]any{"content": json.RawMessage(content), "sender": sender, "type": kind, "room_id": "!r", "depth": 1,
		"origin_server_ts": 1, "auth_events": []string{}, "prev_events": []string{}, "signatures": map[string]any{},
		"hashes": map[string]string{"sha256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}
	if stateKey != "-" {
		fields["state_key"] = stateKey
	}
	b, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	rules, _ := pdu.RulesFor("12")
	e, err := pdu.FromStore(rules, "$e", b, false)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

type fakeRoom struct {
	members int
	may     bool
	name    string

	mentioned bool
}

func (r fakeRoom) MemberCount() int                      { return r.members }
func (r fakeRoom) MayNotify(_, key string) bool          { return r.may && key == "room" }
func (r fakeRoom) displayName() string                   { return r.name }
func (r fakeRoom) isReader(userID string) bool           { return userID == "@me:test" }
func (r fakeRoom) mentionsReader() bool                  { return r.mentioned }
func rulesOf(c *changes, userID string) (m matchers)     { all := c.expand(userID); return compile(&all) }
func conditions(t *testing.T, text string) (c Condition) { unmarshal(t, text, &c); return c }

// nobody is a room seen by nobody in particular.
type nobody struct{ fakeRoom }

func (nobody) isReader(string) bool { return false }
func (nobody) mentionsReader() bool { return false }

func unmarshal(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatal(err)
	}
}

// The file holds the definitions of the specification's chapter "Predefined Rules" (v1.19), in its order.
func TestDefaultsAreTheSpecifications(t *testing.T) {
	spec, err := os.ReadFile("testdata/predefined-rules.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string][]any
	unmarshal(t, string(spec), &want)
	all := Defaults("[the user's Matrix ID]")
	got, err := json.Marshal(map[string][]Rule{"override": all.Override, "underride": all.Underride})
	if err != nil {
		t.Fatal(err)
	}
	var have map[string][]any
	unmarshal(t, string(got), &have)
	if asJSON(t, have) != asJSON(t, want) {
		t.Fatalf("have %s\nwant %s", asJSON(t, have), asJSON(t, want))
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDefaultRules(t *testing.T) {
	const me, other = "@me:test", "@other:test"
	for name, c := range map[string]struct {
		event  *pdu.Event
		room   fakeRoom
		want   effect
		everyb bool
	}{
		"message":             {event(t, other, "m.room.message", "-", `{"msgtype":"m.text","body":"hi"}`), fakeRoom{members: 5}, effect{true, false}, true},
		"message to one":      {event(t, other, "m.room.message", "-", `{"msgtype":"m.text","body":"hi"}`), fakeRoom{members: 2}, effect{true, false}, true},
		"encrypted":           {event(t, other, "m.room.encrypted", "-", `{}`), fakeRoom{members: 5}, effect{true, false}, true},
		"notice":              {event(t, other, "m.room.message", "-", `{"msgtype":"m.notice","body":"hi"}`), fakeRoom{}, effect{}, false},
		"edit":                {event(t, other, "m.room.message", "-", `{"msgtype":"m.text","m.relates_to":{"rel_type":"m.replace"}}`), fakeRoom{}, effect{}, false},
		"reaction":            {event(t, other, "m.reaction", "-", `{}`), fakeRoom{}, effect{}, false},
		"topic":               {event(t, other, "m.room.topic", "", `{}`), fakeRoom{}, effect{}, false},
		"call":                {event(t, other, "m.call.invite", "-", `{}`), fakeRoom{}, effect{true, false}, true},
		"tombstone":           {event(t, other, "m.room.tombstone", "", `{}`), fakeRoom{}, effect{true, true}, true},
		"no tombstone":        {event(t, other, "m.room.tombstone", "-", `{}`), fakeRoom{}, effect{}, false},
		"invitation for me":   {event(t, other, "m.room.member", me, `{"membership":"invite"}`), fakeRoom{}, effect{true, false}, false},
		"another's":           {event(t, other, "m.room.member", other, `{"membership":"invite"}`), fakeRoom{}, effect{}, false},
		"mention":             {event(t, other, "m.room.message", "-", `{"body":"x","m.mentions":{"user_ids":["@x:test","@me:test"]}}`), fakeRoom{mentioned: true}, effect{true, true}, true},
		"mention of others":   {event(t, other, "m.room.message", "-", `{"body":"@me:test","m.mentions":{"user_ids":["@x:test"]}}`), fakeRoom{}, effect{true, false}, true},
		"mention in sticker":  {event(t, other, "m.sticker", "-", `{"m.mentions":{"user_ids":["@me:test"]}}`), fakeRoom{mentioned: true}, effect{true, true}, false},
		"room mention":        {event(t, other, "m.room.message", "-", `{"m.mentions":{"room":true}}`), fakeRoom{may: true}, effect{true, true}, true},
		"room mention, weak":  {event(t, other, "m.room.message", "-", `{"m.mentions":{"room":true}}`), fakeRoom{}, effect{true, false}, true},
		"room mention, text":  {event(t, other, "m.room.message", "-", `{"m.mentions":{"room":"true"}}`), fakeRoom{may: true}, effect{true, false}, true},
		"type looks like one": {event(t, other, "xm.room.messagex", "-", `{}`), fakeRoom{}, effect{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := rulesOf(&changes{}, me).match(c.event, c.room); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			if got := New(nil, nil).defaults.match(c.event, nobody{c.room}).notify; got != c.everyb {
				t.Errorf("notifies everybody: %v", got)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	e := event(t, "@a:test", "m.room.message", "-", `{"body":"An exciting triple-whammy\nand more","topic":"Lunch plans","n":1,"no":null,"yes":true,
		"list":["a",1,{"x":1}],"a.b":{"c\\d":"found"},"object":{"x":1}}`)
	in := fakeRoom{members: 3, name: "Whammy"}
	for condition, want := range map[string]bool{
		`{"kind":"event_match","key":"content.topic","pattern":"lunc?*"}`:               true,
		`{"kind":"event_match","key":"content.topic","pattern":"lunch"}`:                false,
		`{"kind":"event_match","key":"content.topic","pattern":"LUNCH PLANS"}`:          true,
		`{"kind":"event_match","key":"content.topic","pattern":"*lunch"}`:               false,
		`{"kind":"event_match","key":"content.body","pattern":"ex*ple"}`:                true,
		`{"kind":"event_match","key":"content.body","pattern":"whammy"}`:                true,
		`{"kind":"event_match","key":"content.body","pattern":"wham"}`:                  false,
		`{"kind":"event_match","key":"content.body","pattern":"exciting*more"}`:         true,
		`{"kind":"event_match","key":"content.n","pattern":"*"}`:                        false,
		`{"kind":"event_match","key":"content.missing","pattern":"*"}`:                  false,
		`{"kind":"event_match","key":"content.topic"}`:                                  false,
		`{"kind":"event_match","key":"sender","pattern":"@a:test"}`:                     true,
		`{"kind":"event_match","key":"room_id","pattern":"!r"}`:                         true,
		`{"kind":"event_match","key":"content.a\\.b.c\\\\d","pattern":"found"}`:         true,
		`{"kind":"event_match","key":"content.a.b.c\\\\d","pattern":"found"}`:           false,
		`{"kind":"event_property_is","key":"content.n","value":1}`:                      true,
		`{"kind":"event_property_is","key":"content.n","value":"1"}`:                    false,
		`{"kind":"event_property_is","key":"content.no","value":null}`:                  true,
		`{"kind":"event_property_is","key":"content.missing","value":null}`:             false,
		`{"kind":"event_property_is","key":"content.yes","value":true}`:                 true,
		`{"kind":"event_property_is","key":"content.object","value":{"x":1}}`:           false,
		`{"kind":"event_property_is","key":"content.topic","value":"lunch plans"}`:      false,
		`{"kind":"event_property_contains","key":"content.list","value":"a"}`:           true,
		`{"kind":"event_property_contains","key":"content.list","value":1}`:             true,
		`{"kind":"event_property_contains","key":"content.list","value":"1"}`:           false,
		`{"kind":"event_property_contains","key":"content.list","value":{"x":1}}`:       false,
		`{"kind":"event_property_contains","key":"content.topic","value":"Lunch"}`:      false,
		`{"kind":"room_member_count","is":"3"}`:                                         true,
		`{"kind":"room_member_count","is":"==3"}`:                                       true,
		`{"kind":"room_member_count","is":"<3"}`:                                        false,
		`{"kind":"room_member_count","is":"<=3"}`:                                       true,
		`{"kind":"room_member_count","is":">2"}`:                                        true,
		`{"kind":"room_member_count","is":">=4"}`:                                       false,
		`{"kind":"room_member_count","is":"=3"}`:                                        false,
		`{"kind":"room_member_count","is":"+3"}`:                                        false,
		`{"kind":"room_member_count","is":""}`:                                          false,
		`{"kind":"contains_display_name"}`:                                              true,
		`{"kind":"sender_notification_permission","key":"room"}`:                        false,
		`{"kind":"org.example.moon_phase","phase":"full"}`:                              false,
		`{"kind":"event_property_is","key":"content.topic","value":"Lunch\u0020plans"}`: true,
	} {
		c := conditions(t, condition)
		if got := c.compile()(e, in); got != want {
			t.Errorf("%s: %v", condition, got)
		}
		if back := asJSON(t, c); strings.Join(strings.Fields(back), "") != strings.Join(strings.Fields(asJSON(t, json.RawMessage(condition))), "") {
			t.Errorf("%s is given back as %s", condition, back)
		}
	}
}

func TestImportance(t *testing.T) {
	var c changes
	yes, no := []Action{Action(`"notify"`), Action(`{"set_tweak":"highlight"}`)}, []Action{}
	cake, word := "cake", "beer"
	put := func(kind, id string, r Rule) {
		r.RuleID, r.Enabled = id, true
		if err := c.put(kind, r, "", ""); err != nil {
			t.Fatal(err)
		}
	}
	message := event(t, "@a:test", "m.room.message", "-", `{"body":"Cake and beer"}`)
	step := func(name string, want effect) {
		t.Helper()
		if got := rulesOf(&c, "@me:test").match(message, fakeRoom{members: 3}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	put(Sender, "@a:test", Rule{Actions: no})
	step("a silenced sender", effect{})
	put(Room, "!r", Rule{Actions: yes})
	step("a room is more important than a sender", effect{true, true})
	put(ContentK, "cake", Rule{Pattern: &cake, Actions: no})
	step("a word is more important than a room", effect{})
	put(ContentK, "beer", Rule{Pattern: &word, Actions: yes})
	step("a new rule is the most important of its kind", effect{true, true})
	put(Override, "silence", Rule{Conditions: []Condition{}, Actions: no})
	step("an override without conditions matches", effect{})
	if err := c.setEnabled(Override, "silence", false); err != nil {
		t.Fatal(err)
	}
	step("a disabled rule doesn't match", effect{true, true})
	if err := c.setEnabled(Override, ruleMaster, true); err != nil {
		t.Fatal(err)
	}
	step("the master is above all", effect{})
}

func TestHighlightWithValueFalse(t *testing.T) {
	if got := effectOf([]Action{Action(`"notify"`), Action(`{"set_tweak":"highlight","value":false}`)}); got != (effect{true, false}) {
		t.Fatalf("%+v", got)
	}
}

// A text without wildcards is found as the regular expression of the specification's words would.
func FuzzWords(f *testing.F) {
	for _, body := range []string{"a cake", "Cake!", "cakes", "_cake", "", "gâteau CAKE", "é", "cake", "ca ke\xe9cake"} {
		f.Add("cake", body)
		f.Add("é", body)
		f.Add("", body)
	}
	f.Fuzz(func(t *testing.T, word, body string) {
		if wild(word) || strings.ContainsAny(word+body, "\uFFFD\u017F\u212A") || !utf8.ValidString(word+body) { // ſ and K fold to letters
			return
		}
		want := expression(`(?:^|[^A-Za-z0-9_])(?:` + globExpression(word) + `)(?:$|[^A-Za-z0-9_])`)(body)
		if got := words(word)(body); got != want {
			t.Errorf("%q in %q: %v", word, body, got)
		}
	})
}

func FuzzPatterns(f *testing.F) {
	f.Add("content.m\\.relates_to", "ca*ke?", "a cake")
	f.Add("content.body", "((((", "((((")
	f.Fuzz(func(t *testing.T, key, pattern, body string) {
		content, err := json.Marshal(map[string]string{"body": body, "topic": body})
		if err != nil || strings.ContainsRune(body, '\uFFFD') {
			return
		}
		e := event(t, "@a:test", "m.room.message", "-", string(content))
		for _, k := range []string{key, "content.topic", "content.body"} {
			c := Condition{Kind: "event_match", Key: k, Pattern: &pattern}
			c.compile()(e, fakeRoom{})
		}
		if whole("*")(body) != true {
			t.Fatalf("* doesn't match %q", body)
		}
	})
}

// A rule with historical actions does what one without actions does: it matches, and nobody is notified.
func TestHistoricalActionsDoNothing(t *testing.T) {
	const me, other = "@me:test", "@other:test"
	var c changes
	unmarshal(t, `{"rules":{"sender":[{"rule_id":"@other:test","enabled":true,"actions":["dont_notify","coalesce"]}]}}`, &c)
	got := rulesOf(&c, me).match(event(t, other, "m.room.message", "-", `{"msgtype":"m.text","body":"hi"}`), fakeRoom{members: 5})
	if got != (effect{}) {
		t.Errorf("%+v", got)
	}
}
