package adminapi

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"beffroi/server/admin"
	"beffroi/server/merr"
)

// Source: Synapse's admin API, "List Room API", "Room Details API", "Room Members API", "Room State API", "Delete Room API", "Block Room API",
// "Make Room Admin API", "Forward Extremities Admin API" and "Edit Room Membership API".
func (a *API) roomCalls() []Call {
	const v1, v2 = "/_synapse/admin/v1/rooms", "/_synapse/admin/v2/rooms"
	return []Call{
		call("GET", v1, Reads, "rooms with names, numbers of members and settings; filtered, sorted, in pages", a.rooms),
		call("GET", v1+"/{roomId}", Reads, "one room; the topic only of a room that everybody may enter", a.room),
		call("GET", v1+"/{roomId}/members", Reads, "who is in a room", a.members),
		call("GET", v1+"/{roomId}/state", Reads, "names, members, rights and rules of a room, of each event only the members that say so: no topic of a closed room, no reasons, nothing of other types", a.roomState),
		call("GET", v1+"/{roomId}/forward_extremities", Reads, "the ids of the events that a room ends in", a.extremities),
		call("GET", v1+"/{roomId}/block", Reads, "whether a room is blocked, and by whom", a.blocked),
		call("PUT", v1+"/{roomId}/block", Acts, "keeps this server's users from entering a room, or lets them again", a.block),
		call("DELETE", v1+"/{roomId}", Acts, "closes a room: takes this server's users out and removes it; `force_purge` is not looked at, and `new_room_user_id` is the administrator's own", a.closeRoom),
		call("POST", v1+"/{roomId}/delete", Acts, "the old form of DELETE", a.closeRoom),
		call("DELETE", v2+"/{roomId}", Acts, "closes a room in the background", a.closeRoomLater),
		call("GET", v2+"/{first}/{second}", Reads, "how a closing stands: `{roomId}/delete_status` or `delete_status/{deleteId}`", a.closings),
		call("POST", v1+"/{roomIdOrAlias}/make_room_admin", Acts, "gives somebody power in a room, by the town hall's account, with a message in the room that says so; not where that account is not", a.makeRoomAdmin),
		call("POST", "/_synapse/admin/v1/join/{roomIdOrAlias}", Acts, "brings a user into a room, by an invitation of the administrator, who must be in it and may invite", a.joinUser),
	}
}

func (a *API) rooms(r *request) (any, error) {
	from, limit, err := page(r)
	if err != nil {
		return nil, err
	}
	match, err := roomFilter(r)
	if err != nil {
		return nil, err
	}
	all, err := a.Admin.ListRooms(r.Context())
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(room admin.RoomInfo) bool { return !match(room) })
	back, err := backward(r, false)
	if err != nil {
		return nil, err
	}
	if err := order(r, all, roomColumns(), "name", back); err != nil {
		return nil, err
	}
	part, next := cut(all, from, limit)
	answer := map[string]any{"rooms": part, "offset": from, "total_rooms": len(all)}
	if next > 0 {
		answer["next_batch"], answer["next_token"] = next, next
	}
	if from > 0 {
		answer["prev_batch"] = max(from-limit, 0)
	}
	return answer, nil
}

// roomFilter reads which rooms are asked for.
func roomFilter(r *request) (func(admin.RoomInfo) bool, error) {
	term := r.URL.Query().Get("search_term")
	public, err := flag(r, "public_rooms")
	if err != nil {
		return nil, err
	}
	empty, err := flag(r, "empty_rooms")
	if err != nil {
		return nil, err
	}
	return func(room admin.RoomInfo) bool {
		alias, _, _ := strings.Cut(lower(room.CanonicalAlias), ":")
		found := term == "" || strings.Contains(lower(room.Name), strings.ToLower(term)) || strings.Contains(alias, strings.ToLower(term)) ||
			strings.Contains(room.RoomID, term)
		return found && (public == nil || *public == room.Public) && (empty == nil || *empty == (room.JoinedMembers == 0))
	}, nil
}

func roomColumns() map[string]func(a, b admin.RoomInfo) int {
	type column = func(a, b admin.RoomInfo) int
	text := func(get func(admin.RoomInfo) *string) column {
		return func(a, b admin.RoomInfo) int {
			x, y := get(a), get(b)
			return cmp.Or(yesNo(x == nil)-yesNo(y == nil), cmp.Compare(lower(x), lower(y))) // rooms without a name come last
		}
	}
	yes := func(get func(admin.RoomInfo) bool) column {
		return func(a, b admin.RoomInfo) int { return yesNo(get(a)) - yesNo(get(b)) }
	}
	most := func(get func(admin.RoomInfo) int) column {
		return func(a, b admin.RoomInfo) int { return get(b) - get(a) }
	}
	columns := map[string]column{
		"name":                 text(func(r admin.RoomInfo) *string { return r.Name }),
		"canonical_alias":      text(func(r admin.RoomInfo) *string { return r.CanonicalAlias }),
		"creator":              text(func(r admin.RoomInfo) *string { return &r.Creator }),
		"encryption":           text(func(r admin.RoomInfo) *string { return r.Encryption }),
		"join_rules":           text(func(r admin.RoomInfo) *string { return r.JoinRules }),
		"guest_access":         text(func(r admin.RoomInfo) *string { return r.GuestAccess }),
		"history_visibility":   text(func(r admin.RoomInfo) *string { return r.HistoryVisibility }),
		"federatable":          yes(func(r admin.RoomInfo) bool { return r.Federatable }),
		"public":               yes(func(r admin.RoomInfo) bool { return r.Public }),
		"joined_members":       most(func(r admin.RoomInfo) int { return r.JoinedMembers }),
		"joined_local_members": most(func(r admin.RoomInfo) int { return r.JoinedLocal }),
		"state_events":         most(func(r admin.RoomInfo) int { return r.StateEvents }),
		"version": func(a, b admin.RoomInfo) int {
			return cmp.Or(len(b.Version)-len(a.Version), strings.Compare(b.Version, a.Version))
		},
	}
	columns["alphabetical"], columns["size"] = columns["name"], columns["joined_members"]
	return columns
}

func (a *API) room(r *request) (any, error) {
	return a.Admin.Room(r.Context(), r.PathValue("roomId"))
}

func (a *API) members(r *request) (any, error) {
	ids, err := a.Admin.Members(r.Context(), r.PathValue("roomId"))
	return map[string]any{"members": append([]string{}, ids...), "total": len(ids)}, err
}

func (a *API) blocked(r *request) (any, error) {
	by, blocked, err := a.Admin.Blocked(r.Context(), r.PathValue("roomId"))
	answer := map[string]any{"block": blocked}
	if blocked {
		answer["user_id"] = by
	}
	return answer, err
}

func (a *API) block(r *request) (any, error) {
	var q struct {
		Block *bool `json:"block"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	roomID := r.PathValue("roomId")
	switch {
	case q.Block == nil:
		return nil, merr.MissingParam("block is missing")
	case !strings.HasPrefix(roomID, "!"):
		return nil, merr.InvalidParam("%q is not a room id", roomID)
	}
	return map[string]bool{"block": *q.Block}, a.Admin.BlockRoom(r.Context(), actor(r), roomID, *q.Block)
}

// closing reads how a room is to be closed.
func closing(r *request) (admin.Closing, error) {
	var q struct {
		NewRoomUser string `json:"new_room_user_id"`
		RoomName    string `json:"room_name"`
		Message     string `json:"message"`
		Block       bool   `json:"block"`
		Purge       *bool  `json:"purge"`
	}
	err := r.DecodeOptional(&q)
	return admin.Closing{NewRoomUser: q.NewRoomUser, RoomName: q.RoomName, Message: q.Message, Block: q.Block, Purge: q.Purge == nil || *q.Purge}, err
}

func (a *API) closeRoom(r *request) (any, error) {
	c, err := closing(r)
	if err != nil {
		return nil, err
	}
	return a.Admin.CloseRoom(r.Context(), actor(r), r.PathValue("roomId"), c)
}

func (a *API) closeRoomLater(r *request) (any, error) {
	c, err := closing(r)
	if err != nil {
		return nil, err
	}
	id, err := a.Admin.CloseRoomLater(r.Context(), actor(r), r.PathValue("roomId"), c)
	return map[string]string{"delete_id": id}, err
}

// closings answers two paths that the mux can't tell apart.
func (a *API) closings(r *request) (any, error) {
	first, second := r.PathValue("first"), r.PathValue("second")
	unknown := merr.NotFound("No such delete is known here")
	switch {
	case first == "delete_status":
		found := a.Admin.Closings(second, "")
		if len(found) == 0 {
			return nil, unknown
		}
		return closingEntry(found[0]), nil
	case second == "delete_status":
		results := []any{}
		for _, t := range a.Admin.Closings("", first) {
			results = append(results, closingEntry(t))
		}
		if len(results) == 0 {
			return nil, unknown
		}
		return map[string]any{"results": results}, nil
	}
	return nil, merr.New(http.StatusNotFound, "M_UNRECOGNIZED", "Unrecognized request")
}

func closingEntry(t admin.Task) map[string]any {
	e := map[string]any{"delete_id": t.ID, "room_id": t.Subject, "status": t.Status, "shutdown_room": t.Result}
	if t.Error != "" {
		e["error"] = t.Error
	}
	if t.Result == nil {
		e["shutdown_room"] = admin.Closed{Kicked: []string{}, FailedToKick: []string{}, LocalAliases: []string{}}
	}
	return e
}

// named reads which room the path names, by its id or alias, and whom the body does; "" where it names nobody.
func (a *API) named(r *request) (roomID, userID string, err error) {
	var q struct {
		UserID string `json:"user_id"`
	}
	if err := r.DecodeOptional(&q); err != nil {
		return "", "", err
	}
	roomID, _, err = a.Directory.Resolve(r.Context(), r.PathValue("roomIdOrAlias"))
	return roomID, q.UserID, err
}

func (a *API) makeRoomAdmin(r *request) (any, error) {
	roomID, userID, err := a.named(r)
	if err != nil {
		return nil, err
	}
	return nil, a.Admin.MakeRoomAdmin(r.Context(), actor(r), roomID, cmp.Or(userID, r.Session.UserID))
}

func (a *API) joinUser(r *request) (any, error) {
	roomID, userID, err := a.named(r)
	if err != nil {
		return nil, err
	}
	if userID == "" {
		return nil, merr.MissingParam("user_id is missing")
	}
	return map[string]string{"room_id": roomID}, a.Admin.JoinUser(r.Context(), actor(r), roomID, userID)
}
