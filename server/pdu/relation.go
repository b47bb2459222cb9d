package pdu

// Relation is what an event says of its relation to another one.
//
// Spec: client-server API, "Forming relationships between events".
type Relation struct {
	Type    string // rel_type
	EventID string // the event that is related to
}

// RelationOf reads m.relates_to of an event's content; ok is false where it is absent or breaks the schema. A rich reply by itself is
// no relation in this sense: it has no rel_type.
func RelationOf(content Object) (rel Relation, ok bool) {
	relates := content.Object("m.relates_to")
	relType, hasType := relates.Text("rel_type")
	eventID, hasID := relates.Text("event_id")
	ok = hasType && hasID && relType != "" && len(relType) <= MaxFieldSize && len(eventID) <= MaxFieldSize && len(eventID) > 1 && eventID[0] == '$'
	if !ok {
		return Relation{}, false
	}
	return Relation{relType, eventID}, true
}
