package push_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"beffroi/server/push"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// effect is what an event did to a user when it came.
type effect struct{ notify, highlight bool }

// told is an event as the slow counting knows it.
type told struct {
	id       string
	place    store.Place
	state    bool
	redacted bool
	relates  bool // to another one: no thread can begin with it
	effects  map[store.Atom]effect
}

// ledger counts slowly: it judges each event for each user when it comes, and adds up whatever is unread.
type ledger struct {
	*town
	rnd      *rand.Rand
	people   []rooms.User
	ids      []string
	events   map[string][]*told                         // by room
	joined   map[string]map[store.Atom]int64            // by room: who is in, from where
	receipts map[string]map[store.Atom]map[string]int64 // by room, user, thread
	roots    map[store.NID]string
}

func (l *ledger) pick() rooms.User { return l.people[l.rnd.IntN(len(l.people))] }

// record judges an event that came.
func (l *ledger) record(room, id string) *told {
	l.Helper()
	e := &told{id: id, place: l.place(room, id), effects: map[store.Atom]effect{}}
	ref := l.ref(room)
	l.ok(l.db.Read(context.Background(), func(r *store.Reader) error {
		row, _, err := r.EventByID(id)
		if err != nil {
			return err
		}
		e.state, e.relates = row.StateKey != 0, strings.Contains(string(row.JSON), "m.relates_to")
		heard, err := l.push.Hear(r, &row)
		if err != nil {
			return err
		}
		for _, u := range l.people {
			var does effect
			if does.notify, does.highlight, err = push.Oracle(r, ref, u.Atom, u.ID, id); err != nil {
				return err
			}
			if d, err := heard.By(u.Atom, u.ID); err != nil || d.Notify != does.notify || d.Highlight != does.highlight || d.Notify && d.Actions == nil {
				l.Errorf("%s for %s: %+v %v, want %+v", row.JSON, u.ID, d, err, does)
			}
			e.effects[u.Atom] = does
		}
		return nil
	}))
	l.events[room] = append(l.events[room], e)
	return e
}

// head is the last event of a room.
func (l *ledger) head(room string) (id string, ord int64) {
	l.Helper()
	ref := l.ref(room)
	l.ok(l.db.Read(context.Background(), func(r *store.Reader) error {
		p, _, err := r.LastPlace(ref)
		if err != nil {
			return err
		}
		e, _, err := r.Event(p.NID)
		id, ord = e.ID, p.Ord
		return err
	}))
	return id, ord
}

func (l *ledger) root(nid store.NID) (id string) {
	l.Helper()
	if id, ok := l.roots[nid]; ok {
		return id
	}
	defer func() { l.roots[nid] = id }()
	l.ok(l.db.Read(context.Background(), func(r *store.Reader) error {
		e, _, err := r.Event(nid)
		id = e.ID
		return err
	}))
	return id
}

// want adds up what is unread.
func (l *ledger) want(u rooms.User, room string) (apart, together push.Counts) {
	apart.Threads = map[string]push.Unread{}
	receipts := l.receipts[room][u.Atom]
	read := map[store.NID]int64{}
	for _, e := range l.events[room] {
		key := store.MainThread
		if e.place.Thread != 0 {
			key = l.root(e.place.Thread)
		}
		upto := max(read[e.place.Thread], l.joined[room][u.Atom], receipts[""], receipts[key])
		if e.place.Sender == u.Atom && (e.place.Thread != 0 || !e.state) {
			upto = max(upto, e.place.Ord)
		}
		read[e.place.Thread] = upto
	}
	for _, e := range l.events[room] {
		does := e.effects[u.Atom]
		if e.place.Ord <= read[e.place.Thread] || e.redacted || does == (effect{}) {
			continue
		}
		add(&together.Room, does)
		if e.place.Thread == 0 {
			add(&apart.Room, does)
			continue
		}
		thread := apart.Threads[l.root(e.place.Thread)]
		add(&thread, does)
		apart.Threads[l.root(e.place.Thread)] = thread
	}
	return apart, together
}

func add(u *push.Unread, does effect) {
	if does.notify {
		u.Notifications++
	}
	if does.highlight {
		u.Highlights++
	}
}

func (l *ledger) check(step string) {
	l.Helper()
	for _, u := range l.people {
		all := map[bool]map[store.RoomRef]push.Counts{}
		l.ok(l.db.Read(context.Background(), func(r *store.Reader) (err error) {
			for _, threads := range []bool{false, true} {
				if all[threads], err = l.push.UnreadRooms(r, u.Atom, threads); err != nil {
					return err
				}
			}
			return nil
		}))
		for _, room := range l.ids {
			if _, in := l.joined[room][u.Atom]; !in {
				continue
			}
			apart, together := l.want(u, room)
			for threads, want := range map[bool]push.Counts{true: apart, false: together} {
				if got := l.unread(u, room, threads); !reflect.DeepEqual(got, want) {
					l.Fatalf("after %s: %s in %s, threads %v: %+v, want %+v", step, u.ID, room, threads, got, want)
				}
				if got := all[threads][l.ref(room)]; !reflect.DeepEqual(got, want) {
					l.Fatalf("after %s: %s in all rooms, threads %v: %+v, want %+v", step, u.ID, threads, got, want)
				}
			}
		}
	}
}

// content is a random message.
func (l *ledger) content(room string) string {
	body := []string{"hello", "there is Cake", "beer", "b has it", "new B here"}[l.rnd.IntN(5)]
	parts := []string{fmt.Sprintf(`"body":%q`, body), `"msgtype":"m.text"`}
	if l.rnd.IntN(8) == 0 {
		parts[1] = `"msgtype":"m.notice"`
	}
	switch l.rnd.IntN(6) {
	case 0:
		parts = append(parts, fmt.Sprintf(`"m.mentions":{"user_ids":[%q,%q,"@nobody:hs"]}`, l.pick().ID, l.pick().ID))
	case 1:
		parts = append(parts, fmt.Sprintf(`"m.mentions":{"room":true,"user_ids":[%q]}`, l.pick().ID))
	case 2:
		parts = append(parts, `"m.mentions":{}`)
	}
	if events := l.events[room]; len(events) > 0 && l.rnd.IntN(2) == 0 {
		target := events[l.rnd.IntN(len(events))]
		if l.rnd.IntN(3) > 0 {
			target = events[l.rnd.IntN(min(4, len(events)))] // so that threads grow
		}
		if target.relates {
			return "{" + strings.Join(parts, ",") + "}"
		}
		parts = append(parts, fmt.Sprintf(`"m.relates_to":{"rel_type":"m.thread","event_id":%q}`, target.id))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// changeRules changes somebody's rules at random.
func (l *ledger) changeRules(u rooms.User, room string) string {
	ctx, cake := context.Background(), "cake"
	on := l.rnd.IntN(2) == 0
	switch n := l.rnd.IntN(12); n {
	case 0, 1, 9, 10, 11:
		kind := []string{push.Override, push.Room}[n%2]
		if l.push.Delete(ctx, u.Atom, kind, room) == nil {
			return "no more mute " + kind
		}
		l.mute(u, kind, room)
		return "mute " + kind
	case 2:
		l.put(u, push.ContentK, push.Rule{RuleID: "cake", Pattern: &cake, Actions: loud()})
		return "keyword"
	case 3:
		_ = l.push.Delete(ctx, u.Atom, push.ContentK, "cake")
		return "no keyword"
	case 4:
		l.ok(l.push.SetEnabled(ctx, u.Atom, push.Override, ".m.rule.master", l.rnd.IntN(3) == 0))
		return "master"
	case 5:
		l.put(u, push.Sender, push.Rule{RuleID: l.people[0].ID, Actions: []push.Action{}})
		return "sender"
	case 6:
		l.put(u, push.Override, push.Rule{RuleID: "named", Actions: loud(), Conditions: conditions(l, `[{"kind":"contains_display_name"}]`)})
		return "display name"
	case 7:
		l.put(u, push.Override, push.Rule{RuleID: "many", Actions: []push.Action{},
			Conditions: conditions(l, `[{"kind":"room_member_count","is":">2"},{"kind":"event_match","key":"type","pattern":"m.room.mess*"}]`)})
		l.ok(l.push.SetEnabled(ctx, u.Atom, push.Override, "many", on))
		return fmt.Sprint("member count ", on)
	}
	l.ok(l.push.SetEnabled(ctx, u.Atom, push.Override, ".m.rule.is_user_mention", on))
	return fmt.Sprint("mentions ", on)
}

func (l *ledger) step(n int) string {
	ctx := context.Background()
	room, u := l.ids[l.rnd.IntN(len(l.ids))], l.pick()
	_, in := l.joined[room][u.Atom]
	switch k := l.rnd.IntN(24); {
	case k == 0 && u.ID != l.people[0].ID:
		if in {
			l.ok(l.rooms.Leave(ctx, u, room, ""))
			delete(l.joined[room], u.Atom)
		} else {
			l.ok(l.rooms.Join(ctx, u, room, ""))
			id, ord := l.head(room)
			l.joined[room][u.Atom] = ord
			l.record(room, id)
		}
		return "coming or going"
	case k == 1 || k >= 21:
		return u.ID + ": " + l.changeRules(u, room)
	case k == 2 && l.rnd.IntN(4) == 0:
		l.restart()
		return "a restart"
	case !in:
		return "nothing"
	case k <= 5:
		return l.receipt(u, room)
	case k <= 7 && len(l.events[room]) > 0:
		e := l.events[room][l.rnd.IntN(len(l.events[room]))]
		if _, err := l.rooms.Redact(ctx, u, room, e.id, fmt.Sprint("r", n), ""); err == nil {
			e.redacted = true
			id, _ := l.head(room)
			l.record(room, id)
		}
		return "a redaction"
	case k == 8:
		l.record(room, l.send(u, room, "m.sticker", l.content(room)))
	case k == 9:
		l.record(room, l.send(u, room, "m.room.encrypted", l.content(room)))
	case k == 10:
		kind := []string{"m.room.topic", "m.room.tombstone"}[l.rnd.IntN(2)]
		l.record(room, l.state(l.people[0], room, kind, fmt.Sprintf(`{"topic":"%d","body":"%d","replacement_room":"!x"}`, n, n)))
		return "state"
	case k == 11:
		l.names[u.Atom] = fmt.Sprint("b has ", n)
		l.ok(l.rooms.ProfileChanged(ctx, u.Atom, u.ID))
		for _, id := range l.ids {
			if _, in := l.joined[id][u.Atom]; in {
				head, _ := l.head(id)
				l.record(id, head)
			}
		}
		return "a new name"
	default:
		l.record(room, l.send(u, room, "m.room.message", l.content(room)))
	}
	return "a message of " + u.ID
}

func (l *ledger) receipt(u rooms.User, room string) string {
	if len(l.events[room]) == 0 {
		return "nothing"
	}
	e := l.events[room][l.rnd.IntN(len(l.events[room]))]
	thread := ""
	if l.rnd.IntN(3) > 0 {
		if thread = store.MainThread; e.place.Thread != 0 {
			thread = l.root(e.place.Thread)
		}
	}
	l.reads(u, []store.Atom{store.AtomReceiptRead, store.AtomReceiptReadPrivate}[l.rnd.IntN(2)], room, thread, e.id)
	of := l.receipts[room][u.Atom]
	if of == nil {
		of = map[string]int64{}
		l.receipts[room][u.Atom] = of
	}
	of[thread] = max(of[thread], e.place.Ord)
	return fmt.Sprintf("a receipt of %s in %q", u.ID, thread)
}

// Whatever happens in rooms and to rules, the counts are those of adding up every unread event.
func TestCountsAreWhatAddingUpGives(t *testing.T) {
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			l := &ledger{town: newTown(t), roots: map[store.NID]string{}, rnd: rand.New(rand.NewPCG(seed, 4)), events: map[string][]*told{}, joined: map[string]map[store.Atom]int64{},
				receipts: map[string]map[store.Atom]map[string]int64{}}
			for _, name := range []string{"a", "b", "c", "d"} {
				l.people = append(l.people, l.user(name))
			}
			for range 2 {
				room := l.room(l.people[0], l.people[1:]...)
				l.ids = append(l.ids, room)
				l.joined[room], l.receipts[room] = map[store.Atom]int64{}, map[store.Atom]map[string]int64{}
				for i, u := range l.people {
					_, head := l.head(room)
					l.joined[room][u.Atom] = head - int64(len(l.people)-1-i)
				}
				l.joined[room][l.people[0].Atom] = 2
			}
			var steps []string
			for n := range 180 {
				if steps = append(steps, l.step(n)); len(steps) == 4 { // with the race detector each look takes long
					l.check(fmt.Sprint(n, ", ", steps))
					steps = nil
				}
			}
		})
	}
}
