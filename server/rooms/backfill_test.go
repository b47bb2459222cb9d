package rooms_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

func raws(events ...*pdu.Event) (out []json.RawMessage) {
	for _, e := range events {
		out = append(out, e.JSON())
	}
	return out
}

// back pages backwards through all that a user sees, and gives it in the order of the timeline.
func (s *shared) back(u rooms.User) (ids []string) {
	s.Helper()
	s.read(func(r *store.Reader, room store.Room) {
		v, err := rooms.View(r, room.Ref, u.Atom)
		s.ok(err)
		for q := (rooms.PageQuery{From: store.OrdMax, To: store.OrdMin, Backward: true, Limit: 3, Match: func(*store.Event) (bool, error) { return true, nil }}); ; {
			page, err := rooms.Messages(r, room, v, q)
			s.ok(err)
			for _, e := range page.Events {
				ids = append(ids, e.ID)
			}
			if !page.More {
				break
			}
			q.From = page.End
		}
	})
	slices.Reverse(ids)
	return ids
}

// gapped is a room that missed events of another server, and the event after them.
func gapped(t *testing.T, version, visibility string) (s *shared, missed []*pdu.Event, last *pdu.Event) {
	s, line := share(t, version)
	s.takes(line.set("m.room.history_visibility", "", s.alice.ID, `{"history_visibility":"`+visibility+`"}`))
	for i := range 6 {
		if i == 2 {
			missed = append(missed, line.member("join", "@dave:far", "@dave:far"))
		}
		missed = append(missed, line.message(bob, "missed"))
	}
	missed = append(missed, line.message("@dave:far", "missed"))
	last = line.message("@dave:far", "last")
	s.far.silent["missing"] = true
	for _, e := range missed {
		s.far.withheld[e.ID()] = e.Type() == "m.room.message"
	}
	s.takes(last)
	clear(s.far.withheld)
	return s, missed, last
}

func TestOlderEventsFillAGap(t *testing.T) {
	for _, version := range []string{"1", "11", "12"} {
		t.Run(version, func(t *testing.T) {
			s, missed, last := gapped(t, version, "shared")
			known := s.back(s.alice)
			row := s.has("after the gap", last, store.StatusAside, true)
			visible := s.db.Visible()
			fill := func(at int64, want int, events ...*pdu.Event) {
				t.Helper()
				n, err := s.Backfill(context.Background(), "far", s.room, at, raws(events...))
				s.ok(err)
				if n != want {
					t.Errorf("%d events were new, want %d", n, want)
				}
				s.consistent()
			}
			fill(row.Ord, 3, missed[5:]...)
			s.read(func(r *store.Reader, room store.Room) {
				if _, ok, err := r.GapBelow(room.Ref, row.Ord-3); err != nil || !ok {
					t.Error("the gap is not just below what was filled", err)
				}
			})
			fill(row.Ord-3, 5, missed...)
			var want []string
			for _, id := range known {
				if id == last.ID() {
					for _, e := range missed {
						want = append(want, e.ID())
					}
				}
				want = append(want, id)
			}
			if got := s.back(s.alice); !slices.Equal(got, want) {
				t.Errorf("paging gives %d events, want %d:\n%v\n%v", len(got), len(want), got, want)
			}
			s.read(func(r *store.Reader, room store.Room) {
				if _, ok, err := r.GapBelow(room.Ref, row.Ord-8); err != nil || ok {
					t.Error("the gap is still there", err)
				}
				for _, e := range missed {
					row, _, err := r.EventByID(e.ID())
					s.ok(err)
					place, _, err := r.PlaceAt(room.Ref, row.Ord)
					s.ok(err)
					if place.Pos != 0 || row.State == 0 || row.Status != store.StatusAside {
						t.Errorf("%s has position %d, state %d, status %d", e.Type(), place.Pos, row.State, row.Status)
					}
				}
			})
			fill(row.Ord-8+1, 0, missed...) // all known
			if s.db.Visible() < visible {
				t.Error("the stream went back")
			}
			if prevs := s.next(); len(prevs) != 2 || !slices.Contains(prevs, last.ID()) { // both ends of what was the gap
				t.Error("the next local event follows", prevs)
			}
			s.consistent()
		})
	}
}

// Whoever was not there sees of older events what the visibility at them lets them see; where nobody knows that, what it lets a stranger see.
func TestWhoSeesOlderEvents(t *testing.T) {
	for visibility, want := range map[string]bool{"shared": true, "world_readable": true, "invited": false, "joined": false} {
		for _, told := range []bool{true, false} {
			s, missed, last := gapped(t, "12", visibility)
			dave := s.user("dave") // joins much later
			s.ok(s.Join(context.Background(), dave, s.room, ""))
			s.far.silent["state_ids"] = !told
			row, _ := s.row(last)
			if n, err := s.Backfill(context.Background(), "far", s.room, row.Ord, raws(missed[4:]...)); err != nil || n != len(missed)-4 {
				t.Fatal(n, err)
			}
			if old, _ := s.row(missed[4]); (old.State != 0) != told {
				t.Errorf("state %d, told: %t", old.State, told)
			}
			if got := contains(s.back(dave), missed[5].ID()) == 1; got != want {
				t.Errorf("%s, state known %t: dave sees %t", visibility, told, got)
			}
			if got := contains(s.back(s.alice), missed[5].ID()) == 1; got != (want || told) {
				t.Errorf("%s, state known %t: alice sees %t", visibility, told, got)
			}
			s.consistent()
		}
	}
}

func TestWhatOlderEventsMustNotDo(t *testing.T) {
	s, missed, last := gapped(t, "12", "shared")
	ctx := context.Background()
	first := s.events()[0]
	middle, _ := s.row(first)
	if _, err := s.Backfill(ctx, "far", s.room, middle.Ord+1, raws(missed...)); err == nil {
		t.Error("events were put where there is no gap")
	}
	row, _ := s.row(last)
	forged := append(raws(missed...), json.RawMessage(`{}`), json.RawMessage(slices.Concat(missed[0].JSON()[:20], []byte("x"), missed[0].JSON()[20:])))
	if n, err := s.Backfill(ctx, "far", s.room, row.Ord, forged); err != nil || n != len(missed) {
		t.Error(n, err)
	}
	s.consistent()
}
