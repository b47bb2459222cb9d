package mailpage

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"beffroi/server/threepid"
)

func texts(t *testing.T, lang string) map[string]string {
	t.Helper()
	m := map[string]string{}
	if _, err := toml.DecodeFS(embedded, "messages/"+lang+".toml", &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// Every language says everything, with the same values in it.
func TestTextsAreComplete(t *testing.T) {
	french := texts(t, languages()[0])
	holes := regexp.MustCompile(`\{\{[^}]*\}\}`)
	for _, lang := range languages()[1:] {
		other := texts(t, lang)
		for key, text := range french {
			a, b := holes.FindAllString(text, -1), holes.FindAllString(other[key], -1)
			if other[key] == "" || !slices.Equal(a, b) {
				t.Errorf("%s: %s is missing, or has %q, want %q", lang, key, b, a)
			}
		}
		if len(other) != len(french) {
			t.Errorf("%s says more", lang)
		}
	}
	for key, text := range french {
		if regexp.MustCompile(` [:;?!»]|« `).MatchString(text) {
			t.Errorf("%s: an ordinary space beside a double sign: %s", key, text)
		}
	}
}

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
	unused := texts(t, "fr")
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
