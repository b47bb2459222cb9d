package adminapi_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"beffroi/server/config"
	"beffroi/server/servertest"
)

func state(u *servertest.User, room, path string) (content object, status int) {
	status = u.Do("GET", client+"/rooms/"+url.PathEscape(room)+"/state/"+path, nil, &content)
	return content, status
}

// said is what was said in a room, as somebody in it reads it.
func said(u *servertest.User, room string) (all string) {
	var page struct {
		Chunk []struct {
			Type, Sender string
			Content      object
		}
	}
	u.Must("GET", client+"/rooms/"+url.PathEscape(room)+"/messages?dir=b&limit=100", nil, &page)
	for _, e := range page.Chunk {
		if body, ok := e.Content["body"].(string); ok {
			all += e.Sender + ": " + body + "\n"
		}
	}
	return all
}

// Who is made a room's administrator has the power, and everybody in the room sees who asked for it; somebody who is not in it is invited, and does not read before they join.
func TestMakingSomebodyARoomsAdministratorShowsInTheRoom(t *testing.T) {
	for _, version := range []string{"12", "11"} {
		t.Run(version, func(t *testing.T) {
			s := servertest.Start(t, func(c *config.Config) { c.Rooms.DefaultVersion = version })
			chief, alice, bob := s.RegisterAdmin(t, "chief"), s.Register(t, "alice"), s.Register(t, "bob")
			room := alice.CreateRoom(object{"name": "Voirie", "invite": []string{bob.UserID}})
			bob.Join(room)
			alice.SendText(room, "avant")
			chief.Must("POST", v1+"/rooms/"+room+"/make_room_admin", object{"user_id": bob.UserID}, nil)
			levels, _ := state(alice, room, "m.room.power_levels/")
			if get(levels["users"], bob.UserID) != 100.0 && !strings.Contains(bob.UserID, ".") {
				t.Error(levels)
			}
			if users, _ := levels["users"].(object); users[bob.UserID] != 100.0 {
				t.Error(levels)
			}
			bob.Must("PUT", client+"/rooms/"+room+"/state/m.room.name", object{"name": "Voirie et réseaux"}, nil)
			if heard := said(alice, room); !strings.Contains(heard, "@_commune:") || !strings.Contains(heard, chief.UserID) || !strings.Contains(heard, bob.UserID) {
				t.Errorf("the room heard %q", heard)
			}
			chief.Must("POST", v1+"/rooms/"+room+"/make_room_admin", nil, nil) // oneself: an invitation, which shows too
			if member, _ := state(alice, room, "m.room.member/"+chief.UserID); member["membership"] != "invite" {
				t.Error(member)
			}
			chief.MustFail(403, "M_FORBIDDEN", "GET", client+"/rooms/"+room+"/messages?dir=b", nil)
			chief.Join(room)
			chief.MustFail(404, "M_NOT_FOUND", "POST", v1+"/rooms/!none:x/make_room_admin", object{})
			chief.MustFail(404, "M_NOT_FOUND", "POST", v1+"/rooms/%23none:x/make_room_admin", object{})
			chief.MustFail(400, "M_INVALID_PARAM", "POST", v1+"/rooms/"+room+"/make_room_admin", object{"user_id": "bob"})
		})
	}
}

// Into a conversation administration has no way, nor into any room without the town hall's account.
func TestConversationsHaveNoWayIn(t *testing.T) {
	w := openTown(t)
	w.chief.MustFail(403, "M_FORBIDDEN", "POST", v1+"/rooms/"+w.conversation+"/make_room_admin", object{})
	w.chief.MustFail(403, "M_FORBIDDEN", "POST", v1+"/join/"+w.conversation, object{"user_id": w.chief.UserID})
	if _, status := state(w.alice, w.conversation, "m.room.member/"+w.chief.UserID); status != 404 {
		t.Error("the administrator has a membership", status)
	}
	s := servertest.Start(t, func(c *config.Config) { c.Rooms.Custodian = "" })
	chief, alice := s.RegisterAdmin(t, "chief"), s.Register(t, "alice")
	room := alice.CreateRoom(object{})
	chief.MustFail(403, "M_FORBIDDEN", "POST", v1+"/rooms/"+room+"/make_room_admin", object{})
	chief.MustFail(400, "M_UNKNOWN", "POST", v1+"/send_server_notice", object{"user_id": alice.UserID, "content": object{"body": "x", "msgtype": "m.text"}})
	chief.MustFail(400, "M_UNKNOWN", "POST", ours+"/notices", object{"body": "x"})
	chief.Must("POST", v1+"/reset_password/"+alice.UserID, object{}, nil) // told by the answer only
}

// Without custody the town hall's account is in no salon, and no way into one, but sends notices.
func TestNoticesWithoutCustody(t *testing.T) {
	s := servertest.Start(t, func(c *config.Config) { c.Rooms.Custodian, c.Rooms.Custody = "_server", false })
	chief, alice := s.RegisterAdmin(t, "chief"), s.Register(t, "alice")
	for _, version := range []string{"11", "12"} {
		room := alice.CreateRoom(object{"room_version": version})
		if _, status := state(alice, room, "m.room.member/@_server:"+s.ServerName); status != 404 {
			t.Error(version, "the account is in the salon", status)
		}
		if create, _ := state(alice, room, "m.room.create"); create["additional_creators"] != nil {
			t.Error(version, create)
		}
		chief.MustFail(403, "M_FORBIDDEN", "POST", v1+"/rooms/"+room+"/make_room_admin", object{})
		var next struct {
			ID string `json:"replacement_room"`
		}
		alice.Must("POST", client+"/rooms/"+room+"/upgrade", object{"new_version": "12"}, &next)
		if _, status := state(alice, next.ID, "m.room.member/@_server:"+s.ServerName); status != 404 {
			t.Error(version, "the account is in the successor", status)
		}
	}
	chief.Must("POST", v1+"/send_server_notice", object{"user_id": alice.UserID, "content": object{"body": "Coupure à midi", "msgtype": "m.text"}}, nil)
	if told := notices(t, alice); !strings.Contains(told, "Coupure à midi") {
		t.Error(told)
	}
	s.Anonymous(t).MustFail(400, "M_USER_IN_USE", "GET", client+"/register/available?username=_server", nil)
}

// An administrator joins others to rooms that they are in themselves, or that are open.
func TestJoiningSomebody(t *testing.T) {
	w := openTown(t)
	open := w.alice.CreateRoom(object{"preset": "public_chat", "room_alias_name": "place"})
	w.chief.Must("POST", v1+"/join/%23place:"+w.ServerName, object{"user_id": w.bob.UserID}, nil)
	if m, _ := state(w.alice, open, "m.room.member/"+w.bob.UserID); m["membership"] != "join" {
		t.Error(m)
	}
	closed := w.chief.CreateRoom(object{})
	w.chief.Must("POST", v1+"/join/"+closed, object{"user_id": w.bob.UserID}, nil)
	w.chief.MustFail(403, "M_FORBIDDEN", "POST", v1+"/join/"+w.salon, object{"user_id": w.chief.UserID})
	w.chief.MustFail(400, "M_MISSING_PARAM", "POST", v1+"/join/"+closed, object{})
	w.chief.MustFail(404, "M_NOT_FOUND", "POST", v1+"/join/"+closed, object{"user_id": "@none:" + w.ServerName})
}

// A room that is closed is gone for everybody, those who were in it are told where to go, and a blocked one is not entered again.
func TestClosingARoom(t *testing.T) {
	w := openTown(t)
	open := w.alice.CreateRoom(object{"preset": "public_chat", "room_alias_name": "place"})
	w.bob.Join(open)
	w.chief.Must("PUT", v1+"/rooms/"+open+"/block", object{"block": true}, nil)
	late := w.Register(t, "late")
	for _, call := range [][2]string{{"POST", "/rooms/" + open + "/join"}, {"POST", "/join/%23place:" + w.ServerName}, {"POST", "/knock/" + open}} {
		late.MustFail(403, "M_FORBIDDEN", call[0], client+call[1], object{})
	}
	late.MustFail(403, "M_FORBIDDEN", "PUT", client+"/rooms/"+open+"/state/m.room.member/"+late.UserID, object{"membership": "join"})
	w.alice.MustFail(403, "M_FORBIDDEN", "POST", client+"/rooms/"+open+"/invite", object{"user_id": late.UserID})
	w.chief.Must("PUT", v1+"/rooms/"+open+"/block", object{"block": false}, nil)
	late.Join(open)

	var closed struct {
		Kicked  []string `json:"kicked_users"`
		Aliases []string `json:"local_aliases"`
		New     string   `json:"new_room_id"`
	}
	for _, path := range []string{v1, v2} { // nobody speaks in somebody else's name
		w.chief.MustFail(403, "M_FORBIDDEN", "DELETE", path+"/rooms/"+open, object{"new_room_user_id": w.alice.UserID, "message": "Je démissionne"})
	}
	w.chief.Must("DELETE", v1+"/rooms/"+open, object{"new_room_user_id": w.chief.UserID, "room_name": "Fermé", "message": "Pour travaux", "block": true}, &closed)
	if len(closed.Kicked) != 4 || len(closed.Aliases) != 1 { // and the town hall's account
		t.Error(closed)
	}
	w.chief.MustFail(404, "M_NOT_FOUND", "GET", v1+"/rooms/"+open, nil)
	w.alice.MustFail(403, "M_FORBIDDEN", "GET", client+"/rooms/"+open+"/messages?dir=b", nil)
	late.Join(closed.New)
	if heard := said(late, closed.New); !strings.Contains(heard, "Pour travaux") {
		t.Error(heard)
	}
	late.MustFail(403, "M_FORBIDDEN", "POST", client+"/rooms/"+open+"/join", object{})

	var begun struct {
		ID string `json:"delete_id"`
	}
	w.chief.Must("DELETE", v2+"/rooms/"+w.salon, object{"purge": false}, &begun)
	status := object{}
	for deadline := time.Now().Add(20 * time.Second); status["status"] != "complete" && time.Now().Before(deadline); {
		w.chief.Must("GET", v2+"/rooms/delete_status/"+begun.ID, nil, &status)
	}
	if kicked, _ := get(status["shutdown_room"], "kicked_users").([]any); len(kicked) != 3 {
		t.Error(status)
	}
	w.chief.Must("GET", v1+"/rooms/"+w.salon, nil, nil)
	w.chief.MustFail(404, "M_NOT_FOUND", "DELETE", v1+"/rooms/!none:x", object{})
	w.chief.Must("DELETE", v1+"/rooms/!none:x", object{"block": true}, nil) // one that is not here can be blocked
}

// The messages of somebody go, in the town hall's name and not in theirs, where administration has a way; elsewhere that is told.
func TestRedactingSomebody(t *testing.T) {
	w := openTown(t)
	w.bob.SendText(w.conversation, "chuchot")
	for range 3 {
		w.bob.SendText(w.salon, "injure")
	}
	kept := w.alice.SendText(w.salon, "réponse")
	var begun struct {
		ID string `json:"redact_id"`
	}
	w.chief.Must("POST", v1+"/user/"+w.bob.UserID+"/redact", object{"rooms": []string{}, "reason": "charte"}, &begun)
	status := object{}
	for deadline := time.Now().Add(20 * time.Second); status["status"] != "completed" && time.Now().Before(deadline); {
		w.chief.Must("GET", v1+"/user/redact_status/"+begun.ID, nil, &status)
	}
	if failed, _ := status["failed_redactions"].(object); len(failed) != 1 {
		t.Error(status)
	}
	if heard := said(w.alice, w.salon); strings.Contains(heard, "injure") || !strings.Contains(heard, "réponse") {
		t.Error(heard)
	}
	if heard := said(w.alice, w.conversation); !strings.Contains(heard, "chuchot") {
		t.Error(heard)
	}
	var event struct{ Unsigned object }
	w.alice.Must("GET", client+"/rooms/"+w.salon+"/event/"+w.reported, nil, &event)
	if by := get(event.Unsigned, "redacted_because.sender"); by != "@_commune:"+w.ServerName {
		t.Error(by)
	}
	w.alice.Must("GET", client+"/rooms/"+w.salon+"/event/"+kept, nil, &event)
	w.chief.MustFail(400, "M_MISSING_PARAM", "POST", v1+"/user/"+w.bob.UserID+"/redact", object{})
	w.chief.MustFail(400, "M_INVALID_PARAM", "POST", v1+"/user/bob/redact", object{"rooms": []string{}})
	w.chief.MustFail(400, "M_INVALID_PARAM", "POST", v1+"/user/"+w.bob.UserID+"/redact", object{"rooms": []string{}, "limit": -1})
}
