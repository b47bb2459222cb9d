package bench

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"beffroi/server/servertest"
)

const api = "/_matrix/client/v3"

// scale is how large a scene is and how often things are done in it.
type scale struct {
	members  int // of each room
	rooms    int
	watchers int           // who wait for a message
	times    int           // one thing
	quiet    time.Duration // watched after it
}

// scene is a real server with people and rooms.
type scene struct {
	scale
	t      *testing.T
	binary string
	server *servertest.Process
	people []*servertest.User // all in every room
	rooms  []string
	lines  []line
}

// line is a line of the table.
type line struct {
	Result
	clients int
	goal    string // of design/PEERS.md
}

// buildBinary builds the binary as "make build" does.
func buildBinary(t testing.TB) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	binary := filepath.Join(t.TempDir(), "beffroi")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", binary, ".")
	cmd.Dir = filepath.Join(filepath.Dir(here), "..", "..")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// load measures an operation of this scene and remembers its line.
func (s *scene) load(name string, n, clients int, goal string, do Operation) {
	s.t.Helper()
	s.checkpoint()
	load := Load{Name: name, PID: s.server.PID(), N: n, Clients: clients, Settle: Quiet(s.quiet)}
	r, err := load.Run(do)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	s.add(r, clients, goal)
}

// add remembers a line, with what it left in the WAL moved into the database.
func (s *scene) add(r Result, clients int, goal string) {
	s.t.Helper()
	r.Written += s.checkpoint()
	s.lines = append(s.lines, line{r, clients, goal})
}

// checkpoint moves the WAL into the database, so that each line pays for its own, and tells how many bytes that wrote.
func (s *scene) checkpoint() int64 {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.server.DataDir, "beffroi.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	before, err1 := used(os.Getpid())
	_, err = db.ExecContext(s.t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)")
	after, err2 := used(os.Getpid())
	if err := errors.Join(err, err1, err2); err != nil {
		s.t.Fatal(err)
	}
	return after.written - before.written
}

// ask is Must for an operation.
func ask(u *servertest.User, method, path string, body, out any) error {
	status, answer := u.Raw(method, path, body)
	if status != 200 {
		return fmt.Errorf("%s %s: %d %s", method, path, status, answer)
	}
	if out == nil {
		return nil // what reading it takes is the client's
	}
	return json.Unmarshal(answer, out)
}

func roomPath(roomID, rest string) string {
	return api + "/rooms/" + url.PathEscape(roomID) + rest
}

// populate makes the people.
func (s *scene) populate(n int) {
	s.t.Helper()
	for i := range n {
		s.people = append(s.people, s.server.Register(s.t, fmt.Sprint("agent", i)))
	}
}

// createRooms measures the creation of rooms, and joining them by everybody who is a member.
func (s *scene) createRooms() {
	s.t.Helper()
	s.rooms = make([]string, s.scale.rooms)
	s.load("createRoom", s.scale.rooms, 4, "10 ms, 3 ms, 100 KB, 1", func(_, i int) error {
		var made struct {
			RoomID string `json:"room_id"`
		}
		err := ask(s.people[0], "POST", api+"/createRoom", map[string]any{"preset": "public_chat", "name": fmt.Sprint("Salon ", i)}, &made)
		s.rooms[i] = made.RoomID
		return err
	})
	others := s.members - 1
	s.load("join", s.scale.rooms*others, 4, "5 ms, 1 ms, 30 KB, 1", func(_, i int) error {
		return ask(s.people[1+i%others], "POST", roomPath(s.rooms[i/others], "/join"), map[string]any{}, nil)
	})
}

// send sends a message whose event has about 730 bytes.
func (s *scene) send(u *servertest.User, roomID, txn string) error {
	content := map[string]any{"msgtype": "m.text", "body": strings.Repeat("m", 80)}
	return ask(u, "PUT", roomPath(roomID, "/send/m.room.message/"+txn), content, nil)
}

// sendMessages measures sending, alone and by eight.
func (s *scene) sendMessages() {
	s.load("send, room of 20", s.times, 1, "sync + 1.5 ms, 0.7 ms, 25 KB, 1.02", func(_, i int) error {
		return s.send(s.people[1], s.rooms[0], fmt.Sprint("alone", i))
	})
	s.load("send, 8 rooms", 2*s.times, 8, "2 syncs + 2 ms; 800/s; 12 KB, < 1", func(client, i int) error {
		return s.send(s.people[client%s.members], s.rooms[client%len(s.rooms)], fmt.Sprint("rooms", i))
	})
	s.load("send, 8 in one room", 2*s.times, 8, "", func(client, i int) error {
		return s.send(s.people[client%s.members], s.rooms[0], fmt.Sprint("one", i))
	})
}

// chat gives every room 7 to 20 messages.
func (s *scene) chat() {
	s.t.Helper()
	_, err := spread(len(s.rooms), 8, func(_, i int) error {
		for n := range 7 + i%14 {
			if err := s.send(s.people[n%s.members], s.rooms[i], fmt.Sprint("chat", n)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// readAll measures syncs and pages of messages.
func (s *scene) readAll() {
	u := s.people[0]
	initial := api + "/sync?filter=" + url.QueryEscape(`{"room":{"timeline":{"limit":20}}}`)
	s.load(fmt.Sprintf("initial sync, %d rooms", len(s.rooms)), max(1, s.times/50), 1, "50 ms", func(int, int) error {
		return ask(u, "GET", initial, nil, nil)
	})
	since := u.Sync("", "").NextBatch
	s.load("sync, nothing new", s.times, 1, "0.15 ms CPU, no write", func(int, int) error {
		return ask(u, "GET", api+"/sync?timeout=0&since="+url.QueryEscape(since), nil, nil)
	})
	s.load("sliding sync, 20 rooms", max(1, s.times/5), 1, "12 ms", func(int, int) error {
		return ask(u, "POST", slidingPath, firstWindow(), nil)
	})
	s.load("/messages, 100", max(1, s.times/5), 1, "1.5 ms", func(int, int) error {
		return ask(u, "GET", roomPath(s.rooms[0], "/messages?dir=b&limit=100"), nil, nil)
	})
}

const slidingPath = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"

// firstWindow is what Element X asks for when it starts.
func firstWindow() map[string]any {
	state := [][2]string{{"m.room.name", ""}, {"m.room.encryption", ""}, {"m.room.member", "$LAZY"}, {"m.room.member", "$ME"}, {"m.room.topic", ""},
		{"m.room.avatar", ""}, {"m.room.canonical_alias", ""}, {"m.room.power_levels", ""}, {"m.room.create", ""}}
	on := map[string]any{"enabled": true}
	return map[string]any{"conn_id": "room-list",
		"lists":      map[string]any{"all_rooms": map[string]any{"ranges": [][2]int{{0, 19}}, "timeline_limit": 1, "required_state": state}},
		"extensions": map[string]any{"account_data": on, "receipts": on, "typing": on, "e2ee": on, "to_device": on}}
}

// uploadKeys measures the upload of a new device's keys.
func (s *scene) uploadKeys() {
	s.load("device keys and 100 one-time keys", len(s.people), 1, "8 ms, 100 KB, 1", func(_, i int) error {
		return ask(s.people[i], "POST", api+"/keys/upload", keysOf(s.people[i]), nil)
	})
}

func keysOf(u *servertest.User) map[string]any {
	key, signature := strings.Repeat("k", 43), map[string]any{u.UserID: map[string]any{"ed25519:" + u.DeviceID: strings.Repeat("s", 86)}}
	oneTime := map[string]any{}
	for i := range 100 {
		oneTime[fmt.Sprintf("signed_curve25519:AAAA%02d", i)] = map[string]any{"key": key, "signatures": signature}
	}
	return map[string]any{"one_time_keys": oneTime, "device_keys": map[string]any{
		"user_id": u.UserID, "device_id": u.DeviceID, "algorithms": []string{"m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"},
		"keys":       map[string]any{"curve25519:" + u.DeviceID: key, "ed25519:" + u.DeviceID: key},
		"signatures": signature,
	}}
}

// deliver measures how long one message takes to people who wait for it. What it counts is deliveries.
func (s *scene) deliver(rounds int) {
	s.t.Helper()
	var waiting []*watcher
	room := s.rooms[len(s.rooms)-1]
	for _, u := range s.people[:s.watchers] {
		if err := ask(u, "POST", roomPath(room, "/join"), map[string]any{}, nil); err != nil {
			s.t.Fatal(err)
		}
		waiting = append(waiting, &watcher{u: u})
	}
	for _, w := range waiting {
		w.since = w.u.Sync("", "").NextBatch
	}
	var times []time.Duration
	var mu sync.Mutex
	meter, err := Count(s.server.PID())
	if err != nil {
		s.t.Fatal(err)
	}
	s.checkpoint()
	begin := time.Now()
	for i := range rounds {
		body := fmt.Sprintf("delivery %d.", i)
		var sent time.Time
		var all sync.WaitGroup
		for _, w := range waiting {
			all.Go(func() {
				w.waitFor(body)
				mu.Lock()
				times = append(times, time.Since(sent))
				mu.Unlock()
			})
		}
		time.Sleep(s.quiet / 20) // until they wait; who comes late gets the message all the same
		sent = time.Now()
		s.people[0].SendText(room, body)
		all.Wait()
	}
	wall := time.Since(begin)
	cost, err := meter.Stop()
	if err != nil {
		s.t.Fatal(err)
	}
	r := Result{Name: fmt.Sprintf("delivery to %d waiting clients", len(waiting)), N: len(times), Wall: wall, Cost: cost}
	r.rank(times)
	s.add(r, len(waiting), "p50 12, p95 40 ms, 0.15 ms")
}

// watcher is a client that waits for news.
type watcher struct {
	u     *servertest.User
	since string
}

// waitFor asks for news until the message has come.
func (w *watcher) waitFor(body string) {
	for {
		_, answer := w.u.Raw("GET", api+"/sync?timeout=30000&since="+url.QueryEscape(w.since), nil)
		w.since = gjson.GetBytes(answer, "next_batch").Str
		if bytes.Contains(answer, []byte(body)) {
			return
		}
	}
}
