package rooms_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/pdu/pdutest"
	"beffroi/server/pdu/stateres"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// elsewhere is the other servers: they have every event of the room, and may be told to keep silent.
type elsewhere struct {
	rooms.Joining
	rooms.Asking
	rooms.Inviting
	rooms.Policing

	room   *pdutest.Room
	before map[string]map[auth.Key]string // the state before each event

	mu       sync.Mutex
	silent   map[string]bool // by endpoint
	asked    map[string]int
	withheld map[string]bool // events that they do not give
}

var errSilent = errors.New("no answer")

func (e *elsewhere) ask(endpoint string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked[endpoint]++
	if e.silent[endpoint] {
		return errSilent
	}
	return nil
}

func (*elsewhere) Verify(_ context.Context, rc *pdu.Received) (*pdu.Event, error) {
	return rc.Verify(func(server, keyID string) (ed25519.PublicKey, bool) {
		s := pdutest.Signer(server)
		return s.Key.Public().(ed25519.PublicKey), keyID == s.KeyID
	})
}

func (e *elsewhere) raw(ids []string) (raws []json.RawMessage) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range ids {
		if ev := e.room.Events[id]; ev != nil && !e.withheld[id] {
			raws = append(raws, ev.JSON())
		}
	}
	return raws
}

func (e *elsewhere) Events(_ context.Context, _, _ string, ids []string) ([]json.RawMessage, error) {
	return e.raw(ids), e.ask("event")
}

func (e *elsewhere) MissingEvents(_ context.Context, _, _ string, q rooms.MissingQuery) ([]json.RawMessage, error) {
	if err := e.ask("missing"); err != nil {
		return nil, err
	}
	var ids []string
	seen := map[string]bool{}
	for todo := q.Latest; len(todo) > 0 && len(ids) < q.Limit; {
		ev := e.room.Events[todo[0]]
		todo = todo[1:]
		if ev == nil {
			continue
		}
		for _, id := range ev.PrevEvents() {
			if !seen[id] && !slices.Contains(q.Earliest, id) {
				seen[id] = true
				ids, todo = append(ids, id), append(todo, id)
			}
		}
	}
	return e.raw(ids), nil
}

func (e *elsewhere) chain(ids []string) []string {
	seen := map[string]bool{}
	for todo := slices.Clone(ids); len(todo) > 0; {
		for _, id := range e.room.Events[todo[0]].AuthEvents() {
			if !seen[id] {
				seen[id] = true
				todo = append(todo, id)
			}
		}
		todo = todo[1:]
	}
	return slices.Collect(maps.Keys(seen))
}

func (e *elsewhere) StateIDs(_ context.Context, _, _, eventID string) (state, authChain []string, err error) {
	if err := e.ask("state_ids"); err != nil {
		return nil, nil, err
	}
	ids := slices.Collect(maps.Values(e.before[eventID]))
	return ids, e.chain(ids), nil
}

func (e *elsewhere) AuthChain(_ context.Context, _, _, eventID string) ([]json.RawMessage, error) {
	return e.raw(e.chain([]string{eventID})), e.ask("event_auth")
}

// branch is a way through the room's graph as other servers go it.
type branch struct {
	*pdutest.Branch
	far *elsewhere
}

func (b *branch) fork() *branch { return &branch{b.Fork(), b.far} }

func (b *branch) add(e *pdu.Event) *pdu.Event {
	b.far.mu.Lock()
	defer b.far.mu.Unlock()
	b.far.before[e.ID()] = maps.Clone(b.State)
	b.Add(e)
	return e
}

func (b *branch) set(kind, key, sender, content string) *pdu.Event {
	return b.add(b.Build(kind, &key, sender, json.RawMessage(content)))
}

func (b *branch) message(sender, body string) *pdu.Event {
	return b.add(b.Build("m.room.message", nil, sender, map[string]string{"body": body, "msgtype": "m.text"}))
}

func (b *branch) member(membership, target, sender string) *pdu.Event {
	return b.set("m.room.member", target, sender, `{"membership":"`+membership+`"}`)
}

// merge lets the branch follow others too, in the resolution of their states.
func (b *branch) merge(others ...*branch) {
	states := []stateres.State{b.State}
	var plain []*pdutest.Branch
	for _, o := range others {
		states = append(states, o.State)
		plain = append(plain, o.Branch)
	}
	resolved, err := stateres.Resolve(b.far.room.Rules, states, all{b.far.room})
	if err != nil {
		panic(err)
	}
	b.Merge(resolved, plain...)
}

// all gives state resolution every event.
type all struct{ *pdutest.Room }

func (a all) Events(ids []string) (out []stateres.Event, err error) {
	for _, id := range ids {
		if e := a.Room.Events[id]; e != nil {
			out = append(out, stateres.Event{Event: e})
		}
	}
	return out, nil
}

// shared is a room of this server in which another server's bob and carol are too.
type shared struct {
	*world
	alice rooms.User
	room  string
	far   *elsewhere
	path  string
}

const (
	bob   = "@bob:far"
	carol = "@carol:far"
)

// share makes a public room of a version, and its main line as the other servers see it.
func share(t testing.TB, version string) (*shared, *branch) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "b.db")
	w := open(t, path)
	s := &shared{world: w, alice: w.user("alice"), path: path}
	s.room = w.create(s.alice, rooms.CreateRequest{RoomVersion: version, Preset: "public_chat", IsDirect: true, PowerLevelOverride: map[string]any{"invite": 0}})
	line := s.meet()
	s.takes(line.member("join", bob, bob))
	s.takes(line.member("join", carol, carol))
	return s, line
}

// meet shows the other servers all that the room has.
func (s *shared) meet() *branch {
	s.Helper()
	s.far = &elsewhere{before: map[string]map[auth.Key]string{}, silent: map[string]bool{}, asked: map[string]int{}, withheld: map[string]bool{}}
	s.Remote = s.far
	b := &branch{far: s.far}
	s.far.room, b.Branch = pdutest.Continue(s, s.rules(), s.events())
	return b
}

func (s *shared) rules() (rules pdu.Rules) {
	s.read(func(r *store.Reader, room store.Room) { rules, _ = pdu.RulesFor(room.Version) })
	return rules
}

func (s *shared) read(f func(r *store.Reader, room store.Room)) {
	s.Helper()
	s.ok(s.db.Read(context.Background(), func(r *store.Reader) error {
		room, err := rooms.Find(r, s.room)
		if err == nil {
			f(r, room)
		}
		return err
	}))
}

// events are those of the timeline.
func (s *shared) events() (events []*pdu.Event) {
	s.Helper()
	s.read(func(r *store.Reader, room store.Room) {
		rules, _ := pdu.RulesFor(room.Version)
		rows, err := r.EventsForward(room.Ref, store.OrdMin, store.OrdMax, 100000)
		s.ok(err)
		for _, row := range rows {
			e, err := row.PDU(rules)
			s.ok(err)
			events = append(events, e)
		}
	})
	return events
}

func (s *shared) receive(events ...*pdu.Event) []rooms.Outcome {
	raws := make([][]byte, len(events))
	for i, e := range events {
		raws[i] = e.JSON()
	}
	return s.Receive(context.Background(), "far", raws...)
}

// takes receives events that must be stored.
func (s *shared) takes(events ...*pdu.Event) {
	s.Helper()
	for i, o := range s.receive(events...) {
		if o.Err != nil || o.EventID != events[i].ID() {
			s.Fatalf("%s %s: %v", events[i].Type(), events[i].ID(), o)
		}
	}
}

// row reads an event, or nothing.
func (s *shared) row(e *pdu.Event) (row store.Event, ok bool) {
	s.Helper()
	s.read(func(r *store.Reader, _ store.Room) {
		var err error
		row, ok, err = r.EventByID(e.ID())
		s.ok(err)
	})
	return row, ok
}

// has checks an event's status and whether it is in the timeline.
func (s *shared) has(what string, e *pdu.Event, status int, placed bool) store.Event {
	s.Helper()
	row, ok := s.row(e)
	if !ok || row.Status != status || row.Placed != placed {
		s.Errorf("%s: known %t, status %d (want %d), in the timeline %t (want %t)", what, ok, row.Status, status, row.Placed, placed)
	}
	return row
}

// now is the id of the event in the current state, "" for none.
func (s *shared) now(kind, key string) (id string) {
	s.Helper()
	s.read(func(r *store.Reader, room store.Room) {
		k, err := r.FindAtom(kind)
		s.ok(err)
		sk, err := r.FindAtom(key)
		s.ok(err)
		e, _, err := r.CurrentEvent(room.Ref, k, sk)
		s.ok(err)
		id = e.ID
	})
	return id
}

// next sends a local message and gives the events that it follows.
func (s *shared) next() []string {
	s.Helper()
	id, err := s.say(s.alice, s.room, "t"+s.far.count())
	s.ok(err)
	var prevs []string
	for _, e := range s.events() {
		if e.ID() == id {
			prevs = e.PrevEvents()
			s.far.mu.Lock()
			s.far.room.Events[id] = e
			s.far.mu.Unlock()
		}
	}
	slices.Sort(prevs)
	return prevs
}

func (e *elsewhere) count() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked["next"]++
	return string(rune('a' + e.asked["next"]))
}

func ids(events ...*pdu.Event) (out []string) {
	for _, e := range events {
		out = append(out, e.ID())
	}
	slices.Sort(out)
	return out
}
