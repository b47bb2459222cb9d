package adminapi

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"beffroi/server/look/looktest"
	"beffroi/server/passwordrule"
)

func TestPageTextsAreComplete(t *testing.T) { looktest.Complete(t, embedded, "messages", languages()) }

// The page can be drawn in every language, whatever it says, and every text stands on it.
func TestPasswordPages(t *testing.T) {
	unused := looktest.Texts(t, embedded, "messages", "fr")
	layout, err := embedded.ReadFile("page/password.html")
	if err != nil {
		t.Fatal(err)
	}
	var all []passwordrule.Problem
	for key := range unused {
		if strings.HasPrefix(key, "password_") {
			all = append(all, passwordrule.Problem{Key: key, Length: 7})
		}
	}
	for lang, page := range passwordPages() {
		for _, v := range []passwordView{{Page: "choose"}, {Page: "choose", Problems: all}, {Page: "done"}, {Page: "gone"}} {
			delete(unused, v.Page+"_title")
			delete(unused, v.Page+"_lead")
			v.Lang, v.UserID = lang, "<b>@a:mairie.test"
			var drawn strings.Builder
			if err := page.Execute(&drawn, v); err != nil {
				t.Fatal(lang, v.Page, err)
			}
			if text := drawn.String(); strings.Contains(text, "<no value>") || strings.Contains(text, "<b>") || strings.Contains(text, "<form") != (v.Page == "choose") ||
				strings.Count(text, "<li>") != len(v.Problems) {
				t.Errorf("%s %s: %s", lang, v.Page, text)
			}
		}
	}
	maps.DeleteFunc(unused, func(key, _ string) bool {
		return strings.Contains(string(layout), `"`+key+`"`) || strings.HasPrefix(key, "lang_") || strings.HasPrefix(key, "password_")
	})
	if len(unused) > 0 {
		t.Errorf("nobody says %q", slices.Collect(maps.Keys(unused)))
	}
}
