package pdu

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// string reads a string and writes it with the shortest escapes. It says
// whether any escapes are left.
func (p *parser) string() (escaped bool, err error) {
	p.emit('"')
	p.pos++
	for {
		start, ascii := p.pos, true
		for p.pos < len(p.src) && p.src[p.pos] >= ' ' && p.src[p.pos] != '"' && p.src[p.pos] != '\\' {
			ascii = ascii && p.src[p.pos] < utf8.RuneSelf
			p.pos++
		}
		if !ascii && !utf8.Valid(p.src[start:p.pos]) {
			return false, p.syntax("invalid UTF-8 before")
		}
		p.emit(p.src[start:p.pos]...)
		switch p.peek() {
		case '"':
			p.emit('"')
			p.pos++
			return escaped, nil
		case '\\':
			left, err := p.escape()
			if err != nil {
				return false, err
			}
			escaped = escaped || left
		default:
			return false, p.syntax("control character or end within a string")
		}
	}
}

// escape reads one escape sequence, or the two of a surrogate pair. It says
// whether the character stays escaped in canonical form.
func (p *parser) escape() (left bool, err error) {
	if p.pos+1 >= len(p.src) {
		return false, p.syntax("end within an escape")
	}
	c := p.src[p.pos+1]
	if c == 'u' {
		r, err := p.unicodeEscape()
		return p.rune(r), err
	}
	i := bytes.IndexByte([]byte(`"\/bfnrt`), c)
	if i < 0 {
		return false, p.syntax("unknown escape")
	}
	p.pos += 2
	return p.rune(rune("\"\\/\b\f\n\r\t"[i])), nil
}

func (p *parser) unicodeEscape() (rune, error) {
	r, ok := hex4(p.src[p.pos:])
	if !ok {
		return 0, p.syntax("bad \\u escape")
	}
	if !utf16.IsSurrogate(r) {
		p.pos += 6
		return r, nil
	}
	if low, ok := hex4(p.src[p.pos+6:]); ok {
		if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
			p.pos += 12
			return both, nil
		}
	}
	p.refuse("lone surrogate")
	p.pos += 6
	return utf8.RuneError, nil
}

// hex4 reads a whole \uXXXX sequence at the start of b.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// rune writes one character of a string and says whether it needs an escape.
func (p *parser) rune(r rune) (escaped bool) {
	if p.lax {
		return false
	}
	n := len(p.out)
	p.out = appendRune(p.out, r)
	return p.out[n] == '\\'
}

// appendRune writes r as Canonical JSON writes it within a string.
func appendRune(dst []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	if i := bytes.IndexByte([]byte("\"\\\b\f\n\r\t"), byte(r)); i >= 0 && r < utf8.RuneSelf {
		return append(dst, '\\', `"\bfnrt`[i])
	}
	if r < ' ' {
		return append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
	}
	return utf8.AppendRune(dst, r)
}

// appendString writes s, which is valid UTF-8, as a canonical JSON string.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		dst = appendRune(dst, r)
	}
	return append(dst, '"')
}

// unescape undoes the escapes of a string that this package wrote, given
// without its quotes.
func unescape(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		if b[0] != '\\' || len(b) == 1 {
			out, b = append(out, b[0]), b[1:]
			continue
		}
		if r, ok := hex4(b); ok {
			out, b = utf8.AppendRune(out, r), b[6:]
			continue
		}
		c := b[1]
		if i := bytes.IndexByte([]byte("bfnrt"), c); i >= 0 {
			c = "\b\f\n\r\t"[i]
		}
		out, b = append(out, c), b[2:]
	}
	return out
}
