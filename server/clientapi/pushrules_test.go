package clientapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"beffroi/server/push"
	"beffroi/server/store"
)

const pushrules = "/_matrix/client/v3/pushrules/"

// order is the ids of a user's rules of one kind, but for default ones.
func (s *contentServer) order(user, kind string) string {
	s.t.Helper()
	var all struct {
		Global map[string][]push.Rule `json:"global"`
	}
	if err := json.Unmarshal(s.ok(user, "GET", pushrules, ""), &all); err != nil {
		s.t.Fatal(err)
	}
	var ids []string
	for _, r := range all.Global[kind] {
		if !r.Default {
			ids = append(ids, r.RuleID)
		}
	}
	return strings.Join(ids, " ")
}

func TestPushRulesAreServedInFull(t *testing.T) {
	s := newContentServer(t)
	var global push.Ruleset
	if err := json.Unmarshal(s.ok(alice, "GET", pushrules+"global/", ""), &global); err != nil {
		t.Fatal(err)
	}
	if asJSON(t, global) != asJSON(t, push.Defaults(alice)) {
		t.Fatalf("%s", asJSON(t, global))
	}
	s.ok(alice, "PUT", pushrules+"global/override/mine", `{"actions":[]}`)
	all := s.ok(alice, "GET", pushrules, "")
	ids := strings.Index(string(all), ".m.rule.master") < strings.Index(string(all), `"mine"`) &&
		strings.Index(string(all), `"mine"`) < strings.Index(string(all), ".m.rule.suppress_notices")
	if !ids {
		t.Fatalf("master, mine, the other defaults: %s", all)
	}
	data := s.ok(alice, "GET", "/_matrix/client/v3/user/"+alice+"/account_data/m.push_rules", "")
	if !sameJSON(t, string(data), string(all)) {
		t.Fatalf("as account data: %s", data)
	}
	user := s.Atom(alice)
	stored := read(s, func(r *store.Reader) (store.AccountData, error) { return r.AccountData(user, 0, store.AtomPushRules) })
	content, err := push.Content(stored.Content, alice)
	if err != nil || !sameJSON(t, string(content), string(all)) {
		t.Fatalf("in sync: %s, %v", content, err)
	}
	if strings.Contains(string(stored.Content), "suppress_notices") {
		t.Fatalf("stored in full: %s", stored.Content)
	}
}

func TestOwnPushRules(t *testing.T) {
	s := newContentServer(t)
	rules := pushrules + "global/content/"
	if !s.wakes(alice, func() {
		s.ok(alice, "PUT", rules+"one", `{"pattern":"cake*lie","actions":["notify","dont_notify",{"set_tweak":"sound","value":"x"}],"conditions":[]}`)
	}) {
		t.Fatal("not woken")
	}
	want := `{"rule_id":"one","default":false,"enabled":true,"pattern":"cake*lie","actions":["notify","dont_notify",{"set_tweak":"sound","value":"x"}]}`
	if got := s.ok(alice, "GET", rules+"one", ""); !sameJSON(t, string(got), want) {
		t.Fatalf("%s, want %s", got, want)
	}
	if s.order(bob, "content") != "" {
		t.Fatal("bob has alice's rule")
	}

	put := func(path string) { s.ok(alice, "PUT", rules+path, `{"pattern":"x","actions":[]}`) }
	step := func(name, want string) {
		t.Helper()
		if got := s.order(alice, "content"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	put("two")
	step("a new rule comes first", "two one")
	put("three?after=two")
	step("after", "two three one")
	put("four?before=one")
	step("before", "two three four one")
	put("five?before=three&after=one")
	step("before wins over after", "two five three four one")
	put("four")
	step("a changed rule stays", "two five three four one")
	put("one?before=two")
	step("a changed rule moves", "one two five three four")
	put("two?after=four")
	step("to the end", "one five three four two")

	s.ok(alice, "PUT", rules+"one/enabled", `{"enabled":false}`)
	put("one")
	if got := s.ok(alice, "GET", rules+"one/enabled", ""); !sameJSON(t, string(got), `{"enabled":false}`) {
		t.Fatalf("a changed rule stays disabled: %s", got)
	}
	s.ok(alice, "PUT", rules+"one/actions", `{"actions":["notify"]}`)
	if got := s.ok(alice, "GET", rules+"one/actions", ""); !sameJSON(t, string(got), `{"actions":["notify"]}`) {
		t.Fatalf("actions: %s", got)
	}
	s.ok(alice, "DELETE", rules+"one", "")
	step("deleted", "five three four two")
}

func TestDefaultPushRulesCanBeChanged(t *testing.T) {
	s := newContentServer(t)
	master, message := pushrules+"global/override/.m.rule.master", pushrules+"global/underride/.m.rule.message"
	s.ok(alice, "PUT", master+"/enabled", `{"enabled":true}`)
	s.ok(alice, "PUT", message+"/actions", `{"actions":["notify",{"set_tweak":"sound","value":"bell"}]}`)
	want := `{"rule_id":".m.rule.master","default":true,"enabled":true,"conditions":[],"actions":[]}`
	if got := s.ok(alice, "GET", master, ""); !sameJSON(t, string(got), want) {
		t.Fatalf("%s, want %s", got, want)
	}
	if got := s.ok(alice, "GET", message+"/actions", ""); !strings.Contains(string(got), "bell") {
		t.Fatalf("%s", got)
	}
	if got := s.ok(bob, "GET", master+"/enabled", ""); !sameJSON(t, string(got), `{"enabled":false}`) {
		t.Fatalf("bob's: %s", got)
	}
	s.ok(alice, "PUT", message+"/actions", `{"actions":[]}`)
	if got := s.ok(alice, "GET", message+"/actions", ""); !sameJSON(t, string(got), `{"actions":[]}`) {
		t.Fatalf("no actions: %s", got)
	}
}

func TestPushRuleRefusals(t *testing.T) {
	s := newContentServer(t)
	s.ok(alice, "PUT", pushrules+"global/override/mine", `{"actions":[]}`)
	own, unknown := pushrules+"global/override/mine", pushrules+"global/override/none"
	const bad, notFound = http.StatusBadRequest, http.StatusNotFound
	for name, c := range map[string]struct {
		method, path, body, errcode string
		status                      int
	}{
		"get unknown":              {"GET", unknown, "", "M_NOT_FOUND", notFound},
		"get of another kind":      {"GET", pushrules + "global/room/mine", "", "M_NOT_FOUND", notFound},
		"get unknown kind":         {"GET", pushrules + "global/postcontent/mine", "", "M_NOT_FOUND", notFound},
		"enable unknown kind":      {"PUT", pushrules + "global/postcontent/mine/enabled", `{"enabled":true}`, "M_NOT_FOUND", notFound},
		"delete of unknown kind":   {"DELETE", pushrules + "global/postcontent/mine", "", "M_NOT_FOUND", notFound},
		"enabled of unknown":       {"GET", unknown + "/enabled", "", "M_NOT_FOUND", notFound},
		"actions of unknown":       {"GET", unknown + "/actions", "", "M_NOT_FOUND", notFound},
		"enable unknown":           {"PUT", unknown + "/enabled", `{"enabled":true}`, "M_NOT_FOUND", notFound},
		"enable unknown default":   {"PUT", pushrules + "global/override/.m.rule.none/enabled", `{"enabled":true}`, "M_NOT_FOUND", notFound},
		"enabled missing":          {"PUT", own + "/enabled", `{}`, "M_BAD_JSON", bad},
		"actions for unknown":      {"PUT", unknown + "/actions", `{"actions":[]}`, "M_NOT_FOUND", notFound},
		"actions missing":          {"PUT", own + "/actions", `{}`, "M_BAD_JSON", bad},
		"delete unknown":           {"DELETE", unknown, "", "M_NOT_FOUND", notFound},
		"delete default":           {"DELETE", pushrules + "global/override/.m.rule.master", "", "M_INVALID_PARAM", bad},
		"dot":                      {"PUT", pushrules + "global/override/.mine", `{"actions":[]}`, "M_INVALID_PARAM", bad},
		"slash":                    {"PUT", pushrules + "global/override/a%2Fb", `{"actions":[]}`, "M_INVALID_PARAM", bad},
		"backslash":                {"PUT", pushrules + "global/override/a%5Cb", `{"actions":[]}`, "M_INVALID_PARAM", bad},
		"unknown kind":             {"PUT", pushrules + "global/postcontent/x", `{"actions":[]}`, "M_INVALID_PARAM", bad},
		"no actions":               {"PUT", own, `{}`, "M_BAD_JSON", bad},
		"unknown action":           {"PUT", own, `{"actions":["sing"]}`, "M_BAD_JSON", bad},
		"action without tweak":     {"PUT", own, `{"actions":[{"value":1}]}`, "M_BAD_JSON", bad},
		"action null":              {"PUT", own, `{"actions":[null]}`, "M_BAD_JSON", bad},
		"condition without kind":   {"PUT", own, `{"actions":[],"conditions":[{"key":"type"}]}`, "M_BAD_JSON", bad},
		"condition no object":      {"PUT", own, `{"actions":[],"conditions":["x"]}`, "M_BAD_JSON", bad},
		"content without pattern":  {"PUT", pushrules + "global/content/x", `{"actions":[]}`, "M_BAD_JSON", bad},
		"before unknown":           {"PUT", own + "?before=none", `{"actions":[]}`, "M_UNKNOWN", bad},
		"after itself":             {"PUT", own + "?after=mine", `{"actions":[]}`, "M_UNKNOWN", bad},
		"before a default rule":    {"PUT", own + "?before=.m.rule.master", `{"actions":[]}`, "M_UNKNOWN", bad},
		"other scope than global":  {"GET", pushrules + "device/override/mine", "", "M_UNRECOGNIZED", notFound},
		"more than can be stored":  {"PUT", own, `{"actions":[{"set_tweak":"` + strings.Repeat("x", 130<<10) + `"}]}`, "M_TOO_LARGE", http.StatusRequestEntityTooLarge},
		"directly as account data": {"PUT", "/_matrix/client/v3/user/" + alice + "/account_data/m.push_rules", `{}`, "M_BAD_JSON", http.StatusMethodNotAllowed},
	} {
		t.Run(name, func(t *testing.T) { s.want(c.status, c.errcode, alice, c.method, c.path, c.body) })
	}
	s.want(http.StatusUnauthorized, "M_MISSING_TOKEN", "", "GET", pushrules, "")
	if got := s.order(alice, "override"); got != "mine" {
		t.Fatalf("changed: %s", got)
	}
}

func TestConcurrentChangesOfPushRulesAllCount(t *testing.T) {
	s := newContentServer(t)
	const n = 20
	done := make(chan int, n)
	for i := range n {
		go func() {
			req, err := http.NewRequestWithContext(t.Context(), "PUT", s.url+pushrules+"global/room/!"+string(rune('a'+i)), strings.NewReader(`{"actions":[]}`))
			if err != nil {
				done <- 0
				return
			}
			req.Header.Set("Authorization", "Bearer "+alice)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				done <- 0
				return
			}
			resp.Body.Close()
			done <- resp.StatusCode
		}()
	}
	for range n {
		if status := <-done; status != http.StatusOK {
			t.Errorf("status %d", status)
		}
	}
	if got := len(strings.Fields(s.order(alice, "room"))); got != n {
		t.Fatalf("%d rules of %d", got, n)
	}
}
