package clientapi

import (
	"beffroi/server/limits"
	"beffroi/server/rooms"
)

// Spec: client-server API, "Creation".
func (a *API) createRoomRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/createRoom", Handle: a.createRoom, Class: limits.Create},
		{Method: "GET", Path: "/_matrix/client/v3/joined_rooms", Handle: a.joinedRooms},
	}
}

func (a *API) createRoom(r *request) (any, error) {
	var q rooms.CreateRequest
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.RoomAliasName != "" {
		if err := a.mayName(r, "#"+q.RoomAliasName+":"+a.ServerName); err != nil {
			return nil, err
		}
	}
	id, err := a.Rooms.Create(r.Context(), actor(r), &q)
	return map[string]string{"room_id": id}, err
}

func (a *API) joinedRooms(r *request) (any, error) {
	ids, err := a.Rooms.JoinedRooms(r.Context(), r.Session.User)
	return map[string][]string{"joined_rooms": ids}, err
}

// actor is who sends events in a request.
func actor(r *request) rooms.User {
	return rooms.User{Atom: r.Session.User, ID: r.Session.UserID, Device: r.Session.Device}
}
