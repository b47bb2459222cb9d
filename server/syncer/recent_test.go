package syncer_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tidwall/gjson"

	"beffroi/server/rooms"
)

// What is answered from the memory of the last changes is what the database says after a restart, which has no such memory.
func TestMemoryAndDatabaseAgree(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { compareMemory(t, seed) })
	}
}

func compareMemory(t *testing.T, seed uint64) {
	w := start(t)
	rnd := rand.New(rand.NewPCG(seed, 1))
	users := []rooms.User{w.user("alice"), w.user("bob"), w.user("carol"), w.user("dave")}
	ids := []string{w.create(users[0], rooms.CreateRequest{}), w.create(users[1], rooms.CreateRequest{})}
	lazy := filtered(`{"room":{"timeline":{"limit":4},"state":{"lazy_load_members":true,"include_redundant_members":true}}}`)
	var since [4][]string
	for n := range 60 {
		for range 3 {
			act(w, rnd, n*4+rnd.IntN(1000)*1000, users[rnd.IntN(4)], users[rnd.IntN(4)], ids[rnd.IntN(2)])
		}
		u := rnd.IntN(4)
		switch rnd.IntN(4) {
		case 0:
			w.data(users[u], w.ref(ids[rnd.IntN(2)]), w.atom("m.tag"), fmt.Sprintf(`{"tags":{"t%d":{}}}`, n))
		case 1:
			w.queue(users[u], 1)
		}
		since[u] = append(since[u], next(w.sync(users[u], "")))
	}
	type asked struct {
		user    int
		token   string
		options []option
	}
	var questions []asked
	var answers []string
	for u := range users {
		for _, token := range since[u] {
			for _, o := range [][]option{{device(users[u].Device)}, {lazy}, {stateAfter}} {
				questions = append(questions, asked{u, token, o})
				answers = append(answers, plainly(w.sync(users[u], token, o...)))
			}
		}
	}
	w.reopen()
	for i, q := range questions {
		if got := plainly(w.sync(users[q.user], q.token, q.options...)); got != answers[i] {
			t.Fatalf("%s since %s: the database says\n%.2000s\nmemory said\n%.2000s", users[q.user].ID, q.token, got, answers[i])
		}
	}
}

// plainly leaves out what differs between two answers of the same content: the token, the ages, and the typing stream of another run.
func plainly(res gjson.Result) string {
	var strip func(v any) any
	strip = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			delete(v, "age")
			delete(v, "next_batch")
			delete(v, "to_device") // acknowledged by what was asked before
			if lists, ok := v["device_lists"].(map[string]any); ok && fmt.Sprint(lists) == "map[changed:[] left:[]]" {
				delete(v, "device_lists")
			}
			if v["limited"] == false {
				delete(v, "prev_batch") // where nothing was read, it is the token
			}
			for k := range v {
				v[k] = strip(v[k])
			}
		case []any:
			for i := range v {
				v[i] = strip(v[i])
			}
		}
		return v
	}
	out, _ := json.Marshal(strip(res.Value()))
	return string(out)
}
