package server

import (
	"encoding/json"

	"beffroi/server/push"
	"beffroi/server/store"
	"beffroi/server/syncer"
)

// pushForSync is package push as /sync asks it. Neither of the two knows the other.
type pushForSync struct{ push *push.Service }

// Rules implements syncer.Push.
func (p pushForSync) Rules(userID string, stored json.RawMessage) (json.RawMessage, error) {
	return push.Content(stored, userID)
}

// Unread implements syncer.Push.
func (p pushForSync) Unread(r *store.Reader, room store.RoomRef, user store.Atom, threads bool) (syncer.Unread, map[string]syncer.Unread, error) {
	whole, byThread, err := p.push.Unread(r, room, user, threads)
	if byThread == nil {
		return syncer.Unread(whole), nil, err
	}
	apart := make(map[string]syncer.Unread, len(byThread))
	for root, u := range byThread {
		apart[root] = syncer.Unread(u)
	}
	return syncer.Unread(whole), apart, err
}
