package server_test

import (
	"net/http"
	"net/url"
	"testing"

	"beffroi/server/servertest"
)

func joinBy(u *servertest.User, roomID string, via ...string) string {
	return "/_matrix/client/v3/join/" + url.PathEscape(roomID) + "?" + url.Values{"via": via}.Encode()
}

func TestARoomOfOthersIsJoined(t *testing.T) {
	for _, version := range []string{"1", "6", "10", "12"} {
		t.Run(version, func(t *testing.T) {
			n := servertest.NewNetwork(t)
			home := n.Start("")
			there := n.Peer().Reside(version)
			there.Set("m.room.name", "", there.User("host"), map[string]any{"name": "Salle des mariages"})
			for _, text := range []string{"un", "deux", "trois"} {
				there.Say(there.User("host"), text)
			}
			alice := home.Register(t, "alice")
			since := alice.Sync("", "").NextBatch
			var joined struct {
				RoomID string `json:"room_id"`
			}
			alice.Must(http.MethodPost, joinBy(alice, there.Room.ID, there.Name), map[string]any{}, &joined)
			if joined.RoomID != there.Room.ID {
				t.Fatalf("joined %q", joined.RoomID)
			}
			room := alice.Sync(since, "").Rooms.Join
			if len(room) != 1 {
				t.Fatalf("%d rooms in sync", len(room))
			}
			for id, r := range room {
				if string(id) != there.Room.ID || !r.Timeline.Limited || len(r.Timeline.Events) != 1 || len(r.State.Events) < 6 {
					t.Errorf("%s: %d events, %d of the state", id, len(r.Timeline.Events), len(r.State.Events))
				}
			}
		})
	}
}
