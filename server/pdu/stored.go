package pdu

// ContentHashHolds says whether the content hash of a stored event still is that
// of its bytes. It isn't once the content was redacted.
//
// Spec: server-server API, "Calculating the content hash for an event".
func (e *Event) ContentHashHolds() bool { return e.contentHashHolds() }

// IDHolds says whether the event id still is that of the bytes. Where the room
// version's ids are no hashes, it holds.
//
// Spec: server-server API, "Calculating the reference hash for an event".
func (e *Event) IDHolds() bool {
	return e.rules.Format == EventFormatV1 || e.rules.eventID(e.ReferenceHash()) == e.id
}
