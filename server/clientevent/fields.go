package clientevent

import (
	"encoding/json"
	"strings"
)

// Fields says what is shown of an event's content and unsigned data, by path; nil: everything. The other members, which clients need to
// place an event, are always shown: a server may include more than was asked for.
//
// Spec: client-server API, "Filtering", event_fields; appendices, "Dot-separated property paths".
type Fields map[string]Fields

// ParseFields reads property paths; nil asks for everything.
func ParseFields(paths []string) Fields {
	if paths == nil {
		return nil
	}
	root := Fields{}
	for _, path := range paths {
		root.add(splitPath(path))
	}
	return root
}

// add makes room for a path. What is wanted whole has no fields.
func (f Fields) add(path []string) {
	key := path[0]
	inner, known := f[key]
	switch {
	case known && inner == nil:
	case len(path) == 1:
		f[key] = nil
	default:
		if !known {
			inner = Fields{}
			f[key] = inner
		}
		inner.add(path[1:])
	}
}

// splitPath cuts at dots. A backslash before a dot or a backslash makes it part of a name.
func splitPath(path string) []string {
	parts := []string{""}
	for i := 0; i < len(path); i++ {
		last := &parts[len(parts)-1]
		switch {
		case path[i] == '\\' && i+1 < len(path) && strings.IndexByte(`.\`, path[i+1]) >= 0:
			i++
			*last += path[i : i+1]
		case path[i] == '.':
			parts = append(parts, "")
		default:
			*last += path[i : i+1]
		}
	}
	return parts
}

// shown is an event in the client format with what the fields leave of it.
func (f Fields) shown(event json.RawMessage) json.RawMessage {
	if f == nil {
		return event
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(event, &members) != nil {
		return event // can't be: it was rendered
	}
	for _, key := range []string{"content", "unsigned"} {
		if inner, wanted := f[key]; !wanted {
			members[key] = json.RawMessage(`{}`)
		} else {
			members[key] = inner.cut(members[key])
		}
	}
	return encoded(members, event)
}

// cut leaves of a value what is wanted. What is not an object has no fields to choose from.
func (f Fields) cut(value json.RawMessage) json.RawMessage {
	var members map[string]json.RawMessage
	if f == nil || json.Unmarshal(value, &members) != nil {
		return value
	}
	kept := map[string]json.RawMessage{}
	for key, inner := range f {
		if member, ok := members[key]; ok {
			kept[key] = inner.cut(member)
		}
	}
	return encoded(kept, value)
}

func encoded(members map[string]json.RawMessage, otherwise json.RawMessage) json.RawMessage {
	b, err := json.Marshal(members)
	if err != nil {
		return otherwise // can't be: it was JSON
	}
	return b
}
