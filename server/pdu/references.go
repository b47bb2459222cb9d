package pdu

// References reads the prev_events or auth_events of an event that another
// server proposes: their ids, and in room versions 1 and 2 the hashes beside
// them. ok is false where one is not written as the version has it.
//
// Spec: rooms/v1, rooms/v3 and rooms/v4, "Event format".
func (r Rules) References(v Value) (ids []string, hashes map[string]Hash, ok bool) {
	if ids, ok = r.references(v.raw); !ok {
		return nil, nil, false
	}
	for _, id := range ids {
		if !r.ValidEventID(id) {
			return nil, nil, false
		}
	}
	if r.Format != EventFormatV1 {
		return ids, nil, true
	}
	hashes = map[string]Hash{}
	pairs, _ := v.Array()
	for pair := range pairs {
		id, h, ok := hashOfPair(pair)
		if !ok {
			return nil, nil, false
		}
		hashes[id] = h
	}
	return ids, hashes, true
}

// hashOfPair reads [id, {"sha256": hash}], which idOfPair has found well-formed
// but for the hash.
func hashOfPair(pair Value) (id string, h Hash, ok bool) {
	elements, _ := pair.Array()
	for v := range elements {
		if o, isObject := v.Object(); isObject {
			text, _ := o.Text("sha256")
			b, err := DecodeBase64(text)
			if err != nil || len(b) != len(h) {
				return "", h, false
			}
			return id, Hash(b), true
		}
		id, _ = v.Text()
	}
	return "", h, false
}
