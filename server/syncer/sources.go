package syncer

import (
	"context"
	"encoding/json"

	"beffroi/server/store"
	"beffroi/server/synctoken"
)

// Sources are the services whose streams /sync carries. Every read happens on the snapshot of the answer.
type Sources struct {
	Ephemeral  Ephemeral
	Encryption Encryption
	Push       Push
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

// Encryption is what package e2ee knows. Every change of what it gives wakes the user.
type Encryption interface {
	// ToDevice gives the messages with after < position ≤ upto, at most limit of them, in order.
	ToDevice(r *store.Reader, device, after, upto int64, limit int) ([]ToDevice, error)
	// Delivered tells whether messages with a position up to pos still stand there.
	Delivered(r *store.Reader, device, pos int64) (bool, error)
	// Acknowledge deletes the messages with a position up to pos.
	Acknowledge(ctx context.Context, device, pos int64) error
	// DeviceLists says whose devices changed, or who began or ceased to share a room with the user; since < position ≤ upto.
	DeviceLists(r *store.Reader, user store.Atom, since, upto int64) (changed, left []string, err error)
	// KeyCounts gives the number of one-time keys by algorithm and the algorithms with an unused fallback key.
	KeyCounts(r *store.Reader, device int64) (oneTime map[string]int, unusedFallbacks []string, err error)
}

// Push knows the rules by which events notify.
type Push interface {
	// Rules is the content of m.push_rules in full, of what is stored of a user's rules; nil where nothing is.
	Rules(userID string, stored json.RawMessage) (json.RawMessage, error)
	// Unread counts in a room; where threads is true, the room's count is that of the main timeline and threads have their own.
	Unread(r *store.Reader, room store.RoomRef, user store.Atom, threads bool) (Unread, map[string]Unread, error)
}
