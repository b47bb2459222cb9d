package mailpage

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"beffroi/server/look/looktest"
	"beffroi/server/threepid"
)

// Every language says everything, with the same values in it.
func TestTextsAreComplete(t *testing.T) { looktest.Complete(t, embedded, "messages", languages()) }

// Every page can be drawn in every language, and every text stands on one.
func TestPages(t *testing.T) {
	templates, err := parse()
	if err != nil {
		t.Fatal(err)
	}
	layout, err := os.ReadFile("pages/layout.html")
	if err != nil {
		t.Fatal(err)
	}
	unused := looktest.Texts(t, embedded, "messages", "fr")
	for _, page := range []string{"add", "register", "reset", "add_done", "register_done", "reset_done", "leave", "leave_done", "gone"} {
		asks := !strings.HasSuffix(page, "_done") && page != "gone"
		for _, lang := range languages() {
			v := view{Page: page, Asks: asks, Path: threepid.Path, Here: threepid.Path, Token: `"><script>`, Lang: lang, Town: "<b>Mairie</b>",
				Opened: threepid.Opened{Address: "a@mairie.test", UserID: "@a:mairie.test"}}
			var drawn strings.Builder
			if err := templates[lang].Execute(&drawn, v); err != nil {
				t.Fatal(page, lang, err)
			}
			for _, never := range []string{"<no value>", "<script", "<b>"} {
				if strings.Contains(drawn.String(), never) {
					t.Errorf("%s %s has %s", page, lang, never)
				}
			}
			if strings.Contains(drawn.String(), "<form") != asks {
				t.Errorf("%s %s: form", page, lang)
			}
		}
		for _, part := range []string{"_title", "_lead", "_button", "_note"} {
			delete(unused, page+part)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(unused)) {
		if !strings.Contains(string(layout), `"`+key+`"`) && !strings.HasPrefix(key, "lang_") {
			t.Errorf("nobody says %s", key)
		}
	}
}
