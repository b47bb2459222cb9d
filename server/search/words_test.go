package search

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

type pair struct {
	a, b string
	same bool
}

func pairs(t *testing.T) (list []pair) {
	t.Helper()
	text, err := os.ReadFile("testdata/pairs.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); f[0] != "#" {
			list = append(list, pair{f[1], f[2], f[0] == "="})
		}
	}
	if len(list) < 90 {
		t.Fatalf("only %d pairs", len(list))
	}
	return list
}

func TestFrenchWordsThatFindEachOther(t *testing.T) {
	for _, p := range pairs(t) {
		a, b := stems(Words(p.a)), stems(Words(p.b))
		if (a == b) != p.same {
			t.Errorf("%s, %s: %q and %q, want the same: %v", p.a, p.b, a, b, p.same)
		}
	}
}

// The other way would be to search beginnings of words, without stems: it is held against the same pairs, each asked from both sides.
func TestPrefixesWouldBeWorse(t *testing.T) {
	exact := func(text string) string {
		var out []string
		for _, w := range Words(text) {
			out = append(out, w.Exact)
		}
		return strings.Join(out, " ")
	}
	missed, wrong, all := 0, 0, pairs(t)
	for _, p := range all {
		a, b := exact(p.a), exact(p.b)
		switch {
		case p.same && !(strings.HasPrefix(a, b) && strings.HasPrefix(b, a)):
			missed++ // from one side at least
		case !p.same && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)):
			wrong++
		}
	}
	t.Logf("of %d pairs prefixes miss %d and find %d that they should not", len(all), missed, wrong)
	if missed < 40 || wrong < 5 {
		t.Error("prefixes are not much worse: look at stem.go again")
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

// TestQueriesAreShort: the index reads the whole list of each word, in a phrase too, before it gives a row. 500 words cost it a second in 50,000 messages.
func TestQueriesAreShort(t *testing.T) {
	for _, term := range []string{strings.Repeat("le ", 500), `"` + strings.Repeat("le ", 500) + `"`, strings.Repeat(`"le la" `, 100), strings.Repeat("a-", 400) + " le"} {
		q, words := parseQuery(term), 0
		for _, phrase := range q.phrases {
			words += len(phrase)
		}
		if words == 0 || words > 30 {
			t.Errorf("%.20q: %d words", term, words)
		}
	}
}
