package server_test

import (
	"bytes"
	"context"
	"net/url"
	"slices"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"beffroi/server/notify"
	"beffroi/server/rooms"
	"beffroi/server/servertest"
	"beffroi/server/store"
)

// expire does what the server does at night, some days from now.
func expire(t *testing.T, s *servertest.Server, days int) {
	t.Helper()
	later := func() time.Time { return time.Now().AddDate(0, 0, days) }
	if err := rooms.New(s.DB(), notify.New(), later, rooms.Config{}).Expire(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func said(u *servertest.User, room string) (out []string) {
	var page struct {
		Chunk []struct {
			Type    string `json:"type"`
			Content struct {
				Body string `json:"body"`
			} `json:"content"`
		} `json:"chunk"`
	}
	u.Must("GET", roomPath(room)+"/messages?dir=b&limit=100", nil, &page)
	for _, e := range page.Chunk {
		if e.Type == "m.room.message" {
			out = append(out, e.Content.Body)
		}
	}
	return out
}

// A salon that keeps its messages for ten days loses them after that: nobody is shown them, and their words are nowhere in the database. State stays,
// and so do the messages of other rooms.
func TestMessagesAreKeptAsLongAsTheirSalonSays(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room, other := alice.CreateRoom(object{"preset": "public_chat", "topic": "Travaux"}), alice.CreateRoom(object{})
	bob.Join(room)
	first := alice.SendText(room, "délibération à huis clos")
	reply := alice.Send(room, "m.room.message", object{"msgtype": "m.text", "body": "une réponse", "m.relates_to": object{"rel_type": "m.thread", "event_id": first}})
	alice.SendText(other, "gardé")
	carol := s.Register(t, "carol")
	carol.Join(room)
	since := carol.Sync("", "").NextBatch
	alice.SendText(room, "encore")
	if n := carol.Sync(since, "").Rooms.Join[id.RoomID(room)].UnreadNotifications; n == nil || n.NotificationCount != 1 {
		t.Fatalf("unread: %+v", n)
	}
	state := roomPath(room) + "/state/m.room.retention"

	expire(t, s, 400)
	if got := said(bob, room); len(got) != 3 {
		t.Fatalf("without m.room.retention: %q", got)
	}
	bob.MustFail(403, "M_FORBIDDEN", "PUT", state, object{"max_lifetime": 1})
	alice.Must("PUT", state, object{"max_lifetime": 10 * 24 * 3600 * 1000}, nil)
	expire(t, s, 0)
	expire(t, s, 9)
	if got := said(bob, room); len(got) != 3 {
		t.Fatalf("after nine days: %q", got)
	}
	expire(t, s, 11)
	if got := said(bob, room); len(got) != 0 {
		t.Errorf("after eleven days: %q", got)
	}
	if got := said(alice, other); len(got) != 1 {
		t.Errorf("in the other room: %q", got)
	}
	for _, path := range []string{"/event/", "/context/"} {
		bob.MustFail(404, "M_NOT_FOUND", "GET", roomPath(room)+path+url.PathEscape(first), nil)
	}
	joined := bob.Sync("", "").Rooms.Join[id.RoomID(room)]
	for _, e := range joined.Timeline.Events {
		if e.ID.String() == first || e.ID.String() == reply {
			t.Errorf("a first sync shows %s", e.Content.Raw)
		}
	}
	if n := joined.UnreadNotifications; n != nil && n.NotificationCount != 0 {
		t.Errorf("%d unread", n.NotificationCount)
	}
	alice.SendText(room, "plus tard")
	if n := carol.Sync(since, "").Rooms.Join[id.RoomID(room)].UnreadNotifications; n == nil || n.NotificationCount != 1 {
		t.Errorf("unread since: %+v", n)
	}
	var topic object
	bob.Must("GET", roomPath(room)+"/state/m.room.topic", nil, &topic)
	if topic["topic"] != "Travaux" {
		t.Errorf("the topic is %v", topic)
	}
	err := s.DB().Read(context.Background(), func(r *store.Reader) error {
		e, ok, err := r.EventByID(first)
		if !ok || bytes.Contains(e.JSON, []byte("clos")) || e.RedactedBy == 0 {
			t.Errorf("what is left: %s", e.JSON)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	bob.SendText(room, "la suite")
	if got := said(alice, room); len(got) != 2 {
		t.Errorf("afterwards %q", got)
	}
}

// A mistake can be taken back for a day, and no room keeps its messages for less.
func TestRetentionTakesADayToBegin(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	for _, c := range []struct {
		name    string
		content object
		days    int
		kept    bool
	}{
		{"no number", object{"max_lifetime": "10"}, 400, true},
		{"nothing", object{"min_lifetime": 1}, 400, true},
		{"below zero", object{"max_lifetime": -5}, 400, true},
		{"beyond reason", object{"max_lifetime": 1<<53 - 1}, 400, true},
		{"a slip, on the same day", object{"max_lifetime": 1}, 0, true},
		{"less than a day", object{"max_lifetime": 1}, 2, false},
	} {
		room := alice.CreateRoom(object{})
		alice.SendText(room, "bonjour")
		alice.Must("PUT", roomPath(room)+"/state/m.room.retention", c.content, nil)
		expire(t, s, c.days)
		if kept := len(said(alice, room)) == 1; kept != c.kept {
			t.Errorf("%s: kept %v", c.name, kept)
		}
	}
}

// One event that can't be read any more keeps nothing else, and is told.
func TestADamagedMessageKeepsNoOthers(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	first, second := alice.CreateRoom(object{}), alice.CreateRoom(object{})
	broken := alice.SendText(first, "broken")
	for _, room := range []string{first, second} {
		alice.SendText(room, "old")
		alice.Must("PUT", roomPath(room)+"/state/m.room.retention", object{"max_lifetime": 10 * 24 * 3600 * 1000}, nil)
	}
	err := s.DB().Write(context.Background(), func(tx *store.Tx) error {
		e, _, err := tx.EventByID(broken)
		if err != nil {
			return err
		}
		return tx.Redact(e.NID, e.NID, []byte(`{"content":{},"origin_server_ts":1,"sender":"`+alice.UserID+`","type":"m.room.message"}`))
	})
	if err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return time.Now().AddDate(0, 0, 11) }
	if err := rooms.New(s.DB(), notify.New(), later, rooms.Config{}).Expire(context.Background()); err == nil {
		t.Error("nobody is told of the damaged event")
	}
	for _, room := range []string{first, second} {
		if got := said(alice, room); slices.Contains(got, "old") {
			t.Errorf("kept: %q", got)
		}
	}
}
