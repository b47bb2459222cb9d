package rooms_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

func TestARoomArrives(t *testing.T) {
	for _, version := range pdu.Versions() {
		t.Run(version, func(t *testing.T) {
			s, r := abroad(t, version)
			woken := s.hub.Wakes(int64(s.alice.Atom))
			s.ok(s.joins(s.alice))
			s.agrees(r)
			if s.hub.Wakes(int64(s.alice.Atom)) == woken {
				t.Error("the user was not woken")
			}
			own := s.events()[0]
			if name, _ := own.Body().Text("displayname"); name != "Name" || own.Sender() != s.alice.ID {
				t.Errorf("the join is %s", own.JSON())
			}
			s.next()
			s.agrees2(r)
			s.takes(r.line.message(bob, "after"))
			s.fills(s.alice, 1)
			if got := len(s.back(s.alice)); got != len(r.far.room.Events) {
				t.Errorf("%d events can be read, there are %d", got, len(r.far.room.Events))
			}
			s.consistent()
		})
	}
}

// agrees2 takes what was sent here over to the other servers' line.
func (s *shared) agrees2(r *residing) {
	s.Helper()
	all := s.events()
	r.line.add(all[len(all)-1])
	s.agrees(r)
}

// fills asks for history until nothing is missing, so many times at most.
func (s *shared) fills(u rooms.User, times int) {
	s.Helper()
	for range times {
		var gap int64
		s.read(func(r *store.Reader, room store.Room) {
			v, err := rooms.View(r, room.Ref, u.Atom)
			s.ok(err)
			page, err := rooms.Messages(r, room, v, rooms.PageQuery{From: store.OrdMax, To: store.OrdMin, Backward: true, Limit: 500,
				Match: func(*store.Event) (bool, error) { return true, nil }})
			s.ok(err)
			gap = page.Gap
		})
		if gap == store.OrdMin {
			s.Fatal("no gap is left to fill")
		}
		if filled, err := s.FillGap(context.Background(), s.room, gap); err != nil || !filled {
			s.Fatalf("the gap at %d was not filled: %v", gap, err)
		}
	}
	s.read(func(r *store.Reader, room store.Room) {
		if gap, ok, err := r.GapWithin(room.Ref, store.OrdMin, store.OrdMax); ok || err != nil {
			s.Errorf("a gap is left at %d: %v", gap, err)
		}
	})
}

// What another server says of a room is believed only where it must be. Whatever goes wrong leaves nothing, and the next attempt is as the first.
func TestWhatDoesNotLetARoomArrive(t *testing.T) {
	type event = map[string]any
	proposes := func(change func(t *rooms.Template, e event)) func(*residing) {
		return func(r *residing) { r.proposes = change }
	}
	set := func(key string, value any) func(*residing) {
		return proposes(func(_ *rooms.Template, e event) { e[key] = value })
	}
	content := func(c event) func(*residing) { return set("content", c) }
	sends := func(change func(member string, raw *json.RawMessage) error) func(*residing) {
		return func(r *residing) { r.sends = change }
	}
	without := func(kind string) func(*residing) {
		return sends(func(_ string, raw *json.RawMessage) error {
			if strings.Contains(string(*raw), `"type":"`+kind+`"`) {
				*raw = json.RawMessage(`{}`)
			}
			return nil
		})
	}
	for what, lie := range map[string]func(*residing){
		"another type":          set("type", "m.room.power_levels"),
		"another room":          set("room_id", "!other:far"),
		"another sender":        set("sender", "@mallory:hs"),
		"another user":          set("state_key", "@mallory:hs"),
		"no state key":          proposes(func(_ *rooms.Template, e event) { delete(e, "state_key") }),
		"another membership":    content(event{"membership": "ban"}),
		"our own authority":     content(event{"membership": "join", "join_authorised_via_users_server": "@mayor:hs"}),
		"a wrong authority":     content(event{"membership": "join", "join_authorised_via_users_server": 1}),
		"an unsigned one":       content(event{"membership": "join", "join_authorised_via_users_server": "@bob:elsewhere"}),
		"no events before it":   set("prev_events", []any{}),
		"too many before it":    set("prev_events", make([]any, 30)),
		"auth events of a sort": set("auth_events", []any{"x"}),
		"unknown auth events":   set("auth_events", []any{"$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
		"a depth below 0":       set("depth", -1),
		"an unknown version":    proposes(func(t *rooms.Template, _ event) { t.RoomVersion = "fr.beffroi" }),
		"a wrong version":       proposes(func(t *rooms.Template, _ event) { t.RoomVersion = "10" }),
		"no create event":       without("m.room.create"),
		"no join rules":         without("m.room.join_rules"),
		"members left out": sends(func(member string, raw *json.RawMessage) error {
			if member == "members_omitted" {
				*raw = json.RawMessage("true")
			}
			return nil
		}),
		"a forged create event": sends(func(_ string, raw *json.RawMessage) error {
			*raw = json.RawMessage(strings.Replace(string(*raw), `"room_version":"11"`, `"m.federate":true,"room_version":"11"`, 1))
			return nil
		}),
		"wrong signatures": sends(func(_ string, raw *json.RawMessage) error {
			*raw = json.RawMessage(strings.Replace(string(*raw), `"ed25519:k":"`, `"ed25519:k":"AAAA`, 1))
			return nil
		}),
		"an end in its middle": func(r *residing) {
			n := 0
			r.sends = func(string, *json.RawMessage) error {
				if n++; n > 7 {
					return errCutOff
				}
				return nil
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			s, r := abroad(t, "11")
			lie(r)
			if err := s.joins(s.alice); err == nil {
				t.Fatal("it is believed")
			} else if e := merr.From(err); e.Status == 500 {
				t.Errorf("the answer is %v", err)
			}
			s.ok(s.db.Read(context.Background(), func(rd *store.Reader) error {
				if _, ok, err := rd.FindRoom(s.room); ok || err != nil {
					t.Error("the room is there", err)
				}
				return nil
			}))
			if ids, err := s.JoinedRooms(context.Background(), s.alice.Atom); err != nil || len(ids) > 0 {
				t.Error(ids, err)
			}
			if r.joins != len(r.left) {
				t.Errorf("%d joins were sent and %v taken back", r.joins, r.left)
			}
			r.proposes, r.sends = nil, nil
			s.ok(s.joins(s.alice))
			s.agrees(r)
		})
	}
}

func TestTheStateDecidesOverAJoin(t *testing.T) {
	s, r := abroad(t, "11")
	r.line.member("ban", s.alice.ID, bob)
	if err := s.joins(s.alice); !merr.Is(err, "M_FORBIDDEN") {
		t.Error(err)
	}
	s.room = "!none:far"
	r.down = true
	if err := s.joins(s.alice); merr.From(err).Status != 502 {
		t.Error(err)
	}
}

// Whoever joins second finds the room that the first one brought.
func TestTwoJoinAtOnce(t *testing.T) {
	s, r := abroad(t, "12")
	all := []rooms.User{s.alice, s.user("dora"), s.user("emil"), s.user("fred")}
	var wg sync.WaitGroup
	for _, u := range all {
		wg.Go(func() {
			if err := s.joins(u); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if r.joins != 1 {
		t.Errorf("%d joins were sent", r.joins)
	}
	s.consistent()
	if got := len(s.events()); got != len(all) {
		t.Errorf("%d events", got)
	}
}

// Who comes back to a room that went on without this server gets the state from then, and the history with it.
func TestComingBack(t *testing.T) {
	for _, version := range []string{"2", "11", "12"} {
		t.Run(version, func(t *testing.T) {
			s, r := abroad(t, version)
			dora := s.user("dora")
			s.ok(s.joins(s.alice))
			s.ok(s.Join(context.Background(), dora, s.room, ""))
			s.tells(r)
			s.takes(r.line.message(bob, "seen"))
			for _, u := range []rooms.User{dora, s.alice} {
				s.ok(s.Leave(context.Background(), u, s.room, ""))
				s.tells(r)
			}
			before := len(s.events())
			r.line.set("m.room.name", "", bob, `{"name":"Salle du conseil"}`)
			r.line.member("leave", carol, carol)
			r.line.member("join", "@dave:far", "@dave:far")
			for range 3 {
				r.line.message("@dave:far", "missed")
			}
			if r.joins != 1 {
				t.Fatalf("%d joins were sent", r.joins)
			}
			s.ok(s.JoinWith(context.Background(), dora, s.room, rooms.Entry{})) // who was in it is known
			if r.joins != 2 {
				t.Fatalf("%d joins were sent", r.joins)
			}
			s.agrees(r)
			s.ok(s.Join(context.Background(), s.alice, s.room, ""))
			s.tells(r)
			if got := len(s.events()); r.joins != 2 || got != before+2 {
				t.Errorf("%d joins were sent, %d events", r.joins, got)
			}
			s.agrees(r)
			var missed []string
			for _, e := range r.far.room.Events {
				if body, _ := e.Body().Text("body"); body == "missed" {
					missed = append(missed, e.ID())
				}
			}
			s.fills(dora, 2)
			seen := s.back(dora)
			for _, id := range missed {
				if !slices.Contains(seen, id) {
					t.Error("a message of the time between is not in the history")
				}
			}
			if len(seen) != len(r.far.room.Events) {
				t.Errorf("%d events of %d can be read", len(seen), len(r.far.room.Events))
			}
			s.takes(r.line.message(bob, "after"))
			s.agrees(r)
		})
	}
}

func TestWhoMayEnterIsAsked(t *testing.T) {
	s, r := abroad(t, "12")
	verdict := &verdicts{}
	s.Policy = verdict
	for verdict.refuse = 1; verdict.refuse <= 2; verdict.refuse++ {
		verdict.asked = nil
		if err := s.joins(s.alice); !merr.Is(err, "M_FORBIDDEN") || len(verdict.asked) != verdict.refuse || r.joins != verdict.refuse-1 || len(r.left) != verdict.refuse-1 {
			t.Errorf("%v after %q; %d joins, %v left", err, verdict.asked, r.joins, r.left)
		}
	}
	verdict.refuse, verdict.asked = 0, nil
	s.ok(s.joins(s.alice))
	if want := [][]string{{"far"}, {"far"}}; !slices.EqualFunc(verdict.asked, want, slices.Equal) {
		t.Errorf("asked about %q", verdict.asked)
	}
}

// verdicts is a policy that refuses one of the rooms that it is asked about.
type verdicts struct {
	rooms.Policy

	refuse int // the which, from 1 on
	asked  [][]string
}

func (v *verdicts) RoomVerdict(servers []string) (bool, []string) {
	v.asked = append(v.asked, servers)
	if len(v.asked) == v.refuse {
		return false, servers
	}
	return true, nil
}

// What is said in a room while it arrives is not lost: the others tell us as soon as they have our join.
func TestWhatIsSaidWhileARoomArrives(t *testing.T) {
	s, r := abroad(t, "12")
	var said *pdu.Event
	var outcome []rooms.Outcome
	var telling sync.WaitGroup
	r.sends = func(string, *json.RawMessage) error {
		if said == nil {
			said = r.line.message(bob, "bienvenue")
			telling.Go(func() { outcome = s.receive(said) })
		}
		return nil
	}
	s.ok(s.joins(s.alice))
	telling.Wait()
	if len(outcome) != 1 || outcome[0].Err != nil {
		t.Fatalf("%v", outcome)
	}
	s.has("said meanwhile", said, 0, true)
	s.agrees(r)
}

// What an arrival left that was cut off is nothing: neither for the next one, nor for ever.
func TestAnArrivalThatWasCutOff(t *testing.T) {
	for _, again := range []bool{true, false} {
		s, r := abroad(t, "11")
		var ref store.RoomRef
		s.ok(s.db.Write(context.Background(), func(tx *store.Tx) (err error) {
			if ref, err = tx.BeginArrival(s.room, "10"); err != nil {
				return err
			}
			pos, err := tx.NextPos()
			if err != nil {
				return err
			}
			for _, kind := range []store.Atom{store.AtomName, store.AtomTopic} {
				if _, err := tx.SetCurrentState(ref, pos, store.StateEntry{Type: kind, StateKey: store.AtomEmpty, NID: 1}); err != nil {
					return err
				}
			}
			return nil
		}))
		if again {
			s.ok(s.joins(s.alice))
			s.agrees(r)
		} else {
			s.ok(s.PurgeForgotten(context.Background()))
		}
		s.ok(s.db.Read(context.Background(), func(rd *store.Reader) error {
			room, there, err := rd.FindRoom(s.room)
			_, arriving, err2 := rd.FindArriving(s.room)
			row, known, err3 := rd.Room(ref)
			if err != nil || err2 != nil || err3 != nil || arriving || there != again || known != again || again && (room.Version != "11" || row.ID != s.room) {
				t.Errorf("%t: found %t, arriving %t, its row %t", again, there, arriving, known)
			}
			return nil
		}))
		if !again {
			s.ok(s.joins(s.alice))
			s.agrees(r)
		}
	}
}
