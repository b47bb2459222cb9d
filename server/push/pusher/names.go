package pusher

import (
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// named reads a text of a room's current state.
func named(r *store.Reader, room store.RoomRef, key [2]store.Atom, member string, to *string) error {
	e, found, err := r.CurrentEvent(room, key[0], key[1])
	if err != nil || !found {
		return err
	}
	*to, _ = pdu.StoredObject(e.JSON).Object("content").Text(member)
	return nil
}
