package search

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFrenchWordsThatFindEachOther(t *testing.T) {
	text, err := os.ReadFile("testdata/pairs.txt")
	if err != nil {
		t.Fatal(err)
	}
	n, missed := 0, 0
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if f[0] == "#" {
			continue
		}
		n++
		a, b := stems(Words(f[1])), stems(Words(f[2]))
		if (a == b) != (f[0] == "=") {
			missed++
			t.Errorf("%s %s %s: %q and %q", f[1], f[0], f[2], a, b)
		}
	}
	if n < 100 {
		t.Errorf("only %d pairs", n)
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		" ,;!\"*()^:-+ ":                "",
		"L'école d’accord, qu’il":       "ecol accord il",
		"aujourd'hui":                   "aujourd hui",
		"procès-verbal n° 12":           "proc verbal n 12",
		"e\u0301te\u0301":               "ete",
		"会議です":                          "会 議 て す",
		"it's":                          "it s",
		"l":                             "l",
		"a.b@commune.fr":                "a b commun fr",
		"Ångström":                      "angstrom",
		"Привет, мир":                   "привет мир",
		"\x00\xff":                      "",
		"l'" + strings.Repeat("é", 100): strings.Repeat("e", 64),
	} {
		if got := exactOrStem(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// exactOrStem shows stems but where a word is one letter repeated.
func exactOrStem(text string) string {
	words := Words(text)
	if len(words) == 1 && len(words[0].Exact) == maxWord {
		return words[0].Exact
	}
	return stems(words)
}

func FuzzWords(f *testing.F) {
	f.Add("L'école d’été, œuvres 1 200 €\x00")
	f.Add("ﷺ İıſ \xff\xfe")
	f.Fuzz(func(t *testing.T, text string) {
		for _, w := range Words(text) {
			if w.Stem == "" && w.Exact != "" {
				t.Errorf("%q has no stem", w.Exact)
			}
			if !utf8.ValidString(w.Stem) || strings.ContainsAny(w.Stem, " \"'*():^+-{}\x00") {
				t.Errorf("%q of %q", w.Stem, text)
			}
			if len(w.Exact) > maxWord {
				t.Errorf("%q is %d bytes long", w.Exact, len(w.Exact))
			}
		}
	})
}
