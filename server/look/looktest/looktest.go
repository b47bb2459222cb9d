// Package looktest is for tests of the texts that look.Say reads: a file for each language, the first of which is the source, French.
package looktest

import (
	"io/fs"
	"regexp"
	"slices"
	"testing"

	"github.com/BurntSushi/toml"
)

// Texts are the texts of a language by their keys.
func Texts(t testing.TB, files fs.FS, folder, lang string) map[string]string {
	t.Helper()
	m := map[string]string{}
	if _, err := toml.DecodeFS(files, folder+"/"+lang+".toml", &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// Complete finds fault where a language does not say everything that the first one does, and nothing else, with the same values in it; and where the
// French is not typeset as French is.
func Complete(t testing.TB, files fs.FS, folder string, languages []string) {
	t.Helper()
	source := Texts(t, files, folder, languages[0])
	for _, lang := range languages[1:] {
		other := Texts(t, files, folder, lang)
		for key, text := range source {
			if want, got := values(text), values(other[key]); other[key] == "" || !slices.Equal(got, want) {
				t.Errorf("%s: %s is missing, or has %q, want %q", lang, key, got, want)
			}
		}
		for key := range other {
			if source[key] == "" {
				t.Errorf("%s lacks %s", languages[0], key)
			}
		}
	}
	typeset(t, Texts(t, files, folder, "fr"))
}

// values are what a text has of others, each once.
func values(text string) []string {
	all := regexp.MustCompile(`\{\{[^}]*\}\}`).FindAllString(text, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

func typeset(t testing.TB, french map[string]string) {
	t.Helper()
	for key, text := range french {
		if regexp.MustCompile(` [:;?!»]|« `).MatchString(text) {
			t.Errorf("%s: an ordinary space beside a double sign: %s", key, text)
		}
		if regexp.MustCompile(`\pL'\pL`).MatchString(text) {
			t.Errorf("%s: a straight apostrophe: %s", key, text)
		}
	}
}
