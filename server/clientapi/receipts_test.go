package clientapi_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"testing"

	"beffroi/server/ephemeral"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// receipts is the m.receipt content of a room as a user gets it, without times.
func (s *contentServer) receipts(room *storetest.Room, since int64, reader string) string {
	s.t.Helper()
	atom := s.Atom(reader)
	answer := read(s, func(r *store.Reader) (any, error) {
		return s.ephemeral.Receipts(r, room.Ref, atom, since, math.MaxInt64)
	})
	content, ok := answer.(ephemeral.Content)
	if !ok {
		return "{}"
	}
	for _, types := range content {
		for _, users := range types {
			for user, seen := range users {
				if seen.TS == 0 {
					s.t.Fatal("a receipt without ts")
				}
				seen.TS = 0
				users[user] = seen
			}
		}
	}
	return asJSON(s.t, content)
}

func TestReceipts(t *testing.T) {
	s := newContentServer(t)
	room := s.Room("lounge")
	room.Join(alice, "Alice")
	room.Join(bob, "Bob")
	one, two := room.Message(alice, "one"), room.Message(alice, "two")
	path := "/_matrix/client/v3/rooms/" + room.ID + "/receipt/"

	if !s.wakes(alice, func() { s.ok(bob, "POST", path+"m.read/"+two.ID, "") }) {
		t.Fatal("alice is not woken by bob's receipt")
	}
	atTwo := fmt.Sprintf(`{"%s":{"m.read":{"@bob:test":{"ts":0}}}}`, two.ID)
	if got := s.receipts(room, 0, alice); got != atTwo {
		t.Fatalf("alice sees %s", got)
	}
	seen := s.Visible()
	if s.wakes(alice, func() { s.ok(bob, "POST", path+"m.read/"+one.ID, `{}`) }) {
		t.Fatal("alice is woken by a receipt that moves backwards")
	}
	if got := s.receipts(room, seen, alice) + s.receipts(room, 0, alice); got != "{}"+atTwo {
		t.Fatalf("a receipt moved backwards: %s", got)
	}

	if s.wakes(alice, func() { s.ok(bob, "POST", path+"m.read.private/"+one.ID, `{}`) }) {
		t.Fatal("alice is woken by a private receipt")
	}
	if got := s.receipts(room, 0, alice); got != atTwo {
		t.Fatalf("alice sees %s", got)
	}
	if got, want := s.receipts(room, seen, bob), fmt.Sprintf(`{"%s":{"m.read.private":{"@bob:test":{"ts":0}}}}`, one.ID); got != want {
		t.Fatalf("bob sees %s, want %s", got, want)
	}
}

func TestThreadedReceipts(t *testing.T) {
	s := newContentServer(t)
	room := s.Room("lounge")
	room.Join(alice, "Alice")
	root := room.Message(alice, "root")
	reply := room.Send(storetest.Event{Sender: alice, Type: "m.room.message", Content: `{"body":"reply"}`, Thread: root.NID})
	last := room.Message(alice, "last")
	path := "/_matrix/client/v3/rooms/" + room.ID + "/receipt/m.read/"

	s.ok(alice, "POST", path+reply.ID, `{"thread_id":"`+root.ID+`"}`)
	s.ok(alice, "POST", path+root.ID, `{"thread_id":"`+root.ID+`"}`) // in its own thread, from which reply is later
	s.ok(alice, "POST", path+root.ID, `{"thread_id":"main"}`)
	want := fmt.Sprintf(`{"%s":{"m.read":{"@alice:test":{"ts":0,"thread_id":"%s"}}},"%s":{"m.read":{"@alice:test":{"ts":0,"thread_id":"main"}}}}`,
		reply.ID, root.ID, root.ID)
	if got := s.receipts(room, 0, alice); !sameJSON(t, got, want) {
		t.Fatalf("%s, want %s", got, want)
	}

	// MSC4102: at one event the unthreaded receipt stands, whichever came first.
	s.ok(alice, "POST", path+last.ID, `{}`)
	seen := s.Visible()
	s.ok(alice, "POST", path+last.ID, `{"thread_id":"main"}`)
	if got := s.receipts(room, seen, alice); got != "{}" {
		t.Fatalf("the threaded receipt came after the unthreaded one: %s", got)
	}
}

// What relates to the root of a thread, or to what does, can be marked as read in the thread as well as in the main timeline.
func TestReceiptsAtWhatRelatesToAThread(t *testing.T) {
	s := newContentServer(t)
	room := s.Room("lounge")
	room.Join(alice, "Alice")
	relating := func(relType, target string, thread store.NID) storetest.Sent {
		return room.Send(storetest.Event{Sender: alice, Type: "m.room.message", Thread: thread,
			Content: fmt.Sprintf(`{"body":"x","m.relates_to":{"rel_type":%q,"event_id":%q}}`, relType, target)})
	}
	root, other := room.Message(alice, "root"), room.Message(alice, "other")
	relating("m.thread", root.ID, root.NID)
	reference := relating("m.reference", root.ID, 0)
	reaction := relating("m.annotation", reference.ID, 0)
	third := relating("m.reference", reaction.ID, 0)
	fourth := relating("m.reference", third.ID, 0)
	elsewhere := relating("m.reference", other.ID, 0)
	path := "/_matrix/client/v3/rooms/" + room.ID + "/receipt/m.read/"
	for _, e := range []storetest.Sent{reference, reaction, third} {
		s.ok(alice, "POST", path+e.ID, `{"thread_id":"`+root.ID+`"}`)
		s.ok(alice, "POST", path+e.ID, `{"thread_id":"main"}`)
	}
	for _, e := range []storetest.Sent{fourth, elsewhere} {
		s.want(http.StatusBadRequest, "M_INVALID_PARAM", alice, "POST", path+e.ID, `{"thread_id":"`+root.ID+`"}`)
	}
}

func TestUnthreadedReceiptWinsOverEarlierThreadedOne(t *testing.T) {
	s := newContentServer(t)
	room := s.Room("lounge")
	room.Join(alice, "Alice")
	m := room.Message(alice, "root")
	path := "/_matrix/client/v3/rooms/" + room.ID + "/receipt/m.read/"
	s.ok(alice, "POST", path+m.ID, `{"thread_id":"main"}`)
	s.ok(alice, "POST", path+m.ID, `{}`)
	if got, want := s.receipts(room, 0, alice), fmt.Sprintf(`{"%s":{"m.read":{"@alice:test":{"ts":0}}}}`, m.ID); got != want {
		t.Fatalf("%s, want %s", got, want)
	}
}

func TestReceiptRefusals(t *testing.T) {
	s := newContentServer(t)
	room, other := s.Room("lounge"), s.Room("other")
	room.Join(alice, "Alice")
	root, elsewhere := room.Message(alice, "root"), other.Message(bob, "elsewhere")
	reply := room.Send(storetest.Event{Sender: alice, Type: "m.room.message", Content: `{"body":"reply"}`, Thread: root.NID})
	plain := room.Message(alice, "plain")
	path := "/_matrix/client/v3/rooms/" + room.ID + "/receipt/"
	for name, c := range map[string]struct {
		user, path, body, errcode string
		status                    int
	}{
		"unknown type":                   {alice, "m.seen/" + root.ID, `{}`, "M_INVALID_PARAM", http.StatusBadRequest},
		"unknown event":                  {alice, "m.read/$none", `{}`, "M_NOT_FOUND", http.StatusNotFound},
		"event of another room":          {alice, "m.read/" + elsewhere.ID, `{}`, "M_NOT_FOUND", http.StatusNotFound},
		"not in the room":                {carol, "m.read/" + root.ID, `{}`, "M_FORBIDDEN", http.StatusForbidden},
		"thread_id no string":            {alice, "m.read/" + root.ID, `{"thread_id":5}`, "M_INVALID_PARAM", http.StatusBadRequest},
		"thread_id null":                 {alice, "m.read/" + root.ID, `{"thread_id":null}`, "M_INVALID_PARAM", http.StatusBadRequest},
		"thread_id empty":                {alice, "m.read/" + root.ID, `{"thread_id":""}`, "M_INVALID_PARAM", http.StatusBadRequest},
		"thread_id for m.fully_read":     {alice, "m.fully_read/" + root.ID, `{"thread_id":"main"}`, "M_INVALID_PARAM", http.StatusBadRequest},
		"event not in that thread":       {alice, "m.read/" + plain.ID, `{"thread_id":"` + root.ID + `"}`, "M_INVALID_PARAM", http.StatusBadRequest},
		"event in a thread, not in main": {alice, "m.read/" + reply.ID, `{"thread_id":"main"}`, "M_INVALID_PARAM", http.StatusBadRequest},
		"root of no thread":              {alice, "m.read/" + plain.ID, `{"thread_id":"` + plain.ID + `"}`, "M_INVALID_PARAM", http.StatusBadRequest},
		"unknown thread":                 {alice, "m.read/" + plain.ID, `{"thread_id":"$none"}`, "M_INVALID_PARAM", http.StatusBadRequest},
		"not JSON":                       {alice, "m.read/" + root.ID, `{`, "M_NOT_JSON", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			s.want(c.status, c.errcode, c.user, "POST", path+c.path, c.body)
		})
	}
	if got := s.receipts(room, 0, alice); got != "{}" {
		t.Fatalf("stored all the same: %s", got)
	}
}

func TestReadMarkers(t *testing.T) {
	s := newContentServer(t)
	room := s.Room("lounge")
	user := room.Join(alice, "Alice")
	one, two := room.Message(bob, "one"), room.Message(bob, "two")
	path := "/_matrix/client/v3/rooms/" + room.ID + "/"
	if !s.wakes(alice, func() {
		s.ok(alice, "POST", path+"read_markers", `{"m.fully_read":"`+one.ID+`","m.read":"`+two.ID+`"}`)
	}) {
		t.Fatal("alice is not woken")
	}
	if got, want := s.receipts(room, 0, bob), fmt.Sprintf(`{"%s":{"m.read":{"@alice:test":{"ts":0}}}}`, two.ID); got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	fullyRead := func() string {
		data := read(s, func(r *store.Reader) (store.AccountData, error) {
			return r.AccountData(user, room.Ref, store.AtomFullyRead)
		})
		return string(data.Content)
	}
	if got := fullyRead(); got != `{"event_id":"`+one.ID+`"}` {
		t.Fatalf("m.fully_read at %s", got)
	}
	s.ok(alice, "POST", path+"receipt/m.fully_read/"+two.ID, ``)
	s.ok(alice, "POST", path+"read_markers", `{"m.fully_read":"`+one.ID+`"}`)
	if got := fullyRead(); got != `{"event_id":"`+two.ID+`"}` {
		t.Fatalf("m.fully_read at %s, want %s: forward by /receipt, not back", got, two.ID)
	}
	s.ok(alice, "POST", path+"read_markers", `{}`)
	s.want(http.StatusNotFound, "M_NOT_FOUND", alice, "POST", path+"read_markers", `{"m.fully_read":"$none","m.read":"`+two.ID+`"}`)
	s.want(http.StatusForbidden, "M_FORBIDDEN", carol, "POST", path+"read_markers", `{}`)
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatal(err)
	}
	return asJSON(t, x) == asJSON(t, y)
}
