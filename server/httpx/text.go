package httpx

import (
	"bytes"
	"strconv"
	"unicode/utf16"

	"beffroi/server/merr"
)

// maxNesting is how deep arrays and objects may lie within each other, as in events.
const maxNesting = 100

// deep tells whether a text, JSON or not, nests deeper than that.
func deep(b []byte) bool {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			end, _ := stringEnd(b, i)
			i = end - 1
		case '{', '[':
			if depth++; depth > maxNesting {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

// interoperable refuses valid JSON that some clients can't read: what one user sends (a message to a device, a profile) would
// end the other's sync. Source: RFC 8259, sections 6 and 8.2.
func interoperable(b []byte) error {
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '"':
			end, paired := stringEnd(b, i)
			if !paired {
				return merr.BadJSON("A string has half of a surrogate pair")
			}
			i = end
		case c == '-' || '0' <= c && c <= '9':
			end := numberEnd(b, i)
			if _, err := strconv.ParseFloat(string(b[i:end]), 64); err != nil {
				return merr.BadJSON("A number is out of range").Because(err)
			}
			i = end
		default:
			i++
		}
	}
	return nil
}

func numberEnd(b []byte, i int) int {
	return len(b) - len(bytes.TrimLeft(b[i:], "+-.0123456789eE"))
}

// stringEnd is the place behind the string that starts at i, and whether all its surrogates come in pairs.
func stringEnd(b []byte, i int) (end int, paired bool) {
	paired = true
	for i++; i < len(b) && b[i] != '"'; i++ {
		if b[i] != '\\' {
			continue
		}
		i++
		r := escaped(b, i-1)
		if !utf16.IsSurrogate(r) {
			continue
		}
		if utf16.DecodeRune(r, escaped(b, i+5)) == '\uFFFD' {
			paired = false
			continue
		}
		i += 10
	}
	return min(i+1, len(b)), paired
}

// escaped is the code unit of a \uXXXX sequence at i, -1 where there is none.
func escaped(b []byte, i int) rune {
	if i+6 > len(b) || b[i] != '\\' || b[i+1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(b[i+2:i+6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}
