package pdu

// CutArray cuts a JSON array from outside into its elements without building a
// tree, and gives each to f as it is written. Only the grammar is checked:
// whether an element is canonical is for its own reader to say, so that one
// bad element does not take the others with it; of what lies too deep not even
// that. The error wraps ErrNotJSON
// where b is no JSON (f may have seen elements by then), ErrBadJSON where it is
// no array, or is what f returned.
func CutArray(b []byte, f func(element []byte) error) error {
	p := parser{src: b, lax: true}
	return p.cut('[', func() error {
		start := p.pos
		if err := p.value(1); err != nil {
			return err
		}
		return f(b[start:p.pos])
	})
}

// CutObject is CutArray for the members of an object. A key that comes twice
// is an error that wraps ErrBadJSON.
func CutObject(b []byte, f func(key string, value []byte) error) error {
	p, seen := parser{src: b, lax: true}, map[string]bool{}
	return p.cut('{', func() error {
		start := p.pos
		if _, err := p.key(); err != nil {
			return err
		}
		key, err := Parse(b[start:p.pos])
		if err != nil {
			return err
		}
		name, _ := key.Text()
		if seen[name] {
			return badf("duplicate key at byte %d", start)
		}
		seen[name] = true
		if err := p.colon(); err != nil {
			return err
		}
		start = p.pos
		if err := p.value(1); err != nil {
			return err
		}
		return f(name, b[start:p.pos])
	})
}

// cut reads the whole text, which must be an array or an object as the opening
// bracket says, with one as the reader of an element or member.
func (p *parser) cut(opening byte, one func() error) error {
	p.space()
	if p.peek() != opening {
		if err := p.document(); err != nil {
			return err
		}
		return badf("not the array or object that is expected")
	}
	closing := opening + 2 // in ASCII, of both kinds
	more, err := p.open(closing)
	for ; more && err == nil; more, err = p.next(closing) {
		if err = one(); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	return p.end()
}
