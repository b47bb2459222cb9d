package clientapi

import (
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/store"
)

// Source: client-server API, "Client Config".
func (a *API) accountDataRoutes() []route {
	const global, inRoom = "/_matrix/client/v3/user/{userId}/account_data/{type}", "/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}"
	return []route{
		{Method: "GET", Path: global, Handle: a.accountData},
		{Method: "PUT", Path: global, Handle: a.setAccountData, Suspended: true, Class: limits.Settings},
		{Method: "GET", Path: inRoom, Handle: a.accountData},
		{Method: "PUT", Path: inRoom, Handle: a.setAccountData, Suspended: true, Class: limits.Settings},
	}
}

func (a *API) accountData(r *request) (any, error) {
	room, err := a.ownRoom(r)
	if err != nil {
		return nil, err
	}
	if room == 0 && r.PathValue("type") == "m.push_rules" {
		return a.pushRules(r) // what is stored are differences from the default rules
	}
	content, err := a.Accounts.AccountData(r.Context(), r.Session.User, room, r.PathValue("type"))
	return httpx.Raw(content), err
}

func (a *API) setAccountData(r *request) (any, error) {
	room, err := a.ownRoom(r)
	if err != nil {
		return nil, err
	}
	content, err := r.ReadObject()
	if err != nil {
		return nil, err
	}
	return nil, a.Accounts.SetAccountData(r.Context(), r.Session.User, room, r.PathValue("type"), content)
}

// ownRoom gives the number of the room in a path of the user's own data; 0 where the path has no room.
func (a *API) ownRoom(r *request) (store.RoomRef, error) {
	if err := ownUser(r); err != nil || r.PathValue("roomId") == "" {
		return 0, err
	}
	return a.Accounts.Room(r.Context(), r.PathValue("roomId"))
}
