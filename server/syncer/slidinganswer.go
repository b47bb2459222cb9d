package syncer

import (
	"encoding/json"

	"beffroi/server/push"
	"beffroi/server/store"
)

// SlidingAnswer is the body of sliding sync.
type SlidingAnswer struct {
	stable bool
	news   bool // there is a reason to answer before the timeout
	pos    string
	lists  map[string]int
	rooms  map[string]*SlidingRoom

	toDevice *toDeviceAnswer
	e2ee     *e2eeAnswer
	data     *dataAnswer
	receipts map[string]json.RawMessage // events by room; nil: not asked for
	typing   map[string]json.RawMessage
	threads  *threadsAnswer
}

// SlidingRoom is what a client is told of a room. What is nil did not change.
type SlidingRoom struct {
	lists      []string
	membership store.Membership
	initial    bool
	expanded   bool
	bump       int64 // 0: unchanged
	stripped   []json.RawMessage

	name, avatar    *change
	heroes          []hero // nil: unchanged
	direct          *bool
	joined, invited *int
	state           []json.RawMessage
	timeline        []json.RawMessage
	prevBatch       string
	limited         bool
	live            int
	unread          *push.Unread
}

// change is the new value of a text, "": it was taken away.
type change struct{ to string }

type hero struct{ id, name, avatar string }

type toDeviceAnswer struct {
	next   string
	events []json.RawMessage
}

type e2eeAnswer struct {
	lists    store.DeviceLists
	counts   map[string]int // nil: unchanged
	fallback []string
}

type dataAnswer struct {
	global []json.RawMessage
	rooms  map[string][]json.RawMessage
}

type threadsAnswer struct {
	name    string // of the extension, as it was asked for
	updates map[string]map[string]threadUpdate

	prevBatch string // "": these are all
}

type threadUpdate struct {
	root      json.RawMessage // nil: not asked for
	prevBatch string
}

// MarshalJSON serves encoding/json.
func (a *SlidingAnswer) MarshalJSON() ([]byte, error) { return a.AppendJSON(nil), nil }

// AppendJSON appends the body of the answer.
func (a *SlidingAnswer) AppendJSON(b []byte) []byte {
	w := &jsonWriter{append(b, '{')}
	w.member("pos", a.pos)
	w.begin("lists", '{')
	for name, n := range a.lists {
		w.begin(name, '{')
		w.number("count", n)
		w.end('}')
	}
	w.end('}')
	w.begin("rooms", '{')
	for id, room := range a.rooms {
		w.begin(id, '{')
		room.write(w, a.stable)
		w.end('}')
	}
	w.end('}')
	w.begin("extensions", '{')
	a.writeExtensions(w)
	w.end('}')
	w.end('}')
	return w.b
}

func (r *SlidingRoom) write(w *jsonWriter, stable bool) {
	w.member("membership", r.membership.String())
	if len(r.lists) > 0 {
		w.texts("lists", r.lists)
	}
	if r.initial {
		w.boolean("initial", true)
	}
	if r.bump > 0 {
		w.number("bump_stamp", int(r.bump))
	}
	if r.stripped != nil {
		w.raws(spelled(stable, "stripped_state", "invite_state"), r.stripped)
		return
	}
	r.writeSummary(w)
	w.raws("required_state", r.state)
	w.raws("timeline", r.timeline)
	w.member("prev_batch", r.prevBatch)
	w.boolean("limited", r.limited)
	w.number("num_live", r.live)
	if r.expanded {
		w.boolean(spelled(stable, "expanded_timeline", "unstable_expanded_timeline"), true)
	}
	if r.unread != nil {
		w.number("notification_count", r.unread.Notifications)
		w.number("highlight_count", r.unread.Highlights)
	}
}

func spelled(stable bool, merged, before string) string {
	if stable {
		return merged
	}
	return before
}

func (r *SlidingRoom) writeSummary(w *jsonWriter) {
	r.name.write(w, "name")
	r.avatar.write(w, "avatar")
	if r.heroes != nil {
		w.begin("heroes", '[')
		for _, h := range r.heroes {
			w.begin("", '{')
			h.write(w)
			w.end('}')
		}
		w.end(']')
	}
	if r.direct != nil {
		w.boolean("is_dm", *r.direct)
	}
	if r.joined != nil {
		w.number("joined_count", *r.joined)
		w.number("invited_count", *r.invited)
	}
}

func (c *change) write(w *jsonWriter, key string) {
	switch {
	case c == nil:
	case c.to == "":
		w.key(key)
		w.b = append(w.b, "null"...)
	default:
		w.member(key, c.to)
	}
}

func (h *hero) write(w *jsonWriter) {
	w.member("user_id", h.id)
	if h.name != "" {
		w.member("displayname", h.name)
	}
	if h.avatar != "" {
		w.member("avatar_url", h.avatar)
	}
}

func (a *SlidingAnswer) writeExtensions(w *jsonWriter) {
	if d := a.toDevice; d != nil {
		w.begin("to_device", '{')
		w.member("next_batch", d.next)
		w.raws("events", d.events)
		w.end('}')
	}
	if a.e2ee != nil {
		a.e2ee.write(w)
	}
	if d := a.data; d != nil {
		w.begin("account_data", '{')
		w.raws("global", d.global)
		w.begin("rooms", '{')
		for id, events := range d.rooms {
			w.raws(id, events)
		}
		w.end('}')
		w.end('}')
	}
	writeByRoom(w, "receipts", a.receipts)
	writeByRoom(w, "typing", a.typing)
	if t := a.threads; t != nil && (len(t.updates) > 0 || t.prevBatch != "") {
		a.threads.write(w)
	}
}

func (e *e2eeAnswer) write(w *jsonWriter) {
	w.begin("e2ee", '{')
	w.begin("device_lists", '{')
	w.texts("changed", e.lists.Changed)
	w.texts("left", e.lists.Left)
	w.end('}')
	if e.counts != nil {
		w.counts("device_one_time_keys_count", e.counts)
		w.texts("device_unused_fallback_key_types", e.fallback)
	}
	w.end('}')
}

func writeByRoom(w *jsonWriter, key string, events map[string]json.RawMessage) {
	if events == nil {
		return
	}
	w.begin(key, '{')
	w.begin("rooms", '{')
	for id, e := range events {
		w.key(id)
		w.b = append(w.b, e...)
	}
	w.end('}')
	w.end('}')
}

func (t *threadsAnswer) write(w *jsonWriter) {
	w.begin(t.name, '{')
	w.begin("updates", '{')
	for id, updates := range t.updates {
		w.begin(id, '{')
		for root, u := range updates {
			w.begin(root, '{')
			if u.root != nil {
				w.key("thread_root")
				w.b = append(w.b, u.root...)
			}
			if u.prevBatch != "" {
				w.member("prev_batch", u.prevBatch)
			}
			w.end('}')
		}
		w.end('}')
	}
	w.end('}')
	if t.prevBatch != "" {
		w.member("prev_batch", t.prevBatch)
	}
	w.end('}')
}
