package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"testing"

	"beffroi/server/servertest"
)

// threadList are updates of threads, by room and root.
type threadList map[string]map[string]struct {
	Root struct {
		EventID  string `json:"event_id"`
		Unsigned struct {
			Relations struct {
				Thread struct {
					Count  int
					Latest struct{ Content struct{ Body string } } `json:"latest_event"`
				} `json:"m.thread"`
			} `json:"m.relations"`
		}
	} `json:"thread_root"`
	Prev string `json:"prev_batch"`
}

func (l threadList) roots() (roots []string) {
	for _, room := range l {
		roots = slices.AppendSeq(roots, maps.Keys(room))
	}
	return roots
}

// threadWorld has threads of bob in two rooms, four in all, the last of which alice has seen nothing of.
type threadWorld struct {
	alice, bob *servertest.User
	rooms      map[string]string // by root
	roots      []string
	pos        string
}

func startThreads(t *testing.T) *threadWorld {
	s := servertest.Start(t)
	w := &threadWorld{alice: s.Register(t, "alice"), bob: s.Register(t, "bob"), rooms: map[string]string{}}
	var rooms []string
	for range 2 {
		rooms = append(rooms, w.alice.CreateRoom(object{"preset": "public_chat"}))
		w.bob.Join(rooms[len(rooms)-1])
	}
	for i := range 4 {
		root := w.bob.SendText(rooms[i%2], fmt.Sprint("root ", i))
		w.roots, w.rooms[root] = append(w.roots, root), rooms[i%2]
		w.reply(i, "seen")
	}
	var answer slidingAnswer
	w.alice.Must("POST", slidingPath, w.ask(100, 20), &answer)
	w.pos = answer.Pos
	return w
}

func (w *threadWorld) ask(limit, timeline int) object {
	list := object{"ranges": [][2]int{{0, 9}}, "timeline_limit": timeline, "required_state": [][2]string{}}
	return object{"lists": object{"a": list}, "extensions": object{"io.element.msc4360.threads": object{"enabled": true, "include_roots": true, "limit": limit}}}
}

func (w *threadWorld) reply(i int, body string) string {
	root := w.roots[i]
	return w.bob.Send(w.rooms[root], "m.room.message", object{"msgtype": "m.text", "body": body, "m.relates_to": object{"rel_type": "m.thread", "event_id": root}})
}

// updates reads pages of one thread each.
func (w *threadWorld) updates(t *testing.T, prefix, from, to string) (all []string) {
	for {
		var page struct {
			Chunk threadList
			Next  string `json:"next_batch"`
		}
		w.alice.Must("GET", prefix+"/thread_updates?dir=b&limit=1&from="+url.QueryEscape(from)+"&to="+url.QueryEscape(to), nil, &page)
		if len(page.Chunk.roots()) > 1 {
			t.Error("a page of one has", page.Chunk)
		}
		all = append(all, page.Chunk.roots()...)
		if from = page.Next; from == "" {
			return all
		}
	}
}

const unstableThreads = "/_matrix/client/unstable/io.element.msc4360"

// Source: MSC4360.
func TestThreadUpdatesGoOnWhereSlidingSyncEnds(t *testing.T) {
	w := startThreads(t)
	for _, reply := range []string{"one", "two"} {
		for i := range 3 {
			w.reply(i, reply)
		}
	}
	var answer slidingAnswer
	w.alice.Must("POST", slidingPath+"?pos="+url.QueryEscape(w.pos), w.ask(1, 1), &answer)
	var threads struct {
		Updates threadList
		Prev    string `json:"prev_batch"`
	}
	raw, _ := json.Marshal(answer.Extensions["io.element.msc4360.threads"])
	if err := json.Unmarshal(raw, &threads); err != nil || !slices.Equal(threads.Updates.roots(), w.roots[2:3]) || threads.Prev == "" {
		t.Fatalf("%s, %v", raw, err)
	}
	if got := w.updates(t, unstableThreads, threads.Prev, w.pos); !slices.Equal(got, []string{w.roots[1], w.roots[0]}) {
		t.Errorf("then come %v of %v", got, w.roots)
	}
	if got := w.updates(t, clientV1, "", ""); !slices.Equal(got, []string{w.roots[2], w.roots[1], w.roots[0], w.roots[3]}) {
		t.Errorf("all are %v of %v", got, w.roots)
	}
	var page struct{ Chunk threadList }
	w.alice.Must("GET", unstableThreads+"/thread_updates?dir=b&to="+url.QueryEscape(w.pos), nil, &page)
	u := page.Chunk[w.rooms[w.roots[0]]][w.roots[0]]
	if th := u.Root.Unsigned.Relations.Thread; u.Root.EventID != w.roots[0] || th.Count != 3 || th.Latest.Content.Body != "two" || u.Prev == "" {
		t.Errorf("%+v", u)
	}
	var before struct {
		Chunk []struct{ Content struct{ Body string } }
	}
	w.alice.Must("GET", clientV1+"/rooms/"+w.rooms[w.roots[0]]+"/relations/"+w.roots[0]+"/m.thread?dir=b&from="+url.QueryEscape(u.Prev), nil, &before)
	if len(before.Chunk) != 2 || before.Chunk[0].Content.Body != "one" {
		t.Errorf("before the last message of the thread: %+v", before)
	}
}

func TestThreadUpdatesRefuse(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	path := clientV1 + "/thread_updates"
	for _, query := range []string{"", "?dir=f", "?dir=b&limit=0", "?dir=b&limit=x", "?dir=b&from=5", "?dir=b&to=5", "?dir=b&from=t1.-1"} {
		alice.MustFail(400, "M_INVALID_PARAM", "GET", path+query, nil)
	}
	s.Anonymous(t).MustFail(401, "M_MISSING_TOKEN", "GET", path+"?dir=b", nil)
	alice.Must("GET", path+"?dir=b", nil, nil)
}

// Nobody is told of threads in rooms that they are not in, nor of messages that they may not see or that somebody sent whom they ignore.
func TestThreadUpdatesAreThoseThatOneSees(t *testing.T) {
	w := startThreads(t)
	w.reply(0, "new")
	w.alice.Must("PUT", clientV3+"/user/"+w.alice.UserID+"/account_data/m.ignored_user_list", object{"ignored_users": object{w.bob.UserID: object{}}}, nil)
	if got := w.updates(t, clientV1, "", w.pos); len(got) != 0 {
		t.Error("of somebody ignored:", got)
	}
	w.alice.Must("PUT", clientV3+"/user/"+w.alice.UserID+"/account_data/m.ignored_user_list", object{"ignored_users": object{}}, nil)
	w.alice.Must("POST", roomPath(w.rooms[w.roots[0]])+"/leave", object{}, nil)
	if got := w.updates(t, clientV1, "", ""); !slices.Equal(got, []string{w.roots[3], w.roots[1]}) {
		t.Errorf("who has left a room sees %v of %v", got, w.roots)
	}
}
