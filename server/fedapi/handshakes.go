package fedapi

import (
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// Source: server-server API, "Joining Rooms", "Knocking upon a room", "Leaving Rooms (Rejecting Invites)".
func (a *API) handshakeRoutes() []route {
	const v1, v2 = "/_matrix/federation/v1/", "/_matrix/federation/v2/"
	return []route{
		signed("GET", v1+"make_join/{roomId}/{userId}", a.makes("join")),
		signed("PUT", v1+"send_join/{roomId}/{eventId}", a.sendJoinV1),
		signed("PUT", v2+"send_join/{roomId}/{eventId}", a.sendJoin),
		signed("GET", v1+"make_knock/{roomId}/{userId}", a.makes("knock")),
		signed("PUT", v1+"send_knock/{roomId}/{eventId}", a.sendKnock),
		signed("GET", v1+"make_leave/{roomId}/{userId}", a.makes("leave")),
		signed("PUT", v1+"send_leave/{roomId}/{eventId}", a.sendLeaveV1),
		signed("PUT", v2+"send_leave/{roomId}/{eventId}", a.sendLeave),
	}
}

func handshake(r *request, membership string) rooms.Handshake {
	return rooms.Handshake{Origin: r.Origin, RoomID: r.PathValue("roomId"), Membership: membership}
}

// makes answers with the event of a handshake. Without `ver` the other server knows room version 1; who leaves need know none.
func (a *API) makes(membership string) func(r *request) (any, error) {
	return func(r *request) (any, error) {
		versions := r.URL.Query()["ver"]
		switch {
		case membership == "leave":
			versions = nil
		case len(versions) == 0:
			versions = []string{"1"}
		}
		return a.Rooms.Template(r.Context(), handshake(r, membership), r.PathValue("userId"), versions)
	}
}

// accept takes the event of a handshake into the room.
func (a *API) accept(r *request, membership string) (store.Room, *pdu.Event, error) {
	event, err := r.ReadBody() // read as events are: those of old rooms have numbers that other JSON must not have
	if err != nil {
		return store.Room{}, nil, err
	}
	return a.Rooms.Accept(r.Context(), handshake(r, membership), r.PathValue("eventId"), event)
}

func (a *API) sendJoin(r *request) (any, error) {
	room, e, err := a.accept(r, "join")
	if err != nil {
		return nil, err
	}
	answer, err := a.Rooms.AnswerJoin(r.Context(), room, e, r.URL.Query().Get("omit_members") == "true")
	return joined{JoinAnswer: answer, origin: a.ServerName}, err
}

// sendJoinV1 answers as v2, behind a status.
func (a *API) sendJoinV1(r *request) (any, error) {
	room, e, err := a.accept(r, "join")
	if err != nil {
		return nil, err
	}
	answer, err := a.Rooms.AnswerJoin(r.Context(), room, e, false)
	return joined{JoinAnswer: answer, origin: a.ServerName, v1: true}, err
}

func (a *API) sendLeave(r *request) (any, error) {
	_, _, err := a.accept(r, "leave")
	return nil, err
}

// sendLeaveV1 answers as v2, behind a status.
func (a *API) sendLeaveV1(r *request) (any, error) {
	_, _, err := a.accept(r, "leave")
	return []any{200, struct{}{}}, err
}

func (a *API) sendKnock(r *request) (any, error) {
	room, _, err := a.accept(r, "knock")
	if err != nil {
		return nil, err
	}
	state, err := a.Rooms.Identity(r.Context(), room, "")
	return map[string]any{"knock_room_state": state}, err
}
