package stateres

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"beffroi/server/pdu"
)

// vectorCase is one entry of cases.json; see the README beside it.
type vectorCase struct {
	Name                    string
	Expected                string
	Batches, States, Events []string
}

// vectors finds the state resolution cases next to the checkout.
func vectors(t *testing.T) (dir string, cases []vectorCase) {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	dir = filepath.Join(filepath.Dir(here), "..", "..", "..", "..", "shared", "vectors", "stateres")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the test vectors are not there:", err)
	}
	read(t, filepath.Join(dir, "cases.json"), &cases)
	if len(cases) != 13 {
		t.Fatalf("%d cases instead of 13", len(cases))
	}
	return dir, cases
}

func read(t *testing.T, file string, v any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(file, err)
	}
}

// world is what a case is played with.
type world struct {
	t     *testing.T
	dir   string
	rules pdu.Rules
	src   memory
	state map[string]State // after each event
}

func newWorld(t *testing.T, dir string) *world {
	return &world{t: t, dir: dir, src: memory{}, state: map[string]State{}}
}

// load reads a file of events under the ids that they have there.
func (w *world) load(file string) (events []*pdu.Event) {
	w.t.Helper()
	var raw []map[string]any
	read(w.t, filepath.Join(w.dir, file), &raw)
	for _, members := range raw {
		if members["type"] == "m.room.create" {
			version := members["content"].(map[string]any)["room_version"].(string)
			rules, ok := pdu.RulesFor(version)
			if !ok {
				w.t.Fatalf("room version %s is not known", version)
			}
			w.rules = rules
		}
		e := w.event(members)
		w.src.put(e)
		events = append(events, e)
	}
	return events
}

// event completes the bytes of an event with what the files leave out.
func (w *world) event(members map[string]any) *pdu.Event {
	w.t.Helper()
	id := members["event_id"].(string)
	delete(members, "event_id")
	members["depth"], members["hashes"], members["signatures"] = 1, map[string]any{}, map[string]any{}
	b, err := json.Marshal(members)
	if err != nil {
		w.t.Fatal(err)
	}
	if b, err = pdu.Canonical(b); err != nil {
		w.t.Fatal(err)
	}
	e, err := pdu.FromStore(w.rules, id, b, false)
	if err != nil {
		w.t.Fatal(id, err)
	}
	return e
}

func (w *world) resolve(states ...State) State {
	w.t.Helper()
	s, err := Resolve(w.rules, states, w.src)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// play gives the room's state after events that come in steps: each event forks
// from its prev_events, and each step is resolved with what was resolved so far.
func (w *world) play(steps [][]*pdu.Event) State {
	w.t.Helper()
	var current State
	for _, events := range steps {
		tips := map[string]State{}
		for _, e := range events {
			var before []State
			for _, id := range e.PrevEvents() {
				before = append(before, w.state[id])
				delete(tips, id)
			}
			w.state[e.ID()] = w.resolve(before...).after(e)
			tips[e.ID()] = w.state[e.ID()]
		}
		states := slices.Collect(maps.Values(tips))
		if current != nil {
			states = append(states, current)
		}
		current = w.resolve(states...)
	}
	return current
}

// expect holds a state against the case's.
func (w *world) expect(file string, got State) {
	w.t.Helper()
	var entries []struct {
		Type     string
		StateKey string `json:"state_key"`
		EventID  string `json:"event_id"`
	}
	read(w.t, filepath.Join(w.dir, file), &entries)
	want := State{}
	for _, e := range entries {
		want[entry{Type: e.Type, StateKey: e.StateKey}] = e.EventID
	}
	if !maps.Equal(got, want) {
		w.t.Errorf("resolved %v\nexpected %v", got, want)
	}
}

func TestVectors(t *testing.T) {
	dir, cases := vectors(t)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			if len(c.Batches) > 0 {
				playThreeWays(t, dir, c)
				return
			}
			w := newWorld(t, dir)
			for _, file := range c.Events {
				w.load(file)
			}
			var states []State
			for _, file := range c.States {
				var ids []string
				read(t, filepath.Join(dir, file), &ids)
				s := State{}
				for _, id := range ids {
					s = s.after(w.src[id].Event)
				}
				states = append(states, s)
			}
			w.expect(c.Expected, w.resolve(states...))
		})
	}
}

// playThreeWays resolves after each event, after each file, and once at the end.
func playThreeWays(t *testing.T, dir string, c vectorCase) {
	var single, files, all [][]*pdu.Event
	w := newWorld(t, dir)
	for _, file := range c.Batches {
		events := w.load(file)
		files = append(files, events)
		for _, e := range events {
			single = append(single, []*pdu.Event{e})
		}
	}
	all = [][]*pdu.Event{slices.Concat(files...)}
	for _, steps := range [][][]*pdu.Event{single, files, all} {
		w.expect(c.Expected, w.play(steps))
	}
}
