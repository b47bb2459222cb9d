package pdu

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
)

const (
	// MaxNesting is how deep arrays and objects may lie within each other.
	MaxNesting = 100
	// MaxInt is the largest integer of Canonical JSON; the smallest is -MaxInt.
	MaxInt = 1<<53 - 1
)

// Canonical gives the Canonical JSON of b: UTF-8, members sorted by code
// point, shortest escapes, no insignificant space. The result is a new slice,
// never longer than b. The error wraps ErrNotJSON where b is not one JSON text
// of RFC 8259 in UTF-8, ErrBadJSON where it is but has duplicate keys, lone
// surrogates, numbers other than integers within ±MaxInt (-0, fractions and
// exponents included) or more than MaxNesting levels.
//
// Spec: appendices, "Canonical JSON"; rooms/v6, "Canonical JSON".
func Canonical(b []byte) ([]byte, error) {
	return canonical(b, false)
}

// CanonicalAnyNumber is Canonical for what holds events of room versions 1 to 5
// within, as the bodies of requests between servers do: numbers that Canonical
// JSON forbids stay as they were sent.
func CanonicalAnyNumber(b []byte) ([]byte, error) {
	return canonical(b, true)
}

func canonical(b []byte, anyNumber bool) ([]byte, error) {
	p := parser{src: b, anyNumber: anyNumber, out: make([]byte, 0, len(b))}
	if err := p.document(); err != nil {
		return nil, err
	}
	return p.out, nil
}

// canonical gives the canonical form of an event of the version: that of
// Canonical where the version enforces Canonical JSON. In older ones (1 to 5)
// any number may stand in events, everything else is as strict. There numbers
// stay byte for byte as they were sent, because that is what the sender has
// hashed: servers send what they have hashed, and what they make of fractions
// (1.0, 1.50, 1e-7) and of large integers differs. Two spellings have one that
// the specification's examples name, and no server known to hash them
// otherwise ever sends them: -0 is 0, and an integer with an exponent, up to
// MaxInt, is written out (1e10 is 10000000000).
//
// Spec: appendices, "Canonical JSON"; rooms/v1 and rooms/v6, "Canonical JSON".
func (r Rules) canonical(b []byte) ([]byte, error) {
	return canonical(b, !r.CanonicalJSON)
}

// parser reads one JSON text and writes its canonical form. A breach of
// Canonical JSON is noted in bad and reading goes on, since the text may yet
// turn out not to be JSON at all.
type parser struct {
	src       []byte
	pos       int
	lax       bool // only check the grammar: write nothing, note nothing
	anyNumber bool // numbers that Canonical JSON forbids are allowed
	out       []byte
	bad       error
	members   []member // of all open objects, innermost last
	scratch   []byte
}

// member is where an object's member lies in out: its key, with quotes, at
// [start,colon) and the value up to end.
type member struct {
	start, colon, end int
	escaped           bool
}

func (p *parser) document() error {
	p.space()
	if err := p.value(0); err != nil {
		return err
	}
	return p.end()
}

func (p *parser) end() error {
	p.space()
	if p.pos != len(p.src) {
		return p.syntax("bytes after the end")
	}
	return p.bad
}

func (p *parser) syntax(what string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrNotJSON, what, p.pos)
}

func (p *parser) refuse(what string) {
	if p.bad == nil && !p.lax {
		p.bad = badf("%s at byte %d", what, p.pos)
	}
}

func (p *parser) emit(b ...byte) {
	if !p.lax {
		p.out = append(p.out, b...)
	}
}

func (p *parser) space() {
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// peek is the next byte, 0 at the end (which no grammar rule starts with).
func (p *parser) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *parser) value(depth int) error {
	switch c := p.peek(); {
	case c == '{' || c == '[':
		if depth == MaxNesting && p.lax {
			return p.skip()
		}
		if depth == MaxNesting {
			return badf("more than %d levels at byte %d", MaxNesting, p.pos)
		}
		if c == '{' {
			return p.object(depth + 1)
		}
		return p.array(depth + 1)
	case c == '"':
		_, err := p.string()
		return err
	case c == '-' || isDigit(c):
		return p.number()
	case c == 't':
		return p.word("true")
	case c == 'f':
		return p.word("false")
	case c == 'n':
		return p.word("null")
	}
	return p.syntax("no value")
}

// skip passes over an array or object that lies too deep for its reader, which
// will say so: here it must not take what stands beside it with it.
func (p *parser) skip() error {
	for open := 0; p.pos < len(p.src); p.pos++ {
		switch p.src[p.pos] {
		case '{', '[':
			open++
		case '"':
			if _, err := p.string(); err != nil {
				return err
			}
			p.pos--
		case '}', ']':
			if open--; open == 0 {
				p.pos++
				return nil
			}
		}
	}
	return p.syntax("no closing bracket")
}

func (p *parser) word(w string) error {
	if !bytes.HasPrefix(p.src[p.pos:], []byte(w)) {
		return p.syntax("no value")
	}
	p.emit(p.src[p.pos : p.pos+len(w)]...)
	p.pos += len(w)
	return nil
}

func (p *parser) array(depth int) error {
	more, err := p.open(']')
	for ; more && err == nil; more, err = p.next(']') {
		if err = p.value(depth); err != nil {
			return err
		}
	}
	return err
}

// open reads the opening bracket and says whether an element follows.
func (p *parser) open(closing byte) (bool, error) {
	p.emit(p.src[p.pos])
	p.pos++
	p.space()
	if p.peek() == closing {
		p.emit(closing)
		p.pos++
		return false, nil
	}
	return true, nil
}

// next reads what follows an element: a comma (true) or the closing bracket.
func (p *parser) next(closing byte) (bool, error) {
	p.space()
	c := p.peek()
	if c != ',' && c != closing {
		return false, p.syntax("no comma or closing bracket")
	}
	p.emit(c)
	p.pos++
	if c == closing {
		return false, nil
	}
	p.space()
	return true, nil
}

func (p *parser) object(depth int) error {
	base, start, sorted := len(p.members), len(p.out), true
	more, err := p.open('}')
	for ; more && err == nil; more, err = p.next('}') {
		m := member{start: len(p.out)}
		if m.escaped, err = p.key(); err != nil {
			return err
		}
		m.colon = len(p.out)
		if err = p.colon(); err != nil {
			return err
		}
		if err = p.value(depth); err != nil {
			return err
		}
		if p.lax {
			continue
		}
		m.end = len(p.out)
		sorted = sorted && (len(p.members) == base || p.compare(p.members[len(p.members)-1], m) < 0)
		p.members = append(p.members, m)
	}
	if err == nil && !sorted {
		p.sort(start, p.members[base:])
	}
	p.members = p.members[:base]
	return err
}

func (p *parser) key() (escaped bool, err error) {
	if p.peek() != '"' {
		return false, p.syntax("no key")
	}
	return p.string()
}

func (p *parser) colon() error {
	p.space()
	if p.peek() != ':' {
		return p.syntax("no colon")
	}
	p.emit(':')
	p.pos++
	p.space()
	return nil
}

// sort rewrites the object that starts at start in out in the order of its keys.
func (p *parser) sort(start int, members []member) {
	slices.SortFunc(members, p.compare)
	for i := 1; i < len(members); i++ {
		if p.compare(members[i-1], members[i]) == 0 {
			p.refuse("duplicate key in the object that ends")
		}
	}
	p.scratch = append(p.scratch[:0], p.out[start:]...)
	out := append(p.out[:start], '{')
	for i, m := range members {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, p.scratch[m.start-start:m.end-start]...)
	}
	p.out = append(out, '}')
}

// compare orders two members by their keys' code points, which is the order of
// the UTF-8 bytes once escapes are undone.
func (p *parser) compare(a, b member) int {
	ka, kb := p.out[a.start+1:a.colon-1], p.out[b.start+1:b.colon-1]
	if a.escaped || b.escaped {
		return bytes.Compare(unescape(ka), unescape(kb))
	}
	return bytes.Compare(ka, kb)
}

func (p *parser) number() error {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	first := p.pos
	n, fits := p.digits()
	if p.pos == first || (p.src[first] == '0' && p.pos > first+1) {
		return p.syntax("bad number")
	}
	end := p.pos
	if err := p.fraction(); err != nil {
		return err
	}
	text := p.src[start:p.pos]
	if p.pos > end || !fits || (n == 0 && first > start) {
		if !p.anyNumber {
			p.refuse("number that Canonical JSON forbids")
		}
		text = integerText(text)
	}
	p.emit(text...)
	return nil
}

// integerText is a number as the examples of Canonical JSON write it: -0 as 0,
// an integer with an exponent in digits, where it is one within ±MaxInt. All
// else stays as it is.
func integerText(number []byte) []byte {
	mantissa, exponent := number, []byte("0")
	if at := bytes.IndexAny(number, "eE"); at >= 0 {
		mantissa, exponent = number[:at], number[at+1:]
	}
	n, err := strconv.ParseInt(string(mantissa), 10, 64)
	zeros, errExponent := strconv.ParseUint(string(bytes.TrimPrefix(exponent, []byte("+"))), 10, 64)
	if err != nil || errExponent != nil {
		return number
	}
	for ; zeros > 0 && n != 0 && -MaxInt <= n && n <= MaxInt; zeros-- {
		n *= 10
	}
	if n > MaxInt || n < -MaxInt {
		return number
	}
	return strconv.AppendInt(nil, n, 10)
}

// fraction reads the decimal places and the exponent that a number may have.
func (p *parser) fraction() error {
	if p.peek() == '.' {
		p.pos++
		if p.digits(); !isDigit(p.src[p.pos-1]) {
			return p.syntax("no digits after the decimal point")
		}
	}
	if p.peek()|0x20 != 'e' {
		return nil
	}
	p.pos++
	if c := p.peek(); c == '+' || c == '-' {
		p.pos++
	}
	if p.digits(); !isDigit(p.src[p.pos-1]) {
		return p.syntax("no digits in the exponent")
	}
	return nil
}

// digits reads digits, their value, and whether it is at most MaxInt.
func (p *parser) digits() (n int64, fits bool) {
	fits = true
	for ; isDigit(p.peek()); p.pos++ {
		n = min(n, MaxInt)*10 + int64(p.src[p.pos]-'0')
		fits = fits && n <= MaxInt
	}
	return n, fits
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
