package clientapi_test

import (
	"net/http"
	"reflect"
	"testing"
)

func TestTyping(t *testing.T) {
	s := newContentServer(t)
	room := s.Room("lounge")
	room.Join(alice, "Alice")
	room.Join(bob, "Bob")
	path := "/_matrix/client/v3/rooms/" + room.ID + "/typing/"
	typing := s.ephemeral

	if !s.wakes(bob, func() { s.ok(alice, "PUT", path+alice, `{"typing":true,"timeout":9223372036854775807}`) }) {
		t.Fatal("bob is not woken when alice begins to type")
	}
	if got := typing.Typing(room.Ref); !reflect.DeepEqual(got, []string{alice}) {
		t.Fatalf("typing: %v", got)
	}
	began := typing.Position()
	if s.wakes(bob, func() { s.ok(alice, "PUT", path+alice, `{"typing":true,"timeout":20000}`) }) {
		t.Fatal("bob is woken although the same people type")
	}
	if at := typing.ChangedAt(room.Ref); at == 0 || at != began {
		t.Fatalf("changed at %d, was %d", at, began)
	}
	if !s.wakes(bob, func() { s.ok(alice, "PUT", path+alice, `{"typing":false}`) }) {
		t.Fatal("bob is not woken when alice stops")
	}
	if at := typing.ChangedAt(room.Ref); at <= began || len(typing.Typing(room.Ref)) != 0 {
		t.Fatalf("changed at %d, was %d, typing: %v", at, began, typing.Typing(room.Ref))
	}
}

func TestTypingRefusals(t *testing.T) {
	s := newContentServer(t)
	room := s.Room("lounge")
	room.Join(alice, "Alice")
	path := "/_matrix/client/v3/rooms/" + room.ID + "/typing/"
	for name, c := range map[string]struct {
		user, path, body, errcode string
		status                    int
	}{
		"somebody else":    {alice, path + bob, `{"typing":true}`, "M_FORBIDDEN", http.StatusForbidden},
		"not in the room":  {bob, path + bob, `{"typing":true}`, "M_FORBIDDEN", http.StatusForbidden},
		"no such room":     {bob, "/_matrix/client/v3/rooms/!none/typing/" + bob, `{"typing":true}`, "M_FORBIDDEN", http.StatusForbidden},
		"typing missing":   {alice, path + alice, `{}`, "M_BAD_JSON", http.StatusBadRequest},
		"typing no bool":   {alice, path + alice, `{"typing":"yes"}`, "M_BAD_JSON", http.StatusBadRequest},
		"negative timeout": {alice, path + alice, `{"typing":true,"timeout":-1}`, "M_INVALID_PARAM", http.StatusBadRequest},
		"no token":         {"", path + alice, `{"typing":true}`, "M_MISSING_TOKEN", http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			s.want(c.status, c.errcode, c.user, "PUT", c.path, c.body)
		})
	}
	if got := s.ephemeral.Typing(room.Ref); len(got) != 0 {
		t.Fatalf("typing: %v", got)
	}
}
