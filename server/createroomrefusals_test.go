package server_test

import (
	"strings"
	"testing"

	"beffroi/server/servertest"
)

// A room is made as it was asked for, or not at all.
func TestCreateRoomRefuses(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	s.Register(t, "bob")
	alice.CreateRoom(object{"room_alias_name": "taken"})
	bob := "@bob:" + s.ServerName
	for _, c := range []struct {
		body    object
		status  int
		errcode string
	}{
		{object{"room_version": "99"}, 400, "M_UNSUPPORTED_ROOM_VERSION"},
		{object{"room_version": 11}, 400, "M_BAD_JSON"},
		{object{"room_alias_name": "taken"}, 400, "M_ROOM_IN_USE"},
		{object{"room_alias_name": "a:b"}, 400, "M_INVALID_PARAM"},
		{object{"room_alias_name": strings.Repeat("x", 256)}, 400, "M_INVALID_PARAM"},
		{object{"name": 5}, 400, "M_BAD_JSON"},
		{object{"topic": []string{}}, 400, "M_BAD_JSON"},
		{object{"invite": bob}, 400, "M_BAD_JSON"},
		{object{"invite": []string{"bob"}}, 400, "M_INVALID_PARAM"},
		{object{"invite": []string{"@nobody:" + s.ServerName}}, 404, "M_NOT_FOUND"},
		{object{"is_direct": "yes"}, 400, "M_BAD_JSON"},
		{object{"power_level_content_override": "x"}, 400, "M_BAD_JSON"},
		{object{"power_level_content_override": object{"ban": "x"}}, 400, "M_INVALID_ROOM_STATE"},
		{object{"power_level_content_override": object{"users": object{bob: 100}, "events_default": 101}}, 200, ""},
		{object{"initial_state": []object{{"type": "m.room.power_levels", "content": object{"ban": []int{}}}}}, 400, "M_INVALID_ROOM_STATE"},
		{object{"initial_state": object{}}, 400, "M_BAD_JSON"},
		{object{"initial_state": []object{{"type": "m.room.create", "content": object{"room_version": "11"}}}}, 400, "M_INVALID_PARAM"},
		{object{"name": strings.Repeat("x", 1<<16)}, 413, "M_TOO_LARGE"},
		{object{"x": strings.Repeat("x", 1<<18)}, 413, "M_TOO_LARGE"},
		{object{"invite_3pid": []object{{"medium": "email", "address": "x@mairie.test", "id_server": "x.test", "id_access_token": "x"}}}, 400, "M_INVALID_PARAM"},
	} {
		status, answer := alice.Raw("POST", clientV3+"/createRoom", c.body)
		if status != c.status || !strings.Contains(string(answer), c.errcode) {
			t.Errorf("%.100v: %d %.300s, want %d %s", c.body, status, answer, c.status, c.errcode)
		}
	}
	var rooms struct {
		Joined []string `json:"joined_rooms"`
	}
	if alice.Must("GET", clientV3+"/joined_rooms", nil, &rooms); len(rooms.Joined) != 2 {
		t.Errorf("of what was refused there are rooms: %d", len(rooms.Joined))
	}
}
