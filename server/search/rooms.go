package search

import (
	"beffroi/server/clientevent"
	"beffroi/server/eventfilter"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// maxPredecessors is how far back the upgrades of a room are followed.
const maxPredecessors = 20

// roomsOf gives the rooms that a search goes through: those that the user has ever been in and did not forget, as far as the filter goes. A room
// that the filter names stands for those too that it replaced.
func roomsOf(r *store.Reader, user store.Atom, f *eventfilter.RoomEvents) (map[store.RoomRef]bool, error) {
	members, err := r.RoomsOf(user)
	if err != nil {
		return nil, err
	}
	rooms := map[store.RoomRef]bool{}
	for _, m := range members {
		if !m.Forgotten {
			rooms[m.Room] = true
		}
	}
	if f.Rooms != nil {
		if rooms, err = named(r, rooms, f.Rooms); err != nil {
			return nil, err
		}
	}
	for _, id := range f.NotRooms {
		room, ok, err := r.FindRoom(id)
		if err != nil {
			return nil, err
		}
		if ok {
			delete(rooms, room.Ref)
		}
	}
	return rooms, nil
}

// named gives those rooms that are named, and their predecessors.
func named(r *store.Reader, all map[store.RoomRef]bool, ids []string) (map[store.RoomRef]bool, error) {
	rooms := map[store.RoomRef]bool{}
	for _, id := range ids {
		for range maxPredecessors {
			room, ok, err := r.FindRoom(id)
			if err != nil {
				return nil, err
			}
			if !ok || !all[room.Ref] || rooms[room.Ref] {
				break
			}
			rooms[room.Ref] = true
			if id, err = predecessor(r, room.Ref); err != nil {
				return nil, err
			}
		}
	}
	return rooms, nil
}

// predecessor gives the id of the room that a room replaced, "" where it replaced none.
func predecessor(r *store.Reader, room store.RoomRef) (string, error) {
	create, ok, err := r.CurrentEvent(room, store.AtomCreate, store.AtomEmpty)
	if err != nil || !ok {
		return "", err
	}
	id, _ := pdu.StoredObject(clientevent.Content(&create)).Object("predecessor").Text("room_id")
	return id, nil
}
