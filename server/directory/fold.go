package directory

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// fold gives a text the form in which it is searched: without case, accents, ligatures and the shapes of apostrophes, so that "ecole" finds "École".
func fold(text string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn))), text)
	if err != nil {
		plain = text // can't be: none of the two steps fails
	}
	return strings.NewReplacer("œ", "oe", "æ", "ae", "’", "'", "ʼ", "'").Replace(cases.Fold().String(plain))
}

// matches tells whether a folded text has every word of a folded search.
func matches(text, search string) bool {
	for word := range strings.FieldsSeq(search) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
