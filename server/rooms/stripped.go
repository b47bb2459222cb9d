package rooms

import (
	"context"
	"encoding/json"

	"beffroi/server/store"
)

// StrippedTypes are the types of the state by which people know a room that they are not in.
//
// Spec: client-server API, "Stripped state".
func StrippedTypes() []store.Atom {
	return []store.Atom{store.AtomCreate, store.AtomName, store.AtomAvatar, store.AtomTopic, store.AtomJoinRules, store.AtomCanonicalAlias, store.AtomEncryption}
}

// Identity gives the events by which people know a room that they are not in, and the membership of somebody who asks them into it ("" for nobody), for other servers: whole,
// so that these can check them.
//
// Spec: server-server API, "Inviting to a room", "Knocking upon a room".
func (s *Service) Identity(ctx context.Context, room store.Room, member string) ([]json.RawMessage, error) {
	events := []json.RawMessage{}
	err := s.db.Peek(ctx, func(r *store.Reader) error {
		add := func(eventType, key store.Atom) error {
			e, ok, err := r.CurrentEvent(room.Ref, eventType, key)
			if err == nil && ok {
				events = append(events, e.JSON)
			}
			return err
		}
		for _, eventType := range StrippedTypes() {
			if err := add(eventType, store.AtomEmpty); err != nil {
				return err
			}
		}
		if member == "" {
			return nil
		}
		user, err := r.FindAtom(member)
		if err != nil {
			return err
		}
		return add(store.AtomMember, user)
	})
	return events, err
}
