package push

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// whole matches a glob with a whole string. Spec: appendices, "Glob-style matching"; without regard to case.
func whole(glob string) func(string) bool {
	if !wild(glob) {
		return func(s string) bool { return strings.EqualFold(s, glob) }
	}
	return expression(`^(?:` + globExpression(glob) + `)$`)
}

// words matches a glob with a part of a string that begins and ends at the boundary of a word.
func words(glob string) func(string) bool {
	if !wild(glob) {
		return hasWord(glob)
	}
	return expression(`(?:^|[^A-Za-z0-9_])(?:` + globExpression(glob) + `)(?:$|[^A-Za-z0-9_])`)
}

func wild(glob string) bool { return strings.ContainsAny(glob, "*?") }

// hasWord is words for a text without wildcards.
func hasWord(word string) func(string) bool {
	return func(s string) bool {
		for i := 0; i <= len(s); i++ {
			if i > 0 && wordByte(s[i-1]) || i < len(s) && !utf8.RuneStart(s[i]) {
				continue
			}
			if end, ok := foldedPrefix(s[i:], word); ok && (i+end == len(s) || !wordByte(s[i+end])) {
				return true
			}
		}
		return false
	}
}

func wordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// foldedPrefix tells whether a text begins with another, without regard to case, and where that ends.
func foldedPrefix(s, prefix string) (end int, ok bool) {
	for _, want := range prefix {
		c, size := utf8.DecodeRuneInString(s[end:])
		if size == 0 || c != want && !folds(c, want) {
			return 0, false
		}
		end += size
	}
	return end, true
}

// folds tells whether two characters differ by case alone.
func folds(a, b rune) bool {
	for c := unicode.SimpleFold(a); c != a; c = unicode.SimpleFold(c) {
		if c == b {
			return true
		}
	}
	return false
}

// expression compiles a regular expression in RE2's syntax, which matches in linear time whatever a user writes. Too large ones match nothing.
func expression(expr string) func(string) bool {
	re, err := regexp.Compile(`(?is)` + expr)
	if err != nil {
		return func(string) bool { return false }
	}
	return re.MatchString
}

func globExpression(glob string) string {
	var b strings.Builder
	for _, c := range glob {
		switch c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	return b.String()
}
