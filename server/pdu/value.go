package pdu

import (
	"bytes"
	"iter"
	"math"
	"strconv"
)

// Value is one JSON value: a view of canonical bytes, which are read when
// asked. The zero Value stands for an absent member; its getters say false.
type Value struct{ raw []byte }

// Parse checks b as Canonical does and gives its value.
func Parse(b []byte) (Value, error) {
	c, err := Canonical(b)
	return Value{c}, err
}

// Raw is the value's canonical JSON, nil for an absent one.
func (v Value) Raw() []byte { return v.raw }

// Exists is false for an absent member; null exists.
func (v Value) Exists() bool { return len(v.raw) > 0 }

// Int is the value of a number.
func (v Value) Int() (int64, bool) {
	if len(v.raw) == 0 || (v.raw[0] != '-' && !isDigit(v.raw[0])) {
		return 0, false
	}
	n, err := strconv.ParseInt(string(v.raw), 10, 64)
	return n, err == nil
}

// Truncated is the integer part of a number, as events of room versions 1 to 5
// may have it, at most the largest integer of 64 bits; ok is false for what is
// no number and for one that no double can hold.
func (v Value) Truncated() (n int64, ok bool) {
	if len(v.raw) == 0 || (v.raw[0] != '-' && !isDigit(v.raw[0])) {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v.raw), 64)
	switch {
	case err != nil:
		return 0, false
	case f >= math.MaxInt64:
		return math.MaxInt64, true
	case f <= math.MinInt64:
		return math.MinInt64, true
	}
	return int64(f), true
}

// Text is the value of a string.
func (v Value) Text() (string, bool) {
	n := len(v.raw)
	if n < 2 || v.raw[0] != '"' || v.raw[n-1] != '"' {
		return "", false
	}
	return string(unescape(v.raw[1 : n-1])), true
}

// Bool is the value of true and false.
func (v Value) Bool() (value, ok bool) {
	value = string(v.raw) == "true"
	return value, value || string(v.raw) == "false"
}

// Object is the value as an object.
func (v Value) Object() (Object, bool) {
	if !v.enclosed('{', '}') {
		return Object{}, false
	}
	return Object(v), true
}

// Array runs over the elements of an array; ok is false for anything else.
func (v Value) Array() (elements iter.Seq[Value], ok bool) {
	if !v.enclosed('[', ']') {
		return nil, false
	}
	return func(yield func(Value) bool) {
		for pos := 1; pos < len(v.raw)-1; pos++ { // past the comma
			end := skip(v.raw, pos)
			if !yield(Value{v.raw[pos:end]}) {
				return
			}
			pos = end
		}
	}, true
}

// Texts is the value of an array of strings; ok is false for anything else.
func (v Value) Texts() (texts []string, ok bool) {
	elements, ok := v.Array()
	if !ok {
		return nil, false
	}
	texts = make([]string, 0, bytes.Count(v.raw, []byte{','})+1)
	for e := range elements {
		s, ok := e.Text()
		if !ok {
			return nil, false
		}
		texts = append(texts, s)
	}
	return texts, true
}

func (v Value) enclosed(first, last byte) bool {
	n := len(v.raw)
	return n >= 2 && v.raw[0] == first && v.raw[n-1] == last
}

// Object is a JSON object: a view of canonical bytes. The zero Object has no
// members.
type Object struct{ raw []byte }

// ParseObject checks b as Canonical does and gives the object it must be.
func ParseObject(b []byte) (Object, error) {
	v, err := Parse(b)
	if err != nil {
		return Object{}, err
	}
	o, ok := v.Object()
	if !ok {
		return Object{}, badf("not an object")
	}
	return o, nil
}

// StoredObject views the canonical bytes of an object that were checked before
// they were stored. They are not checked again.
func StoredObject(b []byte) Object { return Object{b} }

// Raw is the object's canonical JSON, nil for the zero Object.
func (o Object) Raw() []byte { return o.raw }

// Get is the member's value, the zero Value where there is none.
func (o Object) Get(key string) Value {
	for c := cutMembers(o.raw); ; {
		k, v, ok := c.next()
		if !ok {
			return Value{}
		}
		if string(k) == key || (bytes.IndexByte(k, '\\') >= 0 && string(unescape(k)) == key) {
			return Value{v}
		}
	}
}

// Text is the member's string; ok is false where it is absent or no string.
func (o Object) Text(key string) (string, bool) { return o.Get(key).Text() }

// Int is the member's integer; ok is false where it is absent or no integer.
func (o Object) Int(key string) (int64, bool) { return o.Get(key).Int() }

// Object is the member's object, without members where it is absent or none.
func (o Object) Object(key string) Object {
	inner, _ := o.Get(key).Object()
	return inner
}

// All runs over the members in the order of their keys.
func (o Object) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for c := cutMembers(o.raw); ; {
			k, v, ok := c.next()
			if !ok || !yield(string(unescape(k)), Value{v}) {
				return
			}
		}
	}
}

// cutter walks over the members of an object in canonical bytes. Bytes that
// are damaged end the walk early; they never lead outside of raw.
type cutter struct {
	raw []byte
	pos int
}

func cutMembers(object []byte) cutter { return cutter{object, 1} }

// next gives the key as it is written, without quotes, and the value.
func (c *cutter) next() (key, value []byte, ok bool) {
	if c.pos >= len(c.raw)-1 || c.raw[c.pos] != '"' {
		return nil, nil, false
	}
	colon := skipString(c.raw, c.pos)
	if colon >= len(c.raw) {
		return nil, nil, false
	}
	end := skip(c.raw, colon+1)
	key, value = c.raw[c.pos+1:colon-1], c.raw[colon+1:end]
	c.pos = end + 1
	return key, value, true
}

// skip is the end of the value that starts at pos in canonical bytes.
func skip(b []byte, pos int) int {
	for depth := 0; pos < len(b); pos++ {
		switch b[pos] {
		case '"':
			pos = skipString(b, pos) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				return pos
			}
			continue
		default:
			continue
		}
		if depth == 0 && pos < len(b) {
			return pos + 1
		}
		if depth < 0 {
			return pos
		}
	}
	return len(b)
}

// skipString is the end of the string whose opening quote is at pos.
func skipString(b []byte, pos int) int {
	for pos++; pos < len(b); pos++ {
		switch b[pos] {
		case '\\':
			pos++
		case '"':
			return pos + 1
		}
	}
	return len(b)
}
