// Package passwordrule says whether a password that somebody chooses is good enough.
package passwordrule

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The CNIL's rule (délibération 2022-100): 12 characters of four classes, 14 of three, or a passphrase of seven words.
const (
	fullLength      = 12
	longerLength    = 14
	passphraseWords = 7
	maxPassword     = 512 // bytes, as accounts takes them
)

// A Problem is something that a password lacks.
type Problem struct {
	Key    string // of the message: password_missing, _too_long, _short, _longer, _no_lower, _no_upper, _no_digit or _no_special
	Length int    // of the password in characters, where the message tells it
}

// Problems says what a password lacks; nothing where it is good.
func Problems(password string) []Problem {
	length, missing := utf8.RuneCountInString(password), missingClasses(password)
	switch {
	case password == "":
		return []Problem{{Key: "password_missing"}}
	case len(password) > maxPassword:
		return []Problem{{Key: "password_too_long"}}
	case words(password) >= passphraseWords,
		length >= fullLength && len(missing) == 0,
		length >= longerLength && len(missing) <= 1:
		return nil
	}
	var problems []Problem
	if length < fullLength {
		problems = append(problems, Problem{Key: "password_short", Length: length})
	} else if len(missing) == 1 {
		problems = append(problems, Problem{Key: "password_longer", Length: length})
	}
	for _, class := range missing {
		problems = append(problems, Problem{Key: "password_no_" + class})
	}
	return problems
}

// missingClasses names the classes of characters that a password has none of. A character of a script without capitals counts as special.
func missingClasses(password string) (missing []string) {
	has := map[string]bool{}
	for _, r := range password {
		switch {
		case unicode.IsLower(r):
			has["lower"] = true
		case unicode.IsUpper(r):
			has["upper"] = true
		case unicode.IsDigit(r):
			has["digit"] = true
		default:
			has["special"] = true
		}
	}
	for _, class := range []string{"lower", "upper", "digit", "special"} {
		if !has[class] {
			missing = append(missing, class)
		}
	}
	return missing
}

// words counts the different words of at least two letters.
func words(password string) int {
	seen := map[string]bool{}
	for _, word := range strings.FieldsFunc(strings.ToLower(password), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if utf8.RuneCountInString(word) > 1 {
			seen[word] = true
		}
	}
	return len(seen)
}
