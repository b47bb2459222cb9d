package policy

import (
	"context"
	"maps"
	"slices"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Effect is what a change does to rooms: the servers with whom this one does not speak any more, and the rooms that they share. Their members stay in the rooms, but nothing
// of them arrives any more and nothing reaches them, until they are removed there or the server is admitted again.
type Effect struct {
	Servers []Lost `json:"servers"` // the first thousand, by name
	Rooms   int    `json:"rooms"`   // that are concerned, in all
}

// Lost is a server that is lost.
type Lost struct {
	Server string       `json:"server_name"`
	Why    Reason       `json:"why"`
	Rooms  []SharedRoom `json:"rooms"` // the first hundred, by id
	Total  int          `json:"total_rooms"`
}

// SharedRoom is a room with members of a server.
type SharedRoom struct {
	RoomID  string `json:"room_id"`
	Name    string `json:"name,omitempty"`
	Members int    `json:"members"` // of that server
}

const maxLost, maxShared = 1000, 100

// effect compares two policies by the members that rooms have now.
func (s *Service) effect(ctx context.Context, before, after *ruleset) (e Effect, err error) {
	e.Servers = []Lost{}
	err = s.db.Read(ctx, func(r *store.Reader) error {
		lost, err := s.lost(r, before, after)
		if err != nil {
			return err
		}
		concerned := map[store.RoomRef]bool{}
		for _, server := range slices.Sorted(maps.Keys(lost)) {
			for room := range lost[server] {
				concerned[room] = true
			}
			if len(e.Servers) == maxLost {
				continue
			}
			one := Lost{Server: server, Why: after.why(server, s.millis()), Total: len(lost[server])}
			if one.Rooms, err = sharedRooms(r, lost[server]); err != nil {
				return err
			}
			e.Servers = append(e.Servers, one)
		}
		e.Rooms = len(concerned)
		return nil
	})
	return e, err
}

// lost counts the members in rooms of servers that were admitted before and are not after.
func (s *Service) lost(r *store.Reader, before, after *ruleset) (map[string]map[store.RoomRef]int, error) {
	now, goes, lost := s.millis(), map[string]bool{}, map[string]map[store.RoomRef]int{}
	err := r.ForeignMembers(s.ServerName, func(room store.RoomRef, userID string) error {
		server := pdu.ServerOf(userID)
		if _, judged := goes[server]; !judged {
			goes[server] = before.why(server, now) == admitted && after.why(server, now) != admitted
		}
		if !goes[server] {
			return nil
		}
		if lost[server] == nil {
			lost[server] = map[store.RoomRef]int{}
		}
		lost[server][room]++
		return nil
	})
	return lost, err
}

func sharedRooms(r *store.Reader, members map[store.RoomRef]int) ([]SharedRoom, error) {
	all := []SharedRoom{}
	for _, ref := range slices.Sorted(maps.Keys(members))[:min(len(members), maxShared)] {
		room, ok, err := r.Room(ref)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		named, _, err := r.CurrentEvent(ref, store.AtomName, store.AtomEmpty)
		if err != nil {
			return nil, err
		}
		name, _ := pdu.StoredObject(named.JSON).Object("content").Text("name")
		all = append(all, SharedRoom{room.ID, name, members[ref]})
	}
	return all, nil
}
