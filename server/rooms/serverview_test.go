package rooms_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// from looks at the room as a server does.
func (s *shared) from(server string, f func(v *rooms.ServerView)) {
	s.Helper()
	s.read(func(r *store.Reader, _ store.Room) {
		v, err := rooms.LookFrom(r, s.room, server)
		s.ok(err)
		f(v)
	})
}

// bodies are what a server reads in messages that it is given, "-" for one that is redacted; other events are left out.
func bodies(raws []json.RawMessage) string {
	var out []string
	for _, raw := range raws {
		o := pdu.StoredObject(raw)
		if kind, _ := o.Text("type"); kind != "m.room.message" {
			continue
		}
		body, ok := o.Object("content").Text("body")
		if !ok {
			body = "-"
		}
		out = append(out, body)
	}
	return strings.Join(out, " ")
}

func TestServersGetWhatTheirUsersMaySee(t *testing.T) {
	for visibility, want := range map[string]string{
		"world_readable": "after invited before", "shared": "after invited before", "invited": "after invited -", "joined": "after - -",
	} {
		s, line := share(t, "12")
		dave := "@dave:late"
		s.takes(line.set("m.room.history_visibility", "", s.alice.ID, `{"history_visibility":"`+visibility+`"}`))
		s.takes(line.message(bob, "before"), line.member("invite", dave, bob), line.message(bob, "invited"), line.member("join", dave, dave))
		last := line.message(bob, "after")
		s.takes(last)
		s.from("late", func(v *rooms.ServerView) {
			raws, err := v.Older(ids(last), 5)
			if got := bodies(raws); err != nil || got != want || len(raws) != 5 {
				t.Errorf("%s: %q (%d events), %v; want %q", visibility, got, len(raws), err, want)
			}
			for _, raw := range raws {
				if rc, err := pdu.Receive(s.rules(), raw); err != nil || s.far.room.Events[rc.ID()] == nil {
					t.Errorf("what was given is no event of the room: %v %s", err, raw)
				}
			}
		})
		s.from("far", func(v *rooms.ServerView) {
			if raws, err := v.Older(ids(last), 5); err != nil || bodies(raws) != "after invited before" {
				t.Errorf("%s, to who was there: %q, %v", visibility, bodies(raws), err)
			}
		})
	}
}

func TestServersThatTakeNoPartGetNothing(t *testing.T) {
	s, line := share(t, "12")
	m := line.message(bob, "1")
	s.takes(m, line.member("invite", "@eve:invited", bob), line.member("join", "@fred:gone", "@fred:gone"), line.member("leave", "@fred:gone", "@fred:gone"))
	s.takes(line.set("m.room.server_acl", "", s.alice.ID, `{"allow":["*"],"deny":["denied"]}`))
	s.read(func(r *store.Reader, _ store.Room) {
		for _, server := range []string{"stranger", "invited", "gone", "", "ar"} {
			if _, err := rooms.LookFrom(r, s.room, server); !merr.Is(err, "M_FORBIDDEN") {
				t.Errorf("%q: %v", server, err)
			}
			if _, _, err := rooms.LookFromAt(r, m.ID(), server); !merr.Is(err, "M_NOT_FOUND") {
				t.Errorf("%q, by event: %v", server, err)
			}
		}
		if _, err := rooms.LookFrom(r, "!none:hs", "far"); !merr.Is(err, "M_FORBIDDEN") {
			t.Error("a room that is not there:", err)
		}
		if _, _, err := rooms.LookFromAt(r, "$none", "far"); !merr.Is(err, "M_NOT_FOUND") {
			t.Error("an event that is not there:", err)
		}
	})
	s.takes(line.set("m.room.server_acl", "", s.alice.ID, `{"allow":["*"],"deny":["far"]}`))
	s.read(func(r *store.Reader, _ store.Room) {
		if _, err := rooms.LookFrom(r, s.room, "far"); !merr.Is(err, "M_FORBIDDEN") {
			t.Error("a server that the room denies:", err)
		}
	})
}

func TestMissingEventsAreGivenOldestFirst(t *testing.T) {
	s, line := share(t, "12")
	var all []*pdu.Event
	for _, body := range []string{"1", "2", "3", "4", "5"} {
		all = append(all, line.message(bob, body))
	}
	s.takes(all...)
	other := line.Fork().Build("m.room.member", ptr("@mallory:evil"), "@mallory:evil", map[string]string{"membership": "join"})
	rejected := wrong(s, line, bob, "rejected", other.AuthEvents())
	after := line.message(bob, "6")
	s.takes(rejected, after)
	s.from("far", func(v *rooms.ServerView) {
		for _, c := range []struct {
			q    rooms.MissingQuery
			want string
		}{
			{rooms.MissingQuery{Earliest: ids(all[0]), Latest: ids(all[4]), Limit: 10}, "2 3 4"},
			{rooms.MissingQuery{Earliest: ids(all[0]), Latest: ids(all[4]), Limit: 2}, "3 4"},
			{rooms.MissingQuery{Earliest: ids(all[0]), Latest: ids(all[4]), Limit: 10, MinDepth: all[2].Depth()}, "3 4"},
			{rooms.MissingQuery{Earliest: ids(all[4]), Latest: ids(all[4]), Limit: 10, MinDepth: all[2].Depth()}, "3 4"},
			{rooms.MissingQuery{Latest: ids(after), Limit: 10, MinDepth: all[0].Depth()}, "1 2 3 4 5"},
			{rooms.MissingQuery{Latest: []string{"$none", "x"}, Limit: 10}, ""},
			{rooms.MissingQuery{Latest: ids(all[4]), Limit: -1}, ""},
		} {
			raws, err := v.Between(c.q)
			if err != nil || bodies(raws) != c.want {
				t.Errorf("%+v: %q, %v; want %q", c.q, bodies(raws), err, c.want)
			}
		}
		if raws, err := v.Older([]string{all[4].ID(), rejected.ID(), all[4].ID()}, 1000); err != nil || bodies(raws) != "5 4 3 2 1" {
			t.Errorf("%q, %v", bodies(raws), err)
		}
		if _, err := v.Event(rejected.ID()); !merr.Is(err, "M_NOT_FOUND") {
			t.Error("a rejected event is given:", err)
		}
	})
}

func TestStateBeforeAnEvent(t *testing.T) {
	for _, version := range []string{"1", "11", "12"} {
		s, line := share(t, version)
		name := line.set("m.room.name", "", s.alice.ID, `{"name":"n"}`)
		m := line.message(bob, "1")
		s.takes(name, m)
		s.from("far", func(v *rooms.ServerView) {
			for _, e := range []*pdu.Event{name, m} {
				got, err := v.StateBefore(e.ID())
				state, chain, _ := s.far.StateIDs(context.Background(), "", "", e.ID())
				for _, pair := range [][2][]string{{got.State, state}, {got.AuthChain, chain}} {
					slices.Sort(pair[0])
					slices.Sort(pair[1])
					if err != nil || !slices.Equal(pair[0], pair[1]) {
						t.Errorf("version %s, %s: %v, %v; want %v", version, e.Type(), pair[0], err, pair[1])
					}
				}
			}
			raws, err := v.AuthChain(m.ID())
			if want := s.far.chain(ids(m)); err != nil || len(raws) != len(want) {
				t.Errorf("version %s: an auth chain of %d, %v; want %d", version, len(raws), err, len(want))
			}
			if _, err := v.StateBefore("$none"); !merr.Is(err, "M_NOT_FOUND") {
				t.Error(err)
			}
		})
	}
}

func TestTheStateAtAnEventThatIsHiddenIsNotGiven(t *testing.T) {
	s, line := share(t, "12")
	s.takes(line.set("m.room.history_visibility", "", s.alice.ID, `{"history_visibility":"joined"}`))
	hidden := line.message(bob, "before")
	s.takes(hidden, line.member("join", "@dave:late", "@dave:late"))
	s.from("late", func(v *rooms.ServerView) {
		if _, err := v.StateBefore(hidden.ID()); !merr.Is(err, "M_FORBIDDEN") {
			t.Error(err)
		}
	})
}

func TestAnEventAtATimeIsOneThatTheServerMaySee(t *testing.T) {
	s, line := share(t, "12")
	s.takes(line.set("m.room.history_visibility", "", s.alice.ID, `{"history_visibility":"joined"}`))
	hidden := line.message(bob, "before")
	join := line.member("join", "@dave:late", "@dave:late")
	seen := line.message(bob, "after")
	s.takes(hidden, join, seen)
	at := func(server string, ts int64, forward bool) (id string) {
		s.from(server, func(v *rooms.ServerView) {
			e, err := v.AtTime(ts, forward)
			if err != nil && !merr.Is(err, "M_NOT_FOUND") {
				t.Error(err)
			}
			id = e.ID
		})
		return id
	}
	if got := at("far", hidden.OriginServerTS(), true); got != hidden.ID() {
		t.Errorf("to who was there: %s", got)
	}
	if got := at("late", hidden.OriginServerTS(), true); got != join.ID() {
		t.Errorf("to who came later: %s, want the join", got)
	}
	if got := at("far", seen.OriginServerTS()+1, true); got != "" {
		t.Errorf("after the last: %s", got)
	}
	if got := at("late", seen.OriginServerTS()+1, false); got != seen.ID() {
		t.Errorf("before the end: %s", got)
	}
}
