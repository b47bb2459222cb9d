package relations_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/tidwall/gjson"

	"beffroi/server/merr"
	"beffroi/server/relations"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// history is a random room: people talk, edit, react, open threads, delete, leave, come back, hide the history and ignore each other.
type history struct {
	*world
	rand   *rand.Rand
	people []rooms.User
	room   string
	sent   []string
}

func (h *history) any() string { return h.sent[h.rand.IntN(len(h.sent))] }

func (h *history) step() {
	u := h.people[h.rand.IntN(len(h.people))]
	say := func(eventType string, content map[string]any) {
		id, err := h.send(u, h.room, eventType, content)
		switch {
		case err == nil:
			h.sent = append(h.sent, id)
		case !merr.Is(err, "M_UNKNOWN") && !merr.Is(err, "M_DUPLICATE_ANNOTATION") && !merr.Is(err, "M_FORBIDDEN"):
			h.Fatal(err)
		}
	}
	text := map[string]any{"body": fmt.Sprint(len(h.sent))}
	relate := func(relType, event string, more ...string) map[string]any {
		relates := map[string]any{"rel_type": relType, "event_id": event}
		for _, key := range more {
			relates["key"] = key
		}
		return map[string]any{"body": text["body"], "m.new_content": text, "m.relates_to": relates}
	}
	switch h.rand.IntN(20) {
	case 0, 1, 2:
		say("m.room.message", text)
	case 3, 4, 5, 6, 7:
		say("m.room.message", relate("m.thread", h.any()))
	case 8, 9:
		say("m.room.message", relate("m.replace", h.any()))
	case 10:
		content := relate("m.replace", h.any())
		delete(content, "m.new_content")
		say([]string{"m.room.message", "m.room.encrypted"}[h.rand.IntN(2)], content)
	case 11:
		say("m.room.encrypted", text)
	case 12, 13:
		say("m.reference", relate("m.reference", h.any()))
	case 14:
		say("m.reaction", relate("m.annotation", h.any(), fmt.Sprint(h.rand.IntN(3))))
	case 15, 16:
		h.txn++
		_, err := h.Redact(context.Background(), u, h.room, h.any(), fmt.Sprint("r", h.txn), "")
		h.allowed(err)
	case 17:
		h.allowed(h.Leave(context.Background(), u, h.room, ""))
	case 18:
		h.allowed(h.Join(context.Background(), u, h.room, ""))
	default:
		how := []string{"shared", "joined", "invited", "world_readable"}[h.rand.IntN(4)]
		_, err := h.SetState(context.Background(), h.people[0], h.room, "m.room.history_visibility", "", fmt.Appendf(nil, `{"history_visibility":%q}`, how))
		h.allowed(err)
	}
}

// allowed passes over what people who are not in the room, or not in power, may not do.
func (h *history) allowed(err error) {
	h.Helper()
	if err != nil && !merr.Is(err, "M_FORBIDDEN") {
		h.Fatal(err)
	}
}

// reader is one user's reading of the room, and what they should find.
type reader struct {
	*history
	lens   *relations.Lens
	all    []store.Event // of the room, in order
	seen   []store.Event // of them
	counts []store.Event // of them: not by somebody ignored
}

// relation is what the stored bytes of an event say.
func relation(e *store.Event) (relType, target, key string) {
	r := gjson.GetBytes(e.JSON, `content.m\.relates_to`)
	return r.Get("rel_type").Str, r.Get("event_id").Str, r.Get("key").Str
}

// relating are the events that relate to one and count, in order.
func (r *reader) relating(target, relType string) (found []store.Event) {
	for _, e := range r.counts {
		if t, id, _ := relation(&e); id == target && t != "" && (relType == "" || t == relType) {
			found = append(found, e)
		}
	}
	return found
}

// expected is unsigned."m.relations" of an event as the specification has it, with ids in the place of events.
func (r *reader) expected(e *store.Event) map[string]any {
	out := map[string]any{}
	own, _, _ := relation(e)
	if e.StateKey != 0 {
		return out
	}
	if edit := r.edit(e, own); edit != "" {
		out["m.replace"] = edit
	}
	if refs := r.relating(e.ID, "m.reference"); len(refs) > 0 {
		out["m.reference"] = idsOf(refs)
	}
	if messages := r.relating(e.ID, "m.thread"); len(messages) > 0 && own == "" {
		last := messages[len(messages)-1]
		took := e.Sender == r.lens.User || slices.ContainsFunc(messages, func(m store.Event) bool { return m.Sender == r.lens.User })
		out["m.thread"] = []any{last.ID, len(messages), took, r.expected(&last)}
	}
	return out
}

// edit is the valid edit of an event with the greatest time, then the greatest id.
func (r *reader) edit(e *store.Event, own string) (best string) {
	var ts int64
	for _, c := range r.relating(e.ID, "m.replace") {
		valid := c.Sender == e.Sender && c.Type == e.Type && own != "m.replace" && e.RedactedBy == 0 &&
			(e.Type == store.AtomEncrypted || gjson.GetBytes(c.JSON, `content.m\.new_content`).IsObject())
		if valid && (best == "" || c.TS > ts || c.TS == ts && c.ID > best) {
			best, ts = c.ID, c.TS
		}
	}
	return best
}

// bundled is what Bundles gives, in the form of expected.
func bundled(raw gjson.Result) map[string]any {
	out := map[string]any{}
	if edit := raw.Get(`m\.replace`); edit.Exists() {
		out["m.replace"] = edit.Get("event_id").Str
	}
	if refs := raw.Get(`m\.reference.chunk.#.event_id`); refs.Exists() {
		ids := []string{}
		for _, id := range refs.Array() {
			ids = append(ids, id.Str)
		}
		out["m.reference"] = ids
	}
	if th := raw.Get(`m\.thread`); th.Exists() {
		last := th.Get("latest_event")
		out["m.thread"] = []any{last.Get("event_id").Str, int(th.Get("count").Int()), th.Get("current_user_participated").Bool(),
			bundled(last.Get(`unsigned.m\.relations`))}
	}
	return out
}

func (r *reader) checkBundles() {
	r.Helper()
	got, err := r.lens.Bundles(r.seen)
	r.ok(err)
	for i := range r.seen {
		e := &r.seen[i]
		if b, want := bundled(gjson.ParseBytes(got[e.NID])), r.expected(e); !reflect.DeepEqual(b, want) {
			r.Errorf("%s of %d: got %v, want %v", e.JSON, r.lens.User, b, want)
		}
	}
}

// checkLists reads all that relates to each event page by page.
func (r *reader) checkLists() {
	r.Helper()
	for _, e := range r.seen {
		q := store.Relating{Target: e.NID, After: store.OrdMin, To: store.OrdMax, Limit: 1 + r.rand.IntN(4), Backward: r.rand.IntN(2) == 0,
			Recurse: r.rand.IntN(2) == 0}
		want := r.relating(e.ID, "")
		if q.Recurse {
			want = r.descendants(e.ID, store.RelationDepth)
		}
		if q.Backward {
			slices.Reverse(want)
		}
		var got []store.Event
		for more := true; more; {
			p, err := r.lens.Relating(q)
			r.ok(err)
			for _, s := range p.Events {
				got = append(got, s.Event)
			}
			more = p.More
			if q.Backward {
				q.To = p.End
			} else {
				q.After = p.End
			}
		}
		if !slices.Equal(idsOf(got), idsOf(want)) {
			r.Errorf("%+v: got %v, want %v", q, idsOf(got), idsOf(want))
		}
	}
}

// descendants follows relations through what the reader does not see, too: the way to a visible event may lead over a hidden one.
func (r *reader) descendants(id string, depth int) (out []store.Event) {
	in := map[string]int{id: 0}
	for i := range r.all {
		if t, target, _ := relation(&r.all[i]); t != "" {
			if d, ok := in[target]; ok && d <= depth {
				in[r.all[i].ID] = d + 1
			}
		}
	}
	for _, e := range r.counts {
		if in[e.ID] > 0 {
			out = append(out, e)
		}
	}
	return out
}

func (r *reader) checkThreads() {
	r.Helper()
	for _, participated := range []bool{false, true} {
		type thread struct {
			id   string
			last int64
		}
		var want []thread
		for i := range r.seen {
			e := &r.seen[i]
			if own, _, _ := relation(e); own != "" {
				continue
			}
			messages := r.relating(e.ID, "m.thread")
			took := e.Sender == r.lens.User || slices.ContainsFunc(messages, func(m store.Event) bool { return m.Sender == r.lens.User })
			if len(messages) > 0 && (took || !participated) {
				want = append(want, thread{e.ID, messages[len(messages)-1].Ord})
			}
		}
		slices.SortFunc(want, func(a, b thread) int { return int(b.last - a.last) })
		var got, ids []string
		upto := store.OrdMax
		for more := true; more; {
			p, err := r.lens.Threads(upto, participated, 1+r.rand.IntN(3))
			r.ok(err)
			for _, s := range p.Events {
				got = append(got, s.ID)
			}
			more, upto = p.More, p.End
		}
		for _, w := range want {
			ids = append(ids, w.id)
		}
		if !slices.Equal(got, ids) {
			r.Errorf("threads of %d, participated %v: got %v, want %v", r.lens.User, participated, got, ids)
		}
	}
}

func idsOf(events []store.Event) (ids []string) {
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

func (h *history) events() (all []store.Event) {
	h.Helper()
	h.ok(h.db.Read(context.Background(), func(r *store.Reader) error {
		room, _, err := r.FindRoom(h.room)
		if err == nil {
			all, err = r.EventsForward(room.Ref, store.OrdMin, store.OrdMax, 10000)
		}
		return err
	}))
	return all
}

// check compares what a user is shown with the slow reading of the specification.
func (h *history) check(u rooms.User, ignored ...rooms.User) {
	h.Helper()
	h.ignore(u, ignored...)
	all := h.events()
	h.reading(h.room, u, func(l *relations.Lens) {
		v, err := l.Viewer()
		h.ok(err)
		r := &reader{history: h, lens: l, all: all}
		for _, e := range all {
			sees, err := v.SeesEvent(&e)
			h.ok(err)
			if !sees {
				continue
			}
			r.seen = append(r.seen, e)
			if !slices.ContainsFunc(ignored, func(i rooms.User) bool { return i.Atom == e.Sender }) {
				r.counts = append(r.counts, e)
			}
		}
		r.checkBundles()
		r.checkLists()
		r.checkThreads()
	})
}

func TestAggregationsOfRandomHistories(t *testing.T) {
	seeds := uint64(12)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		h := &history{world: start(t), rand: rand.New(rand.NewPCG(seed, 1))}
		h.people = []rooms.User{h.user("alice"), h.user("bob"), h.user("carol"), h.user("dave")}
		h.room = h.create(h.people[0], rooms.CreateRequest{Preset: "public_chat"})
		for _, u := range h.people[1:3] {
			h.ok(h.Join(context.Background(), u, h.room, ""))
		}
		first, err := h.send(h.people[0], h.room, "m.room.message", map[string]any{"body": "first"})
		h.ok(err)
		h.sent = []string{first}
		for range 30 + h.rand.IntN(90) {
			h.step()
		}
		for i, u := range h.people {
			h.check(u)
			h.check(u, h.people[(i+1+h.rand.IntN(3))%4])
		}
		if t.Failed() {
			t.Fatal("seed", seed)
		}
	}
}

// ignore sets whom a user ignores.
func (h *history) ignore(u rooms.User, ignored ...rooms.User) {
	h.Helper()
	users := map[string]any{}
	for _, i := range ignored {
		users[i.ID] = struct{}{}
	}
	content, _ := json.Marshal(map[string]any{"ignored_users": users})
	h.ok(h.db.Write(context.Background(), func(tx *store.Tx) error {
		kind, err := tx.Atom("m.ignored_user_list")
		if err != nil {
			return err
		}
		pos, err := tx.NextPos()
		if err != nil {
			return err
		}
		return tx.PutAccountData(u.Atom, store.AccountData{Type: kind, Content: content, Pos: pos})
	}))
}
