package server_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"beffroi/server/delayed"
	"beffroi/server/servertest"
	"beffroi/server/store"
)

const delayedPath = "/_matrix/client/unstable/org.matrix.msc4140"

// delayedAnswer is what these tests look at of a delayed event.
type delayedAnswer struct {
	DelayID   string  `json:"delay_id"`
	StateKey  *string `json:"state_key"`
	Delay     int64   `json:"delay_ms"`
	Since     int64   `json:"scheduled_at"`
	Finalised int64   `json:"finalised_ts"`
	EventID   string  `json:"event_id"`
	Content   object
	Error     struct{ Errcode string }
}

func later(u *servertest.User, room, txn string, delay int, content object) (id string) {
	var answer delayedAnswer
	u.Must("PUT", delayedPath+"/rooms/"+room+"/delayed_event/m.room.message/"+txn, object{"delay_ms": delay, "content": content}, &answer)
	return answer.DelayID
}

func delayedEvent(u *servertest.User, id string) (e delayedAnswer) {
	u.Must("GET", delayedPath+"/delayed_events/"+id, nil, &e)
	return e
}

// makeDue lets the time of scheduled events come, so many milliseconds after each other, whatever their delay. The server is not told.
func makeDue(t *testing.T, db *store.DB, apart int, ids ...string) {
	t.Helper()
	past := time.Now().Add(-time.Hour).UnixMilli()
	err := db.Write(t.Context(), func(tx *store.Tx) error {
		for i, id := range ids {
			e, _, err := tx.DelayedEvent(id)
			if err != nil {
				return err
			}
			if err := tx.RestartDelayed(id, past+int64(i*apart)-e.Delay); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// due is makeDue, and the server looks for what is due, because something else is scheduled.
func due(t *testing.T, s *servertest.Server, u *servertest.User, room, id string) {
	t.Helper()
	makeDue(t, s.DB(), 0, id)
	manage(u, later(u, room, "after "+id, 3600_000, object{}), "cancel")
}

func scheduled(u *servertest.User) []delayedAnswer {
	var answer struct {
		Events []delayedAnswer `json:"delayed_events"`
	}
	u.Must("GET", delayedPath+"/delayed_events", nil, &answer)
	return answer.Events
}

func manage(u *servertest.User, id, action string) {
	u.Must("POST", delayedPath+"/delayed_events/"+id+"/"+action, object{}, nil)
}

// unsignedOf reads an event as a user sees it.
func unsignedOf(u *servertest.User, room, id string) (content, unsigned object) {
	var e struct{ Content, Unsigned object }
	u.Must("GET", "/_matrix/client/v3/rooms/"+room+"/event/"+url.PathEscape(id), nil, &e)
	return e.Content, e.Unsigned
}

// Source: MSC4140.
func TestDelayedEventsAreSentWhenTheirTimeHasCome(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	bob.Join(room)
	if list := scheduled(alice); len(list) != 0 {
		t.Error("scheduled at first:", list)
	}
	id := later(alice, room, "1", 3600_000, object{"msgtype": "m.text", "body": "later"})
	if again := later(alice, room, "1", 3600_000, object{"msgtype": "m.text", "body": "later"}); again != id {
		t.Error("the same transaction is scheduled twice")
	}
	if list := scheduled(alice); len(list) != 1 || list[0].DelayID != id || list[0].Delay != 3600_000 || list[0].Content["body"] != "later" || list[0].Finalised != 0 {
		t.Errorf("scheduled: %+v", list)
	}
	since := bob.Sync("", "").NextBatch
	due(t, s, alice, room, id)
	eventually(t, "the event is sent", func() bool { return delayedEvent(alice, id).EventID != "" })
	e := delayedEvent(alice, id)
	if _, got := bob.Raw("GET", "/_matrix/client/v3/sync?timeout=20000&since="+since, nil); !strings.Contains(string(got), `"later"`) {
		t.Errorf("bob sees %s", got)
	}
	phone := s.Login(t, "alice")
	for reader, sees := range map[*servertest.User]bool{alice: true, phone: true, bob: false} {
		content, unsigned := unsignedOf(reader, room, e.EventID)
		if content["body"] != "later" || (unsigned["org.matrix.msc4140.delay_id"] == id) != sees || unsigned["transaction_id"] != nil {
			t.Errorf("%s sees %v %v", reader.DeviceID, content, unsigned)
		}
	}
	bob.MustFail(404, "M_NOT_FOUND", "GET", delayedPath+"/delayed_events/"+id, nil)
	bob.MustFail(404, "M_NOT_FOUND", "POST", delayedPath+"/delayed_events/"+id+"/cancel", object{})
	manage(alice, id, "send") // it was
	alice.MustFail(409, "M_UNKNOWN", "POST", delayedPath+"/delayed_events/"+id+"/cancel", object{})
	alice.MustFail(409, "M_UNKNOWN", "POST", delayedPath+"/delayed_events/"+id+"/restart", object{})
	alice.MustFail(400, "M_INVALID_PARAM", "POST", delayedPath+"/delayed_events/"+id+"/forget", object{})
}

// Clients of today schedule with a query parameter and name the action in the body.
func TestDelayedEventsAreManaged(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	in := "/_matrix/client/v3/rooms/" + room
	schedule := func(path string, body object) string {
		var answer delayedAnswer
		alice.Must("PUT", in+path+"?org.matrix.msc4140.delay=3600000", body, &answer)
		return answer.DelayID
	}
	message := schedule("/send/m.room.message/t", object{"msgtype": "m.text", "body": "now"})
	member := schedule("/state/m.call.member/x", object{"left": true})
	topic := schedule("/state/m.room.topic/", object{"topic": "never"})
	if list := scheduled(alice); len(list) != 3 || list[0].DelayID != message || list[0].StateKey != nil || *list[1].StateKey != "x" || *list[2].StateKey != "" {
		t.Errorf("scheduled: %+v", list)
	}
	before := delayedEvent(alice, message).Since
	eventually(t, "the delay begins anew", func() bool {
		alice.Must("POST", delayedPath+"/delayed_events/"+message, object{"action": "restart"}, nil)
		return delayedEvent(alice, message).Since > before
	})
	manage(alice, topic, "cancel")
	manage(alice, topic, "cancel")
	if e := delayedEvent(alice, topic); e.Finalised == 0 || e.EventID != "" || e.Error.Errcode != "" {
		t.Errorf("cancelled: %+v", e)
	}
	for _, id := range []string{message, member} {
		manage(alice, id, "send")
		if e := delayedEvent(alice, id); e.EventID == "" || e.Finalised >= e.Since+e.Delay {
			t.Errorf("sent: %+v", e)
		}
	}
	var left object
	alice.Must("GET", in+"/state/m.call.member/x", nil, &left)
	if left["left"] != true || alice.Do("GET", in+"/state/m.room.topic", nil, nil) != 404 {
		t.Error("the state is", left)
	}
	if list := scheduled(alice); len(list) != 0 {
		t.Errorf("still scheduled: %+v", list)
	}
}

func TestADelayedEventIsNotSentBeforeItsTime(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	id := later(alice, alice.CreateRoom(object{}), "1", 100, object{"body": "x"})
	eventually(t, "the event is sent", func() bool { return delayedEvent(alice, id).EventID != "" })
	if e := delayedEvent(alice, id); e.Finalised < e.Since+e.Delay {
		t.Errorf("%+v", e)
	}
}

// The rules count when the event is sent; why it failed is kept.
func TestDelayedEventsAreJudgedWhenTheyAreSent(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	bob.Join(room)
	kicked := later(bob, room, "1", 3600_000, object{"body": "x"})
	manual := later(bob, room, "2", 3600_000, object{"body": "y"})
	alice.Must("POST", "/_matrix/client/v3/rooms/"+room+"/kick", object{"user_id": bob.UserID}, nil)
	bob.MustFail(403, "M_FORBIDDEN", "POST", delayedPath+"/delayed_events/"+manual+"/send", object{})
	if e := delayedEvent(bob, manual); e.Finalised != 0 {
		t.Errorf("what could not be sent by hand is no longer scheduled: %+v", e)
	}
	due(t, s, bob, room, kicked)
	eventually(t, "the event fails", func() bool { return delayedEvent(bob, kicked).Finalised != 0 })
	if e := delayedEvent(bob, kicked); e.EventID != "" || e.Error.Errcode != "M_FORBIDDEN" {
		t.Errorf("%+v", e)
	}
	manage(bob, kicked, "cancel") // it is
	early := later(bob, room, "3", 3600_000, object{"body": "z"})
	bob.Join(room)
	due(t, s, bob, room, early)
	eventually(t, "the event is sent", func() bool { return delayedEvent(bob, early).EventID != "" })
}

// What came due while the server was not running is sent when it starts, in its order; in that of scheduling, where it came due at one moment.
func TestDelayedEventsOutliveTheServer(t *testing.T) {
	for apart, expected := range []string{"01234", "43210"} {
		s := servertest.Start(t)
		alice := s.Register(t, "alice")
		room := alice.CreateRoom(object{"preset": "public_chat"})
		var ids []string
		for i := range 5 {
			ids = append(ids, later(alice, room, fmt.Sprint(i), 3600_000, object{"body": fmt.Sprint(i)}))
		}
		far := later(alice, room, "far", 3600_000, object{"body": "far"})
		slices.Reverse(ids)
		makeDue(t, s.DB(), apart, ids...)
		s.Restart()
		eventually(t, "the events are sent", func() bool { return len(scheduled(alice)) == 1 })
		if e := delayedEvent(alice, far); e.Finalised != 0 {
			t.Errorf("sent too early: %+v", e)
		}
		var messages struct {
			Chunk []struct{ Content struct{ Body string } }
		}
		alice.Must("GET", "/_matrix/client/v3/rooms/"+room+"/messages?dir=b&limit=5", nil, &messages)
		order := ""
		for _, m := range messages.Chunk {
			order = m.Content.Body + order
		}
		if order != expected {
			t.Errorf("%d ms apart: sent in the order %s", apart, order)
		}
	}
}

// A room that is replaced by an event of later gives its members' settings on, as one that is replaced now.
func TestSettingsFollowADelayedTombstone(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{})
	next := alice.CreateRoom(object{"creation_content": object{"predecessor": object{"room_id": room}}})
	rule := func(room string) string { return clientV3 + "/pushrules/global/room/" + url.PathEscape(room) }
	alice.Must("PUT", rule(room), object{"actions": []string{}}, nil)
	var scheduled delayedAnswer
	alice.Must("PUT", roomPath(room)+"/state/m.room.tombstone?org.matrix.msc4140.delay=3600000", object{"body": "x", "replacement_room": next}, &scheduled)
	alice.MustFail(404, "M_NOT_FOUND", "GET", rule(next), nil)
	manage(alice, scheduled.DelayID, "send")
	alice.Must("GET", rule(next), nil, nil)
}

func TestDelayedEventsAreBounded(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	path := delayedPath + "/rooms/" + room + "/delayed_event/m.room.message/"
	for name, body := range map[string]object{
		"M_MISSING_PARAM": {"content": object{}}, "M_INVALID_PARAM": {"delay_ms": 0, "content": object{}}, "M_BAD_JSON": {"delay_ms": 1, "content": []int{}},
	} {
		alice.MustFail(400, name, "PUT", path+"x", body)
	}
	alice.MustFail(403, "M_FORBIDDEN", "PUT", path+"x", object{"delay_ms": delayed.MaxDelay.Milliseconds() + 1, "content": object{}})
	alice.MustFail(400, "M_INVALID_PARAM", "PUT", "/_matrix/client/v3/rooms/"+room+"/send/m.room.message/org.matrix.msc4140:x", object{})
	alice.MustFail(400, "M_INVALID_PARAM", "PUT", "/_matrix/client/v3/rooms/"+room+"/send/m.room.message/y?org.matrix.msc4140.delay=x", object{})
	ids := make([]string, delayed.MaxScheduled)
	for i := range ids {
		ids[i] = later(alice, room, fmt.Sprint(i), 3600_000, object{})
	}
	alice.MustFail(429, "M_LIMIT_EXCEEDED", "PUT", path+"more", object{"delay_ms": 1000, "content": object{}})
	later(bob, room, "1", 3600_000, object{})
	manage(alice, ids[7], "cancel")
	later(alice, room, "more", 3600_000, object{})
	var capabilities struct {
		Capabilities map[string]map[string]any
	}
	alice.Must("GET", "/_matrix/client/v3/capabilities", nil, &capabilities)
	if c := capabilities.Capabilities["org.matrix.msc4140.delayed_events"]; c["max_scheduled"] != float64(delayed.MaxScheduled) {
		t.Error("capability:", c)
	}
}
