package search

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Word is a word of a text.
type Word struct {
	Text  string // as it stands there, in lower case
	Exact string // without accents and ligatures
	Stem  string // what is searched: Exact without the ending of plural and gender
}

// maxWord is how long a word may be: what is longer is cut, since it is no word.
const maxWord = 64

// Words cuts a text into words: letters and digits between anything else. An article or pronoun that lost its vowel (l', qu') is no word.
// Writings without spaces give a word per character.
func Words(text string) []Word {
	var words []Word
	start := -1
	end := func(i int) {
		if start >= 0 {
			words = append(words, newWord(text[start:i]))
		}
		start = -1
	}
	for i, r := range text {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai):
			end(i)
			words = append(words, newWord(string(r)))
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r) && start >= 0:
			if start < 0 {
				start = i
			}
		case isApostrophe(r) && start >= 0 && elided(text[start:i]):
			start = -1
		default:
			end(i)
		}
	}
	end(len(text))
	return words
}

func newWord(text string) Word {
	w := Word{Text: strings.ToLower(text)}
	w.Exact = fold(w.Text)
	if len(w.Exact) > maxWord {
		w.Exact = strings.ToValidUTF8(w.Exact[:maxWord], "")
	}
	w.Stem = stem(w.Exact)
	return w
}

func isApostrophe(r rune) bool {
	return r == '\'' || r == '’' || r == 'ʼ' || r == '‘' || r == '´'
}

// elided tells whether a word is one that stands before an apostrophe instead of itself.
func elided(word string) bool {
	switch strings.ToLower(word) {
	case "l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu":
		return true
	}
	return false
}

// fold takes accents, ligatures and other variants of letters away.
func fold(lower string) string {
	if isASCII(lower) {
		return lower
	}
	var out strings.Builder
	for _, r := range norm.NFKD.String(lower) {
		switch r {
		case 'œ':
			out.WriteString("oe")
		case 'æ':
			out.WriteString("ae")
		case 'ß':
			out.WriteString("ss")
		case 'ø':
			out.WriteByte('o')
		case 'ł':
			out.WriteByte('l')
		default:
			if unicode.IsLetter(r) || unicode.IsDigit(r) { // marks go, and what a compatibility form is put together with
				out.WriteRune(unicode.ToLower(r))
			}
		}
	}
	return out.String()
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// stems writes words as the index takes them.
func stems(words []Word) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w.Stem
	}
	return strings.Join(out, " ")
}
