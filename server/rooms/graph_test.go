package rooms_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"

	"beffroi/server/store"
)

// eve is of a third server.
const eve = "@eve:other"

func (b *branch) redact(sender, target string) *pdu.Event {
	if b.far.room.Rules.RedactsInContent {
		return b.add(b.Build("m.room.redaction", nil, sender, map[string]string{"redacts": target}))
	}
	p := pdu.Proto{Type: "m.room.redaction", Sender: sender, RoomID: b.far.room.ID, Redacts: target, PrevEvents: b.Tips, Depth: 90, OriginServerTS: 1}
	for _, key := range auth.Needed(b.far.room.Rules, p) {
		if id, ok := b.State[key]; ok {
			p.AuthEvents = append(p.AuthEvents, id)
		}
	}
	e, err := pdu.Build(b.far.room.Rules, p, signerOf(sender))
	if err != nil {
		panic(err)
	}
	return b.add(e)
}

func TestRedactionsOfOtherServers(t *testing.T) {
	for _, version := range []string{"10", "12"} {
		t.Run(version, func(t *testing.T) {
			s, line := share(t, version)
			s.takes(line.member("join", eve, eve))
			secret, other := line.message(bob, "secret"), line.message(bob, "other")
			s.takes(secret, other)
			mine, err := s.say(s.alice, s.room, "mine")
			s.ok(err)
			line = s.meetAgain(line)
			s.takes(line.redact(eve, secret.ID()), line.redact(eve, mine))
			if row, _ := s.row(secret); row.RedactedBy != 0 || !bytes.Contains(row.JSON, []byte("secret")) {
				t.Error("a stranger redacted the message")
			}
			r := line.redact(carol, secret.ID()) // of the same server
			s.takes(r)
			if row, _ := s.row(secret); row.RedactedBy == 0 || bytes.Contains(row.JSON, []byte("secret")) {
				t.Errorf("not redacted: %s", row.JSON)
			}
			by, _ := s.row(r)
			if row, _ := s.row(secret); row.RedactedBy != by.NID {
				t.Error("redacted by another event")
			}
			s.consistent()
		})
	}
}

func TestARedactionBeforeWhatItRedacts(t *testing.T) {
	s, line := share(t, "12")
	s.takes(line.member("join", eve, eve))
	side := line.fork()
	secret, kept := side.message(bob, "secret"), side.message(bob, "kept")
	name := side.set("m.room.member", bob, bob, `{"membership":"join","displayname":"hidden"}`)
	s.takes(line.redact(carol, secret.ID()), line.redact(eve, kept.ID()), line.redact(bob, name.ID()))
	s.takes(secret, kept, name)
	for e, redacted := range map[*pdu.Event]bool{secret: true, kept: false, name: true} {
		row, _ := s.row(e)
		if bytes.Contains(row.JSON, []byte(`"displayname"`)) || (row.RedactedBy != 0) != redacted || bytes.Contains(row.JSON, []byte(`"secret"`)) {
			t.Errorf("redacted by %d: %s", row.RedactedBy, row.JSON)
		}
	}
	s.consistent()
}

// Events that did not follow the room's current state are seen by who might see them by their own.
func TestWhatStandsAsideIsSeenByItsOwnState(t *testing.T) {
	ctx := context.Background()
	for visibility, want := range map[string][2]bool{"joined": {false, true}, "shared": {true, true}, "invited": {false, true}, "world_readable": {true, true}} {
		t.Run(visibility, func(t *testing.T) {
			s, _ := share(t, "12")
			_, err := s.SetState(ctx, s.alice, s.room, "m.room.history_visibility", "", []byte(`{"history_visibility":"`+visibility+`"}`))
			s.ok(err)
			line := s.meetAgain(nil)
			side := line.fork()
			dave := s.user("dave")
			s.ok(s.Join(ctx, dave, s.room, ""))
			line = s.meetAgain(line)
			before, after := side.message(bob, "before dave, as bob's server sees it"), line.message(bob, "after")
			s.takes(before, after)
			s.has("aside", before, store.StatusAside, true)
			seen := s.sees(dave, s.room)
			if got := [2]bool{contains(seen, before.ID()) == 1, contains(seen, after.ID()) == 1}; got != want {
				t.Error("dave sees", got, "want", want)
			}
			if contains(s.sees(s.alice, s.room), before.ID()) != 1 {
				t.Error("alice does not see it")
			}
		})
	}
}

// What a resolution changes stands in the stream of changes, at the position of the event that made it.
func TestChangesByResolutionAreChangesOfTheRoom(t *testing.T) {
	s, line := share(t, "12")
	ctx := context.Background()
	since := s.db.Visible()
	side := line.fork()
	heard := s.hub.Wakes(int64(s.alice.Atom))
	named := side.set("m.room.member", carol, carol, `{"membership":"join","displayname":"C"}`)
	_, err := s.say(s.alice, s.room, "x")
	s.ok(err)
	s.takes(named)
	if s.hub.Wakes(int64(s.alice.Atom)) < heard+2 {
		t.Error("alice was not woken")
	}
	row, _ := s.row(named)
	s.ok(s.db.Read(ctx, func(r *store.Reader) error {
		changes, err := r.ChangesSince(row.Room, since)
		if len(changes) != 1 || changes[0].New != row.NID || changes[0].Pos != int64(row.NID) || changes[0].Old != row.Replaces {
			t.Errorf("%+v of %+v", changes, row)
		}
		return err
	}))
}

// fallBack lets an event come after a gap, told with a state in which one entry is an earlier one.
func (s *shared) fallBack(b *branch, kind, id string, make func(*branch) *pdu.Event) *pdu.Event {
	lost := b.message(bob, "lost")
	e := make(b)
	told := maps.Clone(b.far.before[e.ID()])
	told[auth.Key{Type: kind}] = id
	b.far.before[e.ID()] = told
	s.far.silent["missing"], s.far.withheld[lost.ID()] = true, true
	return e
}

// The two problems of MSC4297: a server that fell back to an earlier state joins one that did not. Version 12 keeps what is in force.
func TestRoomsThatFellBack(t *testing.T) {
	ctx := context.Background()
	for version, keeps := range map[string]bool{"11": false, "12": true} {
		t.Run("join rules, version "+version, func(t *testing.T) {
			s, _ := share(t, version)
			public := s.now("m.room.join_rules", "")
			_, err := s.SetState(ctx, s.alice, s.room, "m.room.join_rules", "", []byte(`{"join_rule":"invite"}`))
			s.ok(err)
			invite := s.now("m.room.join_rules", "")
			s.ok(s.Leave(ctx, s.alice, s.room, ""))
			bobs := s.meetAgain(nil)
			charlies := bobs.fork()
			s.takes(bobs.set("m.room.member", bob, bob, `{"membership":"join","displayname":"++"}`))
			fell := s.fallBack(charlies, "m.room.join_rules", public, func(b *branch) *pdu.Event {
				return b.set("m.room.member", carol, carol, `{"membership":"join","displayname":"++"}`)
			})
			s.takes(fell)
			s.has("the event", fell, store.StatusAside, true)
			if got := s.now("m.room.join_rules", ""); keeps && got != invite || !keeps && got != "" {
				t.Errorf("join rules %q", got)
			}
			s.consistent()
		})
		t.Run("power levels, version "+version, func(t *testing.T) {
			s, line := share(t, version)
			levels := func(users string) string { return `{"users":{` + users + creatorLevel(version, s.alice.ID) + `}}` }
			first := line.set("m.room.power_levels", "", s.alice.ID, `{"users":{"@x:y":1`+creatorLevel(version, s.alice.ID)+`}}`)
			s.takes(first, line.set("m.room.power_levels", "", s.alice.ID, levels(`"`+bob+`":50`)))
			third := line.set("m.room.power_levels", "", bob, levels(`"`+bob+`":50,"`+carol+`":50`))
			s.takes(third)
			zaras, eves := line, line.fork()
			s.takes(zaras.member("join", "@zara:far", "@zara:far"))
			fell := s.fallBack(eves, "m.room.power_levels", first.ID(), func(b *branch) *pdu.Event {
				b.member("join", eve, eve)
				return b.set("m.room.member", eve, eve, `{"membership":"join","displayname":"++"}`)
			})
			s.takes(fell)
			s.has("the event", fell, store.StatusAside, true)
			if got := s.now("m.room.power_levels", ""); keeps != (got == third.ID()) || !keeps && got != first.ID() {
				t.Errorf("power levels %s", got)
			}
			s.consistent()
		})
	}
}

// crash opens a copy of the files as they are while the server runs: what a kill leaves.
func (s *shared) crash() {
	s.Helper()
	path := filepath.Join(s.TempDir(), "b.db")
	for _, ending := range []string{"", "-wal"} {
		b, err := os.ReadFile(s.path + ending)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			s.ok(err)
		}
		s.ok(os.WriteFile(path+ending, b, 0o600))
	}
	s.path = path
	s.reopen()
}

func TestAKillInAForkLosesNothing(t *testing.T) {
	s, line := share(t, "12")
	a, b, c := line.fork(), line.fork(), line.fork()
	tips := []*pdu.Event{a.message(bob, "a"), b.set("m.room.member", carol, carol, `{"membership":"leave"}`), c.message(bob, "c")}
	s.takes(tips...)
	s.crash()
	s.consistent()
	if prevs := s.next(); !slices.Equal(prevs, ids(tips...)) {
		t.Error("the next local event follows", prevs)
	}
	s.consistent()
}

// wild makes random events on some branches of a room. It gives those that the rules allow where they stand.
type wild struct {
	*rand.Rand
	branches []*branch
	after    map[string]map[auth.Key]string // the state after each event
	events   []*pdu.Event
	wrong    []*pdu.Event // events that must be rejected
}

func (w *wild) step() {
	i := w.IntN(len(w.branches))
	b := w.branches[i]
	switch n := w.IntN(20); {
	case n == 0 && len(w.branches) < 5:
		w.branches = append(w.branches, b.fork())
		return
	case n == 1 && len(w.branches) > 1:
		other := w.branches[(i+1)%len(w.branches)]
		if len(b.Tips) == 1 && len(other.Tips) == 1 && b.Tips[0] != other.Tips[0] {
			b.merge(other)
		}
	}
	kind, key, sender, content := w.event()
	raw, _ := json.Marshal(content)
	e := b.Build(kind, key, sender, json.RawMessage(raw))
	if !b.Allowed(e) {
		b.far.room.Events[e.ID()], b.far.before[e.ID()] = e, maps.Clone(b.State)
		w.wrong = append(w.wrong, e)
		return
	}
	b.add(e)
	w.after[e.ID()] = maps.Clone(b.State)
	w.events = append(w.events, e)
}

func (w *wild) event() (kind string, key *string, sender string, content any) {
	people := []string{bob, carol, eve, "@dave:far", "@alice:hs"}
	sender, other, empty := people[w.IntN(len(people))], people[w.IntN(len(people))], ""
	switch w.IntN(8) {
	case 0:
		return "m.room.name", &empty, sender, map[string]any{"name": w.IntN(9)}
	case 1:
		users := map[string]any{}
		for _, p := range people[:4] {
			users[p] = 25 * w.IntN(4)
		}
		return "m.room.power_levels", &empty, sender, map[string]any{"users": users, "state_default": 25, "invite": 0, "ban": 50, "kick": 50}
	case 2:
		return "m.room.member", &other, sender, map[string]any{"membership": []string{"ban", "leave", "invite"}[w.IntN(3)]}
	case 3, 4:
		return "m.room.member", &sender, sender, map[string]any{"membership": "join", "displayname": fmt.Sprint(w.IntN(99))}
	case 5:
		return "m.room.join_rules", &empty, sender, map[string]any{"join_rule": []string{"public", "invite"}[w.IntN(2)]}
	}
	return "m.room.message", nil, sender, map[string]any{"body": "x"}
}

// Whatever the order in which the events of a forked room come, each gets the state that follows from the graph, and the room the resolution of
// what it ends in.
func TestAnyOrderOfArrivalGivesTheSameStates(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s, line := share(t, []string{"12", "11", "2"}[seed%3])
			s.takes(line.set("m.room.power_levels", "", s.alice.ID, `{"users":{"`+bob+`":75`+creatorLevel(s.rules().Version, s.alice.ID)+`},"state_default":25}`))
			w := &wild{Rand: rand.New(rand.NewPCG(seed, 1)), branches: []*branch{line}, after: map[string]map[auth.Key]string{}}
			for len(w.events) < 60 {
				w.step()
			}
			order := slices.Concat(w.events, w.wrong, w.events[:10])
			w.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			for i, e := range order {
				s.takes(e)
				if i%20 == 0 {
					s.consistent()
				}
			}
			s.consistent()
			s.read(func(r *store.Reader, room store.Room) {
				for _, e := range w.events {
					row, _, err := r.EventByID(e.ID())
					s.ok(err)
					if row.Status&(store.StatusRejected|store.StatusOutlier) != 0 {
						t.Errorf("%s is %d", e.Type(), row.Status)
					}
					if got := s.entries(r, func() ([]store.StateEntry, error) { return r.GroupState(row.State) }); !maps.Equal(got, w.after[e.ID()]) {
						t.Fatalf("the state after %s %s is another than the graph says", e.Type(), e.ID())
					}
				}
			})
			for _, e := range w.wrong {
				s.has("a wrong event", e, store.StatusRejected, false)
			}
			if _, err := s.say(s.alice, s.room, "after"); err != nil {
				var refused *auth.Rejected
				if !errors.As(err, &refused) {
					t.Error(err)
				}
			}
			s.consistent()
		})
	}
}
