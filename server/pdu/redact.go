package pdu

import "bytes"

// redact is the redacted form of a canonical event of the given type.
func (r Rules) redact(event []byte, eventType string) []byte {
	inContent, known := r.redaction.content[eventType]
	if !known {
		inContent = keep{}
	}
	out := append(make([]byte, 0, len(event)), '{')
	for c := cutMembers(event); ; {
		key, value, ok := c.next()
		if !ok {
			return append(out, '}')
		}
		if _, stays := r.redaction.top[string(key)]; !stays {
			continue
		}
		out = appendKey(out, key)
		if string(key) == "content" {
			out = appendKept(out, value, inContent)
		} else {
			out = append(out, value...)
		}
	}
}

// appendKept writes a canonical value, of an object only what k names.
func appendKept(dst, value []byte, k keep) []byte {
	if k == nil {
		return append(dst, value...)
	}
	dst = append(dst, '{')
	for c := cutMembers(value); ; {
		key, inner, ok := c.next()
		if !ok {
			return append(dst, '}')
		}
		sub, stays := k[string(key)]
		if !stays || (sub != nil && !bytes.HasPrefix(inner, []byte{'{'})) {
			continue
		}
		dst = appendKept(appendKey(dst, key), inner, sub)
	}
}

// appendKey writes a key, given as next gives it, with what must stand before
// and after it.
func appendKey(dst, key []byte) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(append(append(dst, '"'), key...), '"')
	return append(dst, ':')
}

// without is a canonical object less the members named.
func without(object []byte, names ...string) []byte {
	out := append(make([]byte, 0, len(object)), '{')
	for c := cutMembers(object); ; {
		key, value, ok := c.next()
		if !ok {
			return append(out, '}')
		}
		if !named(key, names) {
			out = append(appendKey(out, key), value...)
		}
	}
}

func named(key []byte, names []string) bool {
	for _, name := range names {
		if string(key) == name {
			return true
		}
	}
	return false
}

// with is a canonical object (nil for an empty one) with a member set to a
// canonical value.
func with(object []byte, name string, value []byte) []byte {
	quoted := appendString(nil, name)
	newKey := quoted[1 : len(quoted)-1]
	out := append(make([]byte, 0, len(object)+len(quoted)+len(value)+4), '{')
	done := false
	for c := cutMembers(object); ; {
		key, old, ok := c.next()
		order := -1
		if ok {
			order = bytes.Compare(unescape(key), []byte(name))
		}
		if !done && (!ok || order >= 0) {
			out, done = append(appendKey(out, newKey), value...), true
		}
		if !ok {
			return append(out, '}')
		}
		if order != 0 {
			out = append(appendKey(out, key), old...)
		}
	}
}
