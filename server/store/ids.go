package store

// EventIDText is the event id that a row holds.
func EventIDText(b []byte) string { return eventIDText(b) }

// EventIDBytes is how a row holds an event id.
func EventIDBytes(id string) []byte { return eventIDBytes(id) }

// RoomIDText is the room id that a row holds.
func RoomIDText(b []byte) string { return roomIDText(b) }
