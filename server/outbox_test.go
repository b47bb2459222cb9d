package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"beffroi/server/servertest"
)

// awaited asks for news until an answer holds something, and gives what was found.
func awaited[T any](t *testing.T, u *servertest.User, found func(answer newsAnswer) (T, bool)) (v T) {
	t.Helper()
	since := ""
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); {
		var answer newsAnswer
		u.Must("GET", "/_matrix/client/v3/sync?timeout=2000&set_presence=offline&since="+url.QueryEscape(since), nil, &answer)
		if v, ok := found(answer); ok {
			return v
		}
		since = answer.NextBatch
	}
	t.Fatal("it did not come")
	return v
}

type newsEvent struct {
	Type    string          `json:"type"`
	Sender  string          `json:"sender"`
	Content json.RawMessage `json:"content"`
}

// newsAnswer is what these tests read of an answer of /sync.
type newsAnswer struct {
	NextBatch string `json:"next_batch"`
	ToDevice  struct {
		Events []newsEvent `json:"events"`
	} `json:"to_device"`
	DeviceLists struct {
		Changed []string `json:"changed"`
	} `json:"device_lists"`
	Presence struct {
		Events []newsEvent `json:"events"`
	} `json:"presence"`
	Rooms struct {
		Join map[string]struct {
			Ephemeral struct {
				Events []newsEvent `json:"events"`
			} `json:"ephemeral"`
		} `json:"join"`
	} `json:"rooms"`
}

// together is a room of home with alice, which bob of there has joined.
func together(t *testing.T, opts ...servertest.Option) (home, there *servertest.Server, alice, bob *servertest.User, roomID string) {
	t.Helper()
	n := servertest.NewNetwork(t)
	home, there = n.Start("", opts...), n.Start("", opts...)
	alice, bob = home.Register(t, "alice"), there.Register(t, "bob")
	roomID = alice.CreateRoom(object{"preset": "public_chat"})
	bob.Must(http.MethodPost, joinBy(roomID, home.ServerName), object{}, nil)
	return home, there, alice, bob, roomID
}

// arrives waits until a room's history, the latest first, is as wanted.
func arrives(t *testing.T, u *servertest.User, roomID string, want []string) {
	t.Helper()
	var got []string
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); {
		since := u.Sync("", "").NextBatch
		if got = texts(t, u, roomID); slices.Equal(got, want) {
			return
		}
		u.Sync(since, "timeout=500")
	}
	t.Fatalf("%d messages %q, want %d %q", len(got), got, len(want), want)
}

// What is said in a common room comes over in order and once, in both directions, over a restart of either side and while one is away.
func TestTwoServersSpeak(t *testing.T) {
	home, there, alice, bob, roomID := together(t)
	var want []string
	say := func(u *servertest.User, n int) {
		for range n {
			text := fmt.Sprint("m", len(want))
			u.SendText(roomID, text)
			want = slices.Insert(want, 0, text)
		}
	}
	say(alice, 60)
	arrives(t, bob, roomID, want)
	say(bob, 3)
	arrives(t, alice, roomID, want)
	home.Restart()
	say(alice, 2)
	arrives(t, bob, roomID, want)
	there.Stop()
	say(alice, 70)
	home.Restart()
	there.Again()
	arrives(t, bob, roomID, want)
	say(bob, 1)
	arrives(t, alice, roomID, want)
}

// What is said beside the room: typing, public receipts, who is here, messages to devices, new devices.
func TestTwoServersTellWhatIsBeside(t *testing.T) {
	_, _, alice, bob, roomID := together(t, withPresence)
	event := alice.SendText(roomID, "Bonjour")
	arrives(t, bob, roomID, []string{"Bonjour"})

	alice.Must("PUT", roomPath(roomID)+"/typing/"+alice.UserID, object{"typing": true, "timeout": 60000}, nil)
	inRoom := func(kind, holds string) func(newsAnswer) (string, bool) {
		return func(a newsAnswer) (string, bool) {
			for _, e := range a.Rooms.Join[roomID].Ephemeral.Events {
				if e.Type == kind && strings.Contains(string(e.Content), holds) {
					return string(e.Content), true
				}
			}
			return "", false
		}
	}
	awaited(t, bob, inRoom("m.typing", alice.UserID))
	bob.Must("POST", roomPath(roomID)+"/receipt/m.read.private/"+url.PathEscape(event), object{}, nil)
	alice.Must("POST", roomPath(roomID)+"/receipt/m.read/"+url.PathEscape(event), object{}, nil)
	awaited(t, bob, inRoom("m.receipt", alice.UserID))
	bob.Must("POST", roomPath(roomID)+"/receipt/m.read/"+url.PathEscape(event), object{}, nil)
	if raw := awaited(t, alice, inRoom("m.receipt", bob.UserID)); strings.Contains(raw, "private") {
		t.Error(raw)
	}

	alice.Must("PUT", statusPath(alice), object{"presence": "online", "status_msg": "à la mairie"}, nil)
	awaited(t, bob, func(a newsAnswer) (bool, bool) {
		return true, slices.ContainsFunc(a.Presence.Events, func(e newsEvent) bool {
			return e.Sender == alice.UserID && strings.Contains(string(e.Content), "mairie")
		})
	})

	alice.Must("PUT", clientV3+"/sendToDevice/m.test/1", object{"messages": object{bob.UserID: object{bob.DeviceID: object{"secret": 1}}}}, nil)
	got := awaited(t, bob, func(a newsAnswer) (newsEvent, bool) {
		if len(a.ToDevice.Events) == 0 {
			return newsEvent{}, false
		}
		return a.ToDevice.Events[0], true
	})
	if got.Type != "m.test" || got.Sender != alice.UserID || string(got.Content) != `{"secret":1}` {
		t.Errorf("%+v", got)
	}
}

// A peer that fails, hangs, and answers wrongly in turn gets all in order.
func TestAPeerThatFails(t *testing.T) {
	_, alice, p, room, _ := meeting(t)
	answers := []int{http.StatusBadGateway, http.StatusInternalServerError, http.StatusTooManyRequests, http.StatusForbidden}
	came := make(chan string, 100)
	p.Mux.HandleFunc("PUT /_matrix/federation/v1/send/{txnId}", func(w http.ResponseWriter, r *http.Request) {
		if len(answers) > 0 {
			w.WriteHeader(answers[0])
			answers = answers[1:]
			return
		}
		var body struct {
			PDUs []struct{ Content struct{ Body string } } `json:"pdus"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		for _, e := range body.PDUs {
			if e.Content.Body != "" {
				came <- e.Content.Body
			}
		}
		_, _ = w.Write([]byte(`{"pdus":{}}`))
	})
	for i := range 10 {
		alice.SendText(room.ID, fmt.Sprint(i))
	}
	for i := range 10 {
		select {
		case got := <-came:
			if got != fmt.Sprint(i) {
				t.Errorf("%s came, want %d", got, i)
			}
		case <-time.After(time.Minute):
			t.Fatal("it did not come:", i)
		}
	}
}
