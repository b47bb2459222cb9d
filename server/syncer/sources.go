package syncer

import (
	"context"
	"encoding/json"

	"beffroi/server/store"
	"beffroi/server/synctoken"
)

// Sources are the services beside the store whose streams /sync carries. Every read happens on the snapshot of the answer.
type Sources struct {
	Ephemeral Ephemeral
	ToDevice  ToDevice
	Push      Push // nil: neither push rules nor unread counts
}

// Ephemeral is what package ephemeral knows: the typing stream of this run of the process, and receipts.
type Ephemeral interface {
	Boot() synctoken.Boot
	// Position is the last position of the typing stream.
	Position() int64
	// ChangedAt is the position of a room's last change, 0 where nobody typed yet.
	ChangedAt(room store.RoomRef) int64
	// Typing are the ids of those who type, never nil.
	Typing(room store.RoomRef) []string
	// Receipts is the content of m.receipt for a reader, with since < position ≤ upto; nil where there are none.
	Receipts(r *store.Reader, room store.RoomRef, reader store.Atom, since, upto int64) (any, error)
}

// ToDevice is the queue of messages to devices (package e2ee). Every new message, and every change of the number of a device's keys,
// wakes the user.
type ToDevice interface {
	// Acknowledge deletes the messages with a position up to upTo: they have arrived.
	Acknowledge(ctx context.Context, device, upTo int64) error
}

// Push knows the rules by which events notify.
type Push interface {
	// Rules is the content of m.push_rules in full, of what is stored of a user's rules; nil where nothing is.
	Rules(userID string, stored json.RawMessage) (json.RawMessage, error)
	// Unread counts in a room; where threads is true, the room's count is that of the main timeline and threads have their own.
	Unread(r *store.Reader, room store.RoomRef, user store.Atom, threads bool) (Unread, map[string]Unread, error)
}
