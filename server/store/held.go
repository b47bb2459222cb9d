package store

// What rows hold, for who reads them without a Reader.

// EventIDText is the event id that a row holds.
func EventIDText(b []byte) string { return eventIDText(b) }

// EventIDBytes is how a row holds an event id.
func EventIDBytes(id string) []byte { return eventIDBytes(id) }

// RoomIDText is the room id that a row holds.
func RoomIDText(b []byte) string { return roomIDText(b) }

// Unframe gives an event's bytes: a row holds them, or what fills the holes of a frame (nil: none). An error says that the two don't fit.
func Unframe(body, frame []byte) ([]byte, error) { return unframe(body, frame) }
