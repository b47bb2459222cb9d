package server_test

import (
	"fmt"
	"net/http"
	"testing"

	"beffroi/server/servertest"
	"beffroi/server/store"
)

func answering(status int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(status) }
}

func TestWhatAGatewayDidNotTakeIsToldAgain(t *testing.T) {
	for name, refuse := range map[string]func(http.ResponseWriter){
		"an error": answering(500), "not found": answering(404), "no answer": func(w http.ResponseWriter) { _, _ = w.Write([]byte("hello")) },
		"elsewhere": func(w http.ResponseWriter) {
			w.Header().Set("Location", "/_matrix/push/v1/notify")
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := servertest.NewGateway(t)
			s := servertest.Start(t, g.Option)
			anna, bruno, room := talkers(t, s)
			bruno.SetPusher(g, "key", nil)
			g.Reply(refuse)
			first := anna.SendText(room, "un")
			second := anna.SendText(room, "deux")
			if n := g.Next(); n.EventID != first {
				t.Errorf("%+v", n)
			}
			s.Restart() // it does not wait for the next attempt, and what was not delivered is not lost
			for _, want := range []string{first, second} {
				if n := g.Next(); n.EventID != want {
					t.Errorf("%+v, want %s", n, want)
				}
			}
			g.Reply(refuse)
			third := anna.SendText(room, "trois")
			if n := g.Next(); n.EventID != third {
				t.Errorf("%+v", n)
			}
			bruno.SetPusher(g, "key", object{"lang": "en"}) // who sets a pusher is there: it is tried at once
			if n := g.Next(); n.EventID != third {
				t.Errorf("%+v", n)
			}
		})
	}
}

func TestAStartInOrderRepeatsNothing(t *testing.T) {
	g := servertest.NewGateway(t)
	s := servertest.Start(t, g.Option)
	anna, bruno, room := talkers(t, s)
	bruno.SetPusher(g, "key", nil)
	var last string
	for i := range 5 {
		if last = anna.SendText(room, fmt.Sprint(i)); g.Next().EventID != last {
			t.Fatal("another event")
		}
	}
	s.Restart()
	after, next := anna.SendText(room, "after"), g.Next().EventID
	if next == last { // the stop came before its answer was written down
		next = g.Next().EventID
	}
	if next != after {
		t.Error("what was told is told again")
	}
}

// What was read, redacted or left meanwhile is nothing to tell any more.
func TestWhatIsReadMeanwhileIsNotTold(t *testing.T) {
	g := servertest.NewGateway(t)
	s := servertest.Start(t, g.Option)
	anna, bruno, room := talkers(t, s)
	bruno.SetPusher(g, "key", nil)
	g.Reply(answering(503))
	first := anna.SendText(room, "un")
	g.Next() // fails
	root := anna.SendText(room, "deux")
	gone := anna.SendText(room, "trois")
	thread := object{"rel_type": "m.thread", "event_id": root}
	inThread := anna.Send(room, "m.room.message", object{"msgtype": "m.text", "body": "dans le fil", "m.relates_to": thread})
	bruno.Must("POST", roomPath(room)+"/receipt/m.read/"+first, object{"thread_id": "main"}, nil)
	bruno.Must("POST", roomPath(room)+"/receipt/m.read/"+inThread, object{"thread_id": root}, nil)
	anna.Must("PUT", roomPath(room)+"/redact/"+gone+"/1", object{}, nil)
	other := bruno.CreateRoom(object{"preset": "public_chat"})
	anna.Join(other)
	anna.SendText(other, "quatre")
	bruno.Must("POST", roomPath(other)+"/leave", object{}, nil)
	s.Restart()
	if n := g.Next(); n.EventID != root || n.Unread() != 1 {
		t.Errorf("%+v", n)
	}
	if last := anna.SendText(room, "cinq"); g.Next().EventID != last {
		t.Error("something else was told")
	}
}

func TestASlowGatewayHoldsUpNobody(t *testing.T) {
	slow, quick := servertest.NewGateway(t), servertest.NewGateway(t)
	s := servertest.Start(t, quick.Option) // httptest has one certificate for all
	anna, bruno, room := talkers(t, s)
	carla := s.Register(t, "carla")
	carla.Join(room)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for i := range 20 { // more than one host may have at a time
		bruno.SetPusher(slow, fmt.Sprint(i), nil)
		slow.Reply(func(http.ResponseWriter) { <-release })
	}
	carla.SetPusher(quick, "key", nil)
	for i := range 3 {
		if id := anna.SendText(room, fmt.Sprint(i)); quick.Next().EventID != id {
			t.Error("another event")
		}
	}
	slow.Next()
}

func TestACursorAheadOfTheStreamIsNoCursor(t *testing.T) {
	g := servertest.NewGateway(t)
	s := servertest.Start(t, g.Option)
	anna, bruno, room := talkers(t, s)
	bruno.SetPusher(g, "key", nil)
	first := anna.SendText(room, "un")
	if g.Next().EventID != first {
		t.Error("another event")
	}
	err := s.DB().Write(t.Context(), func(tx *store.Tx) error {
		all, err := tx.Pushers()
		if err == nil {
			err = tx.SettlePusher(all[0].ID, 1<<60, true)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Restart()
	if id := anna.SendText(room, "deux"); g.Next().EventID != id {
		t.Error("nothing is told any more")
	}
}

// What was told shortly before the end is told again at most once, with the same event ids; nothing is lost.
func TestPushersAfterAKill(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary")
	}
	g := servertest.NewGateway(t)
	p := servertest.StartProcess(t, servertest.Build(t), g.Environment()...)
	anna, bruno := p.Register(t, "anna"), p.Register(t, "bruno")
	room := anna.CreateRoom(object{"preset": "public_chat"})
	bruno.Join(room)
	bruno.SetPusher(g, "key", nil)
	told, sent := map[string]int{}, []string{}
	for range 30 {
		sent = append(sent, anna.SendText(room, "x"))
	}
	for range 10 {
		told[g.Next().EventID]++
	}
	p.Kill()
	p.Start()
	last := anna.SendText(room, "last")
	for told[last] == 0 {
		told[g.Next().EventID]++
	}
	for _, id := range sent {
		if n := told[id]; n < 1 || n > 2 {
			t.Errorf("%s was told %d times", id, n)
		}
	}
}
