package server_test

import (
	"net/url"
	"testing"

	"beffroi/server/servertest"
)

type event struct {
	ID       string `json:"event_id"`
	Type     string
	StateKey *string `json:"state_key"`
	Content  struct{ Body, Name string }
}

type page struct {
	Start, End string
	Chunk      []event
}

// Whoever begins at the end of a room's history can come back later and read on from there.
func TestWhereAPageBeganIsWhereLaterOnesGoOn(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{})
	alice.SendText(room, "old")
	var last, next page
	alice.Must("GET", roomPath(room)+"/messages?dir=b&limit=1", nil, &last)
	if len(last.Chunk) != 1 || last.Chunk[0].Content.Body != "old" {
		t.Fatalf("%+v", last)
	}
	alice.SendText(room, "new")
	alice.Must("GET", roomPath(room)+"/messages?dir=f&from="+url.QueryEscape(last.Start), nil, &next)
	if len(next.Chunk) != 1 || next.Chunk[0].Content.Body != "new" {
		t.Errorf("%+v", next)
	}
	alice.Must("GET", roomPath(room)+"/messages?dir=b&limit=1&from="+url.QueryEscape(last.Start), nil, &next)
	if len(next.Chunk) != 1 || next.Chunk[0].Content.Body != "old" || next.Start != last.Start {
		t.Errorf("%+v", next)
	}
}

// The state in an event's context is that at the last event shown, also where nothing comes after the event itself.
func TestContextShowsTheStateAtItsEnd(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{"name": "first"})
	alice.SendText(room, "before")
	alice.Must("PUT", roomPath(room)+"/state/m.room.name", object{"name": "second"}, nil)
	last := alice.SendText(room, "last")
	var answer struct{ State []event }
	alice.Must("GET", roomPath(room)+"/context/"+url.PathEscape(last)+"?limit=10", nil, &answer)
	for _, e := range answer.State {
		if e.Type == "m.room.name" && e.Content.Name != "second" {
			t.Errorf("the room is called %q", e.Content.Name)
		}
	}
}
