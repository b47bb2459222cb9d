package pdu

// checkGrammar checks the identifiers, hashes and signatures of an event that
// cutFields has read: the part of the event format that bytes from our own
// store need not be asked again.
//
// Spec: rooms/v1 to rooms/v12, "Event format"; appendices, "Identifier Grammar".
func (f *fields) checkGrammar() error {
	if f.rules.Format == EventFormatV1 && !f.rules.ValidEventID(f.id) {
		return badf("event_id %q is no event id", f.id)
	}
	if !ValidUserID(f.sender) {
		return badf("sender %q is no user id", f.sender)
	}
	if err := f.checkRoomID(); err != nil {
		return err
	}
	if err := f.checkIDs("prev_events", f.prevEvents); err != nil {
		return err
	}
	if err := f.checkIDs("auth_events", f.authEvents); err != nil {
		return err
	}
	if _, ok := (Object{f.hashes}).Text("sha256"); !ok {
		return badf("hashes without sha256")
	}
	return f.checkSignatures()
}

func (f *fields) checkRoomID() error {
	if !f.rules.RoomIDIsHash {
		if !validWithServer('!', f.roomID) {
			return badf("room_id %q is no room id of version %s", f.roomID, f.rules.Version)
		}
		return nil
	}
	if _, ok := ParseRoomID(f.roomID); !ok && !f.IsCreate() {
		return badf("room_id %q is no room id of version %s", f.roomID, f.rules.Version)
	}
	return nil
}

func (f *fields) checkIDs(name string, raw []byte) error {
	if string(raw) == "[]" {
		return nil
	}
	ids, ok := f.rules.references(raw)
	if !ok {
		return badf("%s are not as version %s has them", name, f.rules.Version)
	}
	for _, id := range ids {
		if !f.rules.ValidEventID(id) {
			return badf("%q in %s is no event id", id, name)
		}
	}
	return nil
}

func (f *fields) checkSignatures() error {
	for server, v := range (Object{f.signatures}).All() {
		byKey, ok := v.Object()
		if !ok {
			return badf("signatures of %q are no object", server)
		}
		for keyID, sig := range byKey.All() {
			if _, ok := sig.Text(); !ok {
				return badf("signature of %q with %q is no string", server, keyID)
			}
		}
	}
	return nil
}
