package server_test

import (
	"net/url"
	"testing"

	"maunium.net/go/mautrix/id"

	"beffroi/server/servertest"
)

func inviteConfig(u *servertest.User) string {
	return clientV3 + "/user/" + u.UserID + "/account_data/m.invite_permission_config"
}

// Source: client-server API, "Invite permission".
func TestInvitationsAreBlocked(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{})
	bob.Must("PUT", inviteConfig(bob), object{"default_action": "block"}, nil)
	alice.MustFail(403, "M_INVITE_BLOCKED", "POST", clientV3+"/rooms/"+room+"/invite", object{"user_id": bob.UserID})
	alice.MustFail(403, "M_INVITE_BLOCKED", "POST", clientV3+"/createRoom", object{"invite": []string{bob.UserID}})
	alice.MustFail(403, "M_INVITE_BLOCKED", "PUT", clientV3+"/rooms/"+room+"/state/m.room.member/"+bob.UserID, object{"membership": "invite"})
	if invited := bob.Sync("", "").Rooms.Invite; len(invited) != 0 {
		t.Error(invited)
	}
	bob.Must("PUT", inviteConfig(bob), object{}, nil)
	alice.Invite(room, bob)
	if invited := bob.Sync("", "").Rooms.Invite; len(invited) != 1 {
		t.Error(invited)
	}
}

// erasure is a room in which alice wrote before her account was erased.
type erasure struct {
	t          *testing.T
	room, text string // the ids of the room and of her message
}

func (e erasure) read(u *servertest.User, path string, out any) {
	e.t.Helper()
	u.Must("GET", clientV3+"/rooms/"+e.room+path, nil, out)
}

// bodies is what a user reads of alice's message, by each way that there is.
func (e erasure) bodies(u *servertest.User) map[string]string {
	e.t.Helper()
	type event struct {
		ID      string `json:"event_id"`
		Content struct {
			Body        string
			DisplayName string
		}
	}
	var one event
	var page struct{ Chunk []event }
	var around struct{ Event event }
	e.read(u, "/event/"+e.text, &one)
	e.read(u, "/messages?dir=b&limit=100", &page)
	e.read(u, "/context/"+e.text, &around)
	got := map[string]string{"event": one.Content.Body, "context": around.Event.Content.Body}
	for _, m := range page.Chunk {
		if m.ID == e.text {
			got["messages"] = m.Content.Body
		}
	}
	for _, m := range u.Sync("", "&filter="+url.QueryEscape(`{"room":{"timeline":{"limit":100}}}`)).Rooms.Join[id.RoomID(e.room)].Timeline.Events {
		if m.ID.String() == e.text {
			got["sync"], _ = m.Content.Raw["body"].(string)
		}
	}
	got["search"] = e.found(u)
	return got
}

// found is what a search for a word of the message shows of it.
func (e erasure) found(u *servertest.User) string {
	e.t.Helper()
	var answer struct {
		Categories struct {
			RoomEvents struct {
				Results []struct {
					Result struct{ Content struct{ Body string } }
				}
			} `json:"room_events"`
		} `json:"search_categories"`
	}
	u.Must("POST", clientV3+"/search", object{"search_categories": object{"room_events": object{"search_term": "aubergine"}}}, &answer)
	for _, r := range answer.Categories.RoomEvents.Results {
		return r.Result.Content.Body
	}
	return ""
}

// Who comes after an erasure is shown what the person wrote redacted, however they read it. Who was there before sees it as it was.
// Source: client-server API, "Account deactivation", erase.
func TestErasedPeoplesMessages(t *testing.T) {
	s := servertest.Start(t)
	alice, bob, back, late := s.Register(t, "alice"), s.Register(t, "bob"), s.Register(t, "back"), s.Register(t, "late")
	alice.Must("PUT", clientV3+"/profile/"+alice.UserID+"/displayname", object{"displayname": "Alice A."}, nil)
	e := erasure{t: t, room: alice.CreateRoom(object{"preset": "public_chat", "topic": "Potager"})}
	bob.Join(e.room)
	back.Join(e.room)
	e.text = alice.SendText(e.room, "une aubergine")
	back.Must("POST", clientV3+"/rooms/"+e.room+"/leave", object{}, nil)
	alice.Must("POST", clientV3+"/account/deactivate", object{"erase": true, "auth": object{"type": "m.login.password", "user": "alice", "password": "alice"}}, nil)
	back.Join(e.room)
	late.Join(e.room)
	for range 2 { // the second time after a restart
		for name, u := range map[string]*servertest.User{"bob": bob, "back": back} {
			for way, body := range e.bodies(u) {
				if body != "une aubergine" {
					t.Errorf("%s by %s: %q", name, way, body)
				}
			}
		}
		for way, body := range e.bodies(late) {
			if body != "" {
				t.Errorf("late by %s: %q", way, body)
			}
		}
		var topic struct{ Topic string }
		e.read(late, "/state/m.room.topic", &topic)
		var name object
		e.read(late, "/state/m.room.member/"+alice.UserID, &name)
		if topic.Topic != "Potager" || len(name) != 1 {
			t.Error("the room's state stays, the person's name does not:", topic, name)
		}
		s.Restart()
	}
}
