package directory

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// folder gives texts the form in which they are searched: without case, accents, ligatures and the shapes of apostrophes, so that "ecole" finds "École".
// It is for one goroutine.
type folder struct {
	plain transform.Transformer
	signs *strings.Replacer
	cases cases.Caser
}

func newFolder() *folder {
	return &folder{plain: transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn))), cases: cases.Fold(),
		signs: strings.NewReplacer("œ", "oe", "æ", "ae", "’", "'", "ʼ", "'")}
}

func (f *folder) fold(text string) string {
	if isASCII(text) {
		return strings.ToLower(text)
	}
	plain, _, err := transform.String(f.plain, text)
	if err != nil {
		plain = text // can't be: none of the two steps fails
	}
	return f.signs.Replace(f.cases.String(plain))
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// fold is for a single text.
func fold(text string) string { return newFolder().fold(text) }

// matches tells whether a folded text has every word of a folded search.
func matches(text, search string) bool {
	for word := range strings.FieldsSeq(search) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
