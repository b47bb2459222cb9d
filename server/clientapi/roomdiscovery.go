package clientapi

import (
	"strconv"

	"beffroi/server/directory"
	"beffroi/server/limits"
	"beffroi/server/merr"
)

// Spec: client-server API, "Spaces", "Room Previews", "Mutual Rooms" and "Getting events for a room". Summaries are for accounts only. Their
// first two paths are from before the specification had them (MSC3266): programs of before v1.15 ask there.
func (a *API) roomDiscoveryRoutes() []route {
	return []route{
		{Method: "GET", Path: "/_matrix/client/unstable/im.nheko.summary/rooms/{roomIdOrAlias}/summary", Handle: a.roomSummary, Class: limits.Lookup},
		{Method: "GET", Path: "/_matrix/client/unstable/im.nheko.summary/summary/{roomIdOrAlias}", Handle: a.roomSummary, Class: limits.Lookup},
		{Method: "GET", Path: "/_matrix/client/v1/room_summary/{roomIdOrAlias}", Handle: a.roomSummary, Class: limits.Lookup},
		{Method: "GET", Path: "/_matrix/client/v1/rooms/{roomId}/hierarchy", Handle: a.hierarchy, Class: limits.Lookup},
		{Method: "GET", Path: "/_matrix/client/v1/mutual_rooms", Handle: a.mutualRooms, Class: limits.Lookup},
		{Method: "GET", Path: "/_matrix/client/v1/rooms/{roomId}/timestamp_to_event", Handle: a.timestampToEvent, Class: limits.Lookup},
	}
}

func (a *API) roomSummary(r *request) (any, error) {
	return a.Directory.Summarise(r.Context(), r.Session.User, r.PathValue("roomIdOrAlias"), r.URL.Query()["via"])
}

func (a *API) hierarchy(r *request) (any, error) {
	params := r.URL.Query()
	q := directory.HierarchyQuery{MaxDepth: -1, From: params.Get("from")}
	var err error
	if q.Limit, err = limitOf(r, 0); err != nil || q.Limit == 0 && params.Has("limit") {
		return nil, merr.InvalidParam("limit is not a number from 1 on")
	}
	if s := params.Get("max_depth"); s != "" {
		if q.MaxDepth, err = strconv.Atoi(s); err != nil || q.MaxDepth < 0 {
			return nil, merr.InvalidParam("max_depth is not a number from 0 on")
		}
	}
	if s := params.Get("suggested_only"); s != "" {
		if q.SuggestedOnly, err = strconv.ParseBool(s); err != nil {
			return nil, merr.InvalidParam("suggested_only is true or false")
		}
	}
	return a.Directory.Hierarchy(r.Context(), r.Session.User, r.PathValue("roomId"), q)
}

func (a *API) mutualRooms(r *request) (any, error) {
	params := r.URL.Query()
	if !params.Has("user_id") {
		return nil, merr.MissingParam("user_id is missing")
	}
	return a.Directory.MutualRooms(r.Context(), actor(r), params.Get("user_id"), params.Get("from"))
}

func (a *API) timestampToEvent(r *request) (any, error) {
	params := r.URL.Query()
	ts, err := strconv.ParseInt(params.Get("ts"), 10, 64)
	if err != nil {
		return nil, merr.InvalidParam("ts is not a number of milliseconds")
	}
	dir := params.Get("dir")
	if dir != "f" && dir != "b" {
		return nil, merr.InvalidParam("dir is b or f")
	}
	e, err := a.Rooms.EventAtTime(r.Context(), r.Session.User, r.PathValue("roomId"), ts, dir == "f")
	return map[string]any{"event_id": e.ID, "origin_server_ts": e.TS}, err
}
