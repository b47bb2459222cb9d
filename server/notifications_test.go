package server_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"testing"

	"beffroi/server/servertest"
)

type notified struct {
	Notifications []struct {
		Actions []json.RawMessage
		Event   struct {
			EventID string `json:"event_id"`
			Content struct{ Body string }
		}
		Read   bool
		RoomID string `json:"room_id"`
		TS     int64
	}
	Next string `json:"next_token"`
}

func (n *notified) bodies() (all []string) {
	for _, one := range n.Notifications {
		all = append(all, one.Event.Content.Body)
	}
	return all
}

func notificationsOf(u *servertest.User, query url.Values) (n notified) {
	u.Must("GET", clientV3+"/notifications?"+query.Encode(), nil, &n)
	return n
}

func TestNotifications(t *testing.T) {
	s := servertest.Start(t)
	anna, bruno, room := talkers(t, s)
	second := anna.CreateRoom(object{"preset": "public_chat", "name": "Second"})
	muted := anna.CreateRoom(object{"preset": "public_chat", "name": "Muted"})
	anna.SendText(second, "before bruno came")
	bruno.Join(second)
	bruno.Join(muted)
	bruno.Must("PUT", clientV3+"/pushrules/global/room/"+url.PathEscape(muted), object{"actions": []string{}}, nil)

	anna.SendText(room, "1")
	anna.SendText(second, "2")
	read := anna.SendText(room, "3")
	anna.SendText(muted, "not heard")
	bruno.SendText(second, "my own")
	gone := anna.SendText(room, "redacted")
	anna.Send(room, "m.room.message", object{"msgtype": "m.notice", "body": "no notification"})
	mention := object{"msgtype": "m.text", "body": "4", "m.mentions": object{"user_ids": []string{bruno.UserID}}}
	anna.Send(muted, "m.room.message", mention)
	anna.SendText(second, "5")
	anna.Must("PUT", roomPath(room)+"/redact/"+gone+"/1", object{}, nil)
	bruno.Must("POST", roomPath(room)+"/receipt/m.read/"+read, object{}, nil)

	all := notificationsOf(bruno, nil)
	if got := all.bodies(); !slices.Equal(got, []string{"5", "4", "3", "2", "1"}) || all.Next != "" {
		t.Errorf("%q %s", got, all.Next)
	}
	for i, wantRead := range []bool{false, false, true, true, true} { // who writes has read
		if n := all.Notifications[i]; n.Read != wantRead || n.TS == 0 || string(n.Actions[0]) != `"notify"` {
			t.Errorf("%d: %+v", i, n)
		}
	}
	if n := all.Notifications[1]; n.RoomID != muted || len(n.Actions) != 3 {
		t.Errorf("%+v", n)
	}
	var paged []string
	pages := 0
	for query := (url.Values{"limit": {"2"}}); ; pages++ {
		page := notificationsOf(bruno, query)
		if paged = append(paged, page.bodies()...); page.Next == "" || pages > 10 {
			break
		}
		query.Set("from", page.Next)
	}
	if !slices.Equal(paged, all.bodies()) {
		t.Errorf("by pages: %q", paged)
	}
	if got := notificationsOf(bruno, url.Values{"only": {"highlight"}}); !slices.Equal(got.bodies(), []string{"4"}) {
		t.Errorf("%q", got.bodies())
	}
	if got := notificationsOf(anna, nil); !slices.Equal(got.bodies(), []string{"my own"}) {
		t.Errorf("%q", got.bodies())
	}
}

// A page looks at so many events of each room, and says where the next one goes on.
func TestNotificationsInALongRoom(t *testing.T) {
	s := servertest.Start(t)
	anna, bruno, room := talkers(t, s)
	quiet := anna.CreateRoom(object{"preset": "public_chat"})
	bruno.Join(quiet)
	anna.SendText(quiet, "first")
	anna.SendText(room, "second")
	for i := range 520 {
		anna.Send(room, "m.room.message", object{"msgtype": "m.notice", "body": fmt.Sprint(i)})
	}
	var got []string
	page := notificationsOf(bruno, nil)
	for pages := 0; ; pages++ {
		got = append(got, page.bodies()...)
		if page.Next == "" {
			break
		}
		if pages > 5 {
			t.Fatal("no end")
		}
		page = notificationsOf(bruno, url.Values{"from": {page.Next}})
	}
	if !slices.Equal(got, []string{"second", "first"}) {
		t.Errorf("%q", got)
	}
}

func TestNotificationsThatAreRefused(t *testing.T) {
	s := servertest.Start(t)
	anna := s.Register(t, "anna")
	if got := notificationsOf(anna, url.Values{"limit": {"0"}}); len(got.Notifications) > 0 || got.Notifications == nil || got.Next != "" {
		t.Errorf("%+v", got)
	}
	s.Anonymous(t).MustFail(401, "M_MISSING_TOKEN", "GET", clientV3+"/notifications", nil)
	for _, query := range []string{"limit=x", "limit=-1", "from=x", "from=n1.", "from=n1.-1", "from=n1.9223372036854775808", "from=n2.1"} {
		anna.MustFail(400, "M_INVALID_PARAM", "GET", clientV3+"/notifications?"+query, nil)
	}
}
