package rooms_test

import (
	"fmt"
	"maps"
	"slices"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/pdu/stateres"
	"beffroi/server/store"
)

// meetAgain shows the other servers what the room has by now, after a line that they knew.
func (s *shared) meetAgain(*branch) *branch {
	s.Helper()
	far := s.far
	b := s.meet()
	for id, e := range far.room.Events {
		s.far.room.Events[id] = e
	}
	maps.Copy(s.far.before, far.before)
	return b
}

// consistent checks the room in the database: the current state is the resolution of what the extremities end in, the members mirror it, the
// positions rise with the places, and every state can be read.
func (s *shared) consistent() {
	s.Helper()
	s.read(func(r *store.Reader, room store.Room) {
		current := s.entries(r, func() ([]store.StateEntry, error) { return r.CurrentState(room.Ref) })
		if want := s.resolved(r, room); !maps.Equal(current, want) {
			s.Errorf("the current state is not the resolution of the extremities' states:\n%v\n%v", current, want)
		}
		s.membersMirror(r, room)
		s.placesRise(r, room)
	})
}

func (s *shared) entries(r *store.Reader, read func() ([]store.StateEntry, error)) map[auth.Key]string {
	s.Helper()
	entries, err := read()
	s.ok(err)
	out := map[auth.Key]string{}
	for _, e := range entries {
		row, ok, err := r.Event(e.NID)
		s.ok(err)
		kind, err := r.Text(e.Type)
		s.ok(err)
		key, err := r.Text(e.StateKey)
		s.ok(err)
		if !ok || row.Type != e.Type || row.StateKey != e.StateKey {
			s.Errorf("the entry %s %q is of event %d, which is another", kind, key, e.NID)
		}
		out[auth.Key{Type: kind, StateKey: key}] = row.ID
	}
	return out
}

func (s *shared) resolved(r *store.Reader, room store.Room) map[auth.Key]string {
	s.Helper()
	tips, err := r.Extremities(room.Ref)
	s.ok(err)
	forked, err := r.ForkedState(room.Ref)
	s.ok(err)
	if (len(tips) == 0) != (forked == 0) {
		s.Errorf("%d extremities, their state is %d", len(tips), forked)
	}
	if len(tips) == 0 {
		last, err := r.EventsBackward(room.Ref, store.OrdMax, store.OrdMin, 1)
		s.ok(err)
		tips = last
	} else if group := s.entries(r, func() ([]store.StateEntry, error) { return r.GroupState(forked) }); len(tips) > 0 {
		if current := s.entries(r, func() ([]store.StateEntry, error) { return r.CurrentState(room.Ref) }); !maps.Equal(group, current) {
			s.Error("the state group of the fork is not the current state")
		}
	}
	var states []stateres.State
	for _, t := range tips {
		states = append(states, s.entries(r, func() ([]store.StateEntry, error) { return r.GroupState(t.State) }))
	}
	rules, _ := pdu.RulesFor(room.Version)
	resolved, err := stateres.Resolve(rules, states, stored{s, r, room, rules})
	s.ok(err)
	return resolved
}

// stored gives state resolution the events of the database.
type stored struct {
	*shared
	r     *store.Reader
	room  store.Room
	rules pdu.Rules
}

func (d stored) Events(ids []string) (out []stateres.Event, err error) {
	for _, id := range ids {
		row, ok, err := d.r.EventByID(id)
		if err != nil {
			return nil, err
		}
		if ok {
			e, err := row.PDU(d.rules)
			if err != nil {
				return nil, err
			}
			out = append(out, stateres.Event{Event: e, Rejected: row.Status&store.StatusRejected != 0})
		}
	}
	return out, nil
}

func (s *shared) membersMirror(r *store.Reader, room store.Room) {
	s.Helper()
	members, err := r.MembersOf(room.Ref)
	s.ok(err)
	entries, err := r.CurrentState(room.Ref)
	s.ok(err)
	now := map[store.Atom]store.NID{}
	for _, e := range entries {
		if e.Type == store.AtomMember {
			now[e.StateKey] = e.NID
		}
	}
	for _, m := range members {
		nid, ok := now[m.User]
		delete(now, m.User)
		if !ok && m.Membership == store.Leave {
			continue
		}
		row, _, err := r.Event(nid)
		s.ok(err)
		membership, _ := pdu.StoredObject(row.JSON).Object("content").Text("membership")
		if nid != m.NID || membership != m.Membership.String() {
			s.Errorf("member %d: %v, the state has %d %s", m.User, m, nid, membership)
		}
	}
	if len(now) > 0 {
		s.Error("members are missing:", slices.Collect(maps.Keys(now)))
	}
}

func (s *shared) placesRise(r *store.Reader, room store.Room) {
	s.Helper()
	events, err := r.EventsForward(room.Ref, store.OrdMin, store.OrdMax, 100000)
	s.ok(err)
	var last int64
	for _, e := range events {
		place, ok, err := r.PlaceAt(room.Ref, e.Ord)
		s.ok(err)
		if !ok || place.NID != e.NID || place.Pos != 0 && place.Pos <= last {
			s.Errorf("place %d: %+v after position %d", e.Ord, place, last)
		}
		if place.Pos != 0 {
			last = place.Pos
			at, ok, err := r.EventAt(room.Ref, place.Pos)
			s.ok(err)
			if !ok || at.NID != e.NID {
				s.Errorf("position %d is of event %d, not %d", place.Pos, at.NID, e.NID)
			}
		}
		if _, err := r.GroupState(e.State); err != nil || e.State == 0 && place.Pos != 0 {
			s.Error(fmt.Sprint("event ", e.NID, " has state ", e.State, ": "), err)
		}
	}
}
