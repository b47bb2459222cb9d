package server_test

import (
	"net/url"
	"testing"
	"time"

	"beffroi/server/servertest"
)

const slidingPath = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"

// window is an answer of sliding sync, as far as these tests look at it.
type slidingAnswer struct {
	Pos   string
	Lists map[string]struct{ Count int }
	Rooms map[string]struct {
		Name        string
		Initial     bool
		Timeline    []struct{ Content struct{ Body string } }
		PrevBatch   string `json:"prev_batch"`
		InviteState []any  `json:"invite_state"`
	}
	Extensions map[string]any
}

func elementX(ranges [][2]int) map[string]any {
	return map[string]any{"conn_id": "room-list",
		"lists": map[string]any{"all_rooms": map[string]any{"ranges": ranges, "timeline_limit": 1,
			"required_state": [][2]string{{"m.room.name", ""}, {"m.room.encryption", ""}, {"m.room.member", "$LAZY"}, {"m.room.member", "$ME"}, {"m.room.topic", ""},
				{"m.room.avatar", ""}, {"m.room.canonical_alias", ""}, {"m.room.power_levels", ""}, {"m.room.create", ""}},
			"filters": map[string]any{"not_room_types": []string{"m.space"}}}},
		"extensions": map[string]any{"account_data": map[string]any{"enabled": true}, "receipts": map[string]any{"enabled": true, "rooms": []string{"*"}},
			"typing": map[string]any{"enabled": true}},
	}
}

// A client as they are today: the spelling of before the merge, position and timeout in the query, a request that waits.
func TestSlidingSyncOverHTTP(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(map[string]any{"name": "Salon", "preset": "public_chat"})
	bob.Join(room)
	invited := bob.CreateRoom(map[string]any{"invite": []string{alice.UserID}})
	var first, next slidingAnswer
	alice.Must("POST", slidingPath, elementX([][2]int{{0, 19}}), &first)
	if first.Lists["all_rooms"].Count != 2 || first.Rooms[room].Name != "Salon" || !first.Rooms[room].Initial || len(first.Rooms[invited].InviteState) == 0 {
		t.Fatalf("%+v", first)
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		alice.Must("POST", slidingPath+"?timeout=30000&pos="+url.QueryEscape(first.Pos), elementX([][2]int{{0, 19}}), &next)
	}()
	for begin := time.Now(); s.Waiting() == 0 && time.Since(begin) < 10*time.Second; {
		time.Sleep(time.Millisecond)
	}
	bob.SendText(room, "bonjour")
	<-told
	if tl := next.Rooms[room].Timeline; len(tl) != 1 || tl[0].Content.Body != "bonjour" || len(next.Rooms) != 1 {
		t.Fatalf("%+v", next)
	}
	bob.SendText(room, "encore")
	var page struct {
		Chunk []struct{ Content struct{ Body string } }
	}
	alice.Must("GET", "/_matrix/client/v3/rooms/"+url.PathEscape(room)+"/messages?dir=f&from="+url.QueryEscape(next.Pos), nil, &page)
	if len(page.Chunk) != 1 || page.Chunk[0].Content.Body != "encore" {
		t.Errorf("/messages from a position: %+v", page)
	}
	alice.MustFail(400, "M_UNKNOWN_POS", "POST", slidingPath+"?pos=5", elementX(nil))
	alice.MustFail(400, "M_INVALID_PARAM", "POST", slidingPath+"?set_presence=away", elementX(nil))
	alice.MustFail(400, "M_BAD_JSON", "POST", slidingPath, map[string]any{"lists": 5})
	alice.Must("POST", "/_matrix/client/v4/sync", map[string]any{"timeout": 0, "lists": map[string]any{"a": map[string]any{"range": []int{0, 0}, "timeline_limit": 1,
		"required_state": map[string]any{"include": []any{map[string]any{}}}}}}, &first)
	s.Anonymous(t).MustFail(401, "M_MISSING_TOKEN", "POST", slidingPath, elementX(nil))
}
