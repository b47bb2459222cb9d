package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/servertest"

	"maunium.net/go/mautrix/id"
)

func joinBy(roomID string, via ...string) string {
	return "/_matrix/client/v3/join/" + url.PathEscape(roomID) + "?" + url.Values{"via": via}.Encode()
}

// texts pages back through the whole history of a room and gives what was said in it, the latest first.
func texts(t *testing.T, u *servertest.User, roomID string) (all []string) {
	t.Helper()
	for from, pages := "", 0; ; pages++ {
		var page struct {
			End   string `json:"end"`
			Chunk []struct {
				Content struct {
					Body string `json:"body"`
				} `json:"content"`
			} `json:"chunk"`
		}
		u.Must(http.MethodGet, "/_matrix/client/v3/rooms/"+url.PathEscape(roomID)+"/messages?dir=b&limit=5&from="+from, nil, &page)
		for _, e := range page.Chunk {
			if e.Content.Body != "" {
				all = append(all, e.Content.Body)
			}
		}
		if page.End == "" || pages == 100 {
			return all
		}
		from = page.End
	}
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
			alice.Must(http.MethodPost, joinBy(there.Room.ID, "127.0.0.1:1", "no name", there.Name), map[string]any{}, &joined)
			if joined.RoomID != there.Room.ID {
				t.Fatalf("joined %q", joined.RoomID)
			}
			room := alice.Sync(since, "").Rooms.Join
			if len(room) != 1 {
				t.Fatalf("%d rooms in sync", len(room))
			}
			past := texts(t, alice, there.Room.ID)
			if want := []string{"trois", "deux", "un"}; !slices.Equal(past, want) {
				t.Errorf("history is %q, want %q", past, want)
			}
			for id, r := range room {
				if string(id) != there.Room.ID || !r.Timeline.Limited || len(r.Timeline.Events) != 1 || len(r.State.Events) < 6 {
					t.Errorf("%s: %d events, %d of the state", id, len(r.Timeline.Events), len(r.State.Events))
				}
			}
		})
	}
}

// two starts two servers with a user each: ours and theirs.
func two(t *testing.T) (home, there *servertest.Server, alice, bob *servertest.User) {
	t.Helper()
	n := servertest.NewNetwork(t)
	home, there = n.Start(""), n.Start("")
	return home, there, home.Register(t, "alice"), there.Register(t, "bob")
}

func TestARoomOfAnotherBeffroiIsJoinedByItsAlias(t *testing.T) {
	home, there, alice, bob := two(t)
	dora := home.Register(t, "dora")
	for _, version := range []string{"1", "10", "12"} {
		roomID := bob.CreateRoom(object{"preset": "public_chat", "room_version": version, "room_alias_name": "fete" + version, "name": "Fête"})
		for _, text := range []string{"un", "deux", "trois"} {
			bob.SendText(roomID, text)
		}
		alias := "#fete" + version + ":" + there.ServerName
		var joined struct {
			RoomID string `json:"room_id"`
		}
		alice.Must(http.MethodPost, joinBy(alias), object{}, &joined)
		if joined.RoomID != roomID {
			t.Fatalf("joined %q, not %q", joined.RoomID, roomID)
		}
		dora.Join(roomID) // the room is here now
		if past := texts(t, alice, roomID); !slices.Equal(past, []string{"trois", "deux", "un"}) {
			t.Errorf("version %s: history is %q", version, past)
		}
		if name := state(alice, roomID, "m.room.name"); name["name"] != "Fête" {
			t.Errorf("version %s: name is %v", version, name)
		}
	}
	alice.MustFail(http.StatusNotFound, "M_NOT_FOUND", http.MethodPost, joinBy("#none:"+there.ServerName), object{})
}

// A room that lets members of a space in: who asks through the other server gets its signature, and so does who can't be let in by anybody here.
func TestRestrictedRoomsOfOthers(t *testing.T) {
	home, there, alice, bob := two(t)
	dora := home.Register(t, "dora")
	var allow []object
	spaces := map[*servertest.User]string{} // one for each, so that both are let in by the other server
	for _, u := range []*servertest.User{alice, dora} {
		spaces[u] = bob.CreateRoom(object{"preset": "public_chat", "creation_content": object{"type": "m.space"}})
		allow = append(allow, object{"type": "m.room_membership", "room_id": spaces[u]})
	}
	room := bob.CreateRoom(object{"preset": "public_chat", "room_version": "10", "power_level_content_override": object{"invite": 50}, "initial_state": []object{
		{"type": "m.room.join_rules", "content": object{"join_rule": "restricted", "allow": allow}}}})
	alice.MustFail(http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, joinBy(room, there.ServerName), object{})
	for _, u := range []*servertest.User{alice, dora} {
		u.Must(http.MethodPost, joinBy(spaces[u], there.ServerName), object{}, nil)
		u.Must(http.MethodPost, joinBy(room, there.ServerName), object{}, nil)
		if got := state(u, room, "m.room.member/"+url.PathEscape(u.UserID)); pdu.ServerOf(fmt.Sprint(got["join_authorised_via_users_server"])) != there.ServerName {
			t.Errorf("%s is let in as %v", u.UserID, got)
		}
	}
}

// An invitation is declined, and a knock taken back, by the server that it is of; and where that one is gone they end here all the same.
func TestInvitationsAreDeclined(t *testing.T) {
	for _, version := range []string{"1", "10", "12"} {
		for _, gone := range []bool{false, true} {
			_, there, alice, bob := two(t)
			roomID := bob.CreateRoom(object{"preset": "private_chat", "room_version": version, "name": "Budget"})
			bob.Must(http.MethodPost, roomPath(roomID)+"/invite", object{"user_id": alice.UserID}, nil)
			since := alice.Sync("", "")
			if len(since.Rooms.Invite) != 1 {
				t.Fatalf("version %s: %d invitations", version, len(since.Rooms.Invite))
			}
			if gone {
				there.Stop()
			}
			alice.Must(http.MethodPost, roomPath(roomID)+"/leave", object{"reason": "congés"}, nil)
			after := alice.Sync(since.NextBatch, "")
			if len(after.Rooms.Leave) != 1 || len(alice.Sync("", "").Rooms.Invite) != 0 {
				t.Errorf("version %s, gone %t: %d rooms left in sync, %d invitations", version, gone, len(after.Rooms.Leave), len(alice.Sync("", "").Rooms.Invite))
			}
			if gone {
				continue
			}
			if got := memberships(bob, roomID)[alice.UserID]; got != "leave" {
				t.Errorf("version %s: there the membership is %q", version, got)
			}
			bob.Must(http.MethodPost, roomPath(roomID)+"/invite", object{"user_id": alice.UserID}, nil)
			alice.Must(http.MethodPost, joinBy(roomID), object{}, nil)
			if got := memberships(bob, roomID)[alice.UserID]; got != "join" {
				t.Errorf("version %s: invited again and joined, the membership is %q", version, got)
			}
		}
	}
}

// An invitation ends where the one who invited takes it back, though nobody of the invited's server is in the room.
func TestInvitationsAreTakenBack(t *testing.T) {
	for _, version := range []string{"1", "10", "12"} {
		_, _, alice, bob := two(t)
		roomID := bob.CreateRoom(object{"preset": "private_chat", "room_version": version, "invite": []string{alice.UserID}})
		since := alice.Sync("", "")
		if len(since.Rooms.Invite) != 1 {
			t.Fatalf("version %s: %d invitations", version, len(since.Rooms.Invite))
		}
		bob.Must(http.MethodPost, roomPath(roomID)+"/kick", object{"user_id": alice.UserID}, nil)
		for end := time.Now().Add(20 * time.Second); len(since.Rooms.Leave) == 0; {
			if time.Now().After(end) {
				t.Fatalf("version %s: the invitation stays", version)
			}
			since = alice.Sync(since.NextBatch, "timeout=5000")
		}
		if again := alice.Sync("", ""); len(again.Rooms.Invite) != 0 {
			t.Errorf("version %s: %d invitations", version, len(again.Rooms.Invite))
		}
	}
}

func TestKnockingElsewhere(t *testing.T) {
	for _, version := range []string{"7", "12"} {
		_, there, alice, bob := two(t)
		roomID := bob.CreateRoom(object{"preset": "private_chat", "room_version": version, "name": "Budget", "initial_state": []object{
			{"type": "m.room.join_rules", "content": object{"join_rule": "knock"}}}})
		knock := "/_matrix/client/v3/knock/" + url.PathEscape(roomID) + "?via=" + url.QueryEscape(there.ServerName)
		knocks := func(want string) {
			t.Helper()
			alice.Must(http.MethodPost, knock, object{"reason": "s'il vous plaît"}, nil)
			if got := memberships(bob, roomID)[alice.UserID]; got != "knock" {
				t.Errorf("version %s: there the membership is %q", version, got)
			}
			shown := alice.Sync("", "").Rooms.Knock
			if len(shown) != 1 {
				t.Fatalf("version %s: %d knocks are shown", version, len(shown))
			}
			for _, room := range shown {
				for _, e := range room.State.Events {
					if e.Type.Type == "m.room.name" && e.Content.Raw["name"] == want {
						return
					}
				}
			}
			t.Errorf("version %s: the room's name is not shown", version)
		}
		knocks("Budget")
		alice.Must(http.MethodPost, roomPath(roomID)+"/leave", object{}, nil)
		if got := memberships(bob, roomID)[alice.UserID]; got != "leave" {
			t.Errorf("version %s: there the membership is %q", version, got)
		}
		knocks("Budget")
		bob.Must(http.MethodPost, roomPath(roomID)+"/invite", object{"user_id": alice.UserID}, nil)
		alice.Must(http.MethodPost, joinBy(roomID), object{}, nil)
		if room := alice.Sync("", "").Rooms; len(room.Join) != 1 || len(room.Knock) != 0 || len(room.Invite) != 0 {
			t.Errorf("version %s: after the join %d rooms, %d knocks, %d invitations", version, len(room.Join), len(room.Knock), len(room.Invite))
		}
	}
}

// A room of another server's is upgraded: who is in it sees where it goes on, joins there by the servers that the client knows, and finds what they had set up.
func TestARoomOfOthersIsUpgraded(t *testing.T) {
	n := servertest.NewNetwork(t)
	home := n.Start("")
	old, next := n.Peer().Reside("10"), (*servertest.Residence)(nil)
	next = n.Peer().Found("12", object{"predecessor": object{"room_id": old.Room.ID, "event_id": old.Line.Tips[0]}})
	alice := home.Register(t, "alice")
	alice.Must(http.MethodPost, joinBy(old.Room.ID, old.Name), object{}, nil)
	alice.Must(http.MethodPut, "/_matrix/client/v3/user/"+url.PathEscape(alice.UserID)+"/rooms/"+url.PathEscape(old.Room.ID)+"/tags/m.favourite", object{"order": 0.5}, nil)
	since := alice.Sync("", "").NextBatch
	old.Deliver(home, old.Set("m.room.tombstone", "", old.User("host"), object{"body": "On continue ailleurs", "replacement_room": next.Room.ID}))
	room := alice.Sync(since, "").Rooms.Join[id.RoomID(old.Room.ID)]
	if room == nil || len(room.Timeline.Events) != 1 || room.Timeline.Events[0].Type.Type != "m.room.tombstone" {
		t.Fatalf("the tombstone is not shown: %+v", room)
	}
	alice.Must(http.MethodPost, joinBy(next.Room.ID, next.Name), object{}, nil)
	var tags struct{ Tags map[string]any }
	alice.Must(http.MethodGet, "/_matrix/client/v3/user/"+url.PathEscape(alice.UserID)+"/rooms/"+url.PathEscape(next.Room.ID)+"/tags", nil, &tags)
	if tags.Tags["m.favourite"] == nil {
		t.Errorf("the tags of the new room are %v", tags.Tags)
	}
}

// Messages go both ways after a join, and a gap between two stays is filled when somebody pages into it.
func TestComingBackToARoomOfOthers(t *testing.T) {
	n := servertest.NewNetwork(t)
	home, there := n.Start(""), n.Peer().Reside("12")
	alice := home.Register(t, "alice")
	host := there.User("host")
	there.Say(host, "avant")
	alice.Must(http.MethodPost, joinBy(there.Room.ID, there.Name), object{}, nil)
	there.Deliver(home, there.Say(host, "reçu"))
	alice.Must(http.MethodPost, roomPath(there.Room.ID)+"/leave", object{}, nil)
	there.Follow(home)
	for range 30 {
		there.Say(host, "manqué")
	}
	there.Set("m.room.name", "", host, object{"name": "Salle du conseil"})
	alice.Must(http.MethodPost, joinBy(there.Room.ID, there.Name), object{}, nil)
	there.Deliver(home, there.Say(host, "après"))
	if name := state(alice, there.Room.ID, "m.room.name"); name["name"] != "Salle du conseil" {
		t.Errorf("the name is %v", name)
	}
	want := append(append([]string{"après"}, slices.Repeat([]string{"manqué"}, 30)...), "reçu", "avant")
	if got := texts(t, alice, there.Room.ID); !slices.Equal(got, want) {
		t.Errorf("the history is %d messages: %q", len(got), got)
	}
	joins := 0
	defer there.Lock()()
	for pattern, times := range there.Asked {
		if strings.Contains(pattern, "send_join") {
			joins += times
		}
	}
	if joins != 2 {
		t.Errorf("%d joins were sent", joins)
	}
}

// The same with another Beffroi: while nobody of ours is in the room we hear nothing of it; then all of it is there again, in its order.
func TestComingBackToARoomOfAnotherBeffroi(t *testing.T) {
	home, there, alice, bob := two(t)
	roomID := bob.CreateRoom(object{"preset": "public_chat", "name": "Fête"})
	alice.Must(http.MethodPost, joinBy(roomID, there.ServerName), object{}, nil)
	var want []string
	say := func(u *servertest.User, text string) {
		u.SendText(roomID, text)
		want = slices.Insert(want, 0, text)
	}
	say(bob, "un")
	arrives(t, alice, roomID, want)
	say(alice, "deux")
	arrives(t, bob, roomID, want)
	alice.Must(http.MethodPost, roomPath(roomID)+"/leave", object{}, nil)
	for until := time.Now().Add(30 * time.Second); memberships(bob, roomID)[alice.UserID] != "leave"; {
		if time.Now().After(until) {
			t.Fatal("the other server did not hear that she left")
		}
		bob.Sync(bob.Sync("", "").NextBatch, "timeout=200")
	}
	for i := range 40 {
		say(bob, fmt.Sprint("sans elle ", i))
	}
	bob.Must(http.MethodPut, roomPath(roomID)+"/state/m.room.name", object{"name": "Kermesse"}, nil)
	dora := home.Register(t, "dora")
	dora.Must(http.MethodPost, joinBy(roomID, there.ServerName), object{}, nil)
	alice.Join(roomID)
	if name := state(alice, roomID, "m.room.name"); name["name"] != "Kermesse" {
		t.Errorf("the name is %v", name)
	}
	say(bob, "revenue")
	arrives(t, alice, roomID, want)
	say(alice, "merci")
	arrives(t, bob, roomID, want)
	arrives(t, dora, roomID, want)
}

// Where the client names servers, these are asked, and no others: who follows a link learns that it leads nowhere. Where it names none, the one in the room's id is.
func TestOnlyNamedServersAreAskedForARoom(t *testing.T) {
	n := servertest.NewNetwork(t)
	home, stranger, there := n.Start(""), n.Peer(), n.Peer().Reside("11")
	alice := home.Register(t, "alice")
	alice.MustFail(http.StatusBadGateway, "M_UNKNOWN", http.MethodPost, joinBy(there.Room.ID, stranger.Name), object{})
	alice.Must(http.MethodPost, joinBy(there.Room.ID, stranger.Name, there.Name), object{}, nil)
	alice.Must(http.MethodPost, roomPath(there.Room.ID)+"/leave", object{}, nil)
	alice.Must(http.MethodPost, joinBy(there.Room.ID), object{}, nil)
}
