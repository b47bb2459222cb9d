package syncer

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"beffroi/server/push"
)

// jsonWriter writes JSON whose larger parts, the events, are JSON already: they are copied, not looked at again.
type jsonWriter struct{ b []byte }

// key begins a member of an object; "" an element of a list.
func (w *jsonWriter) key(name string) {
	if c := w.b[len(w.b)-1]; c != '{' && c != '[' {
		w.b = append(w.b, ',')
	}
	if name != "" {
		w.text(name)
		w.b = append(w.b, ':')
	}
}

// begin opens an object or a list as the value of a key.
func (w *jsonWriter) begin(key string, bracket byte) {
	w.key(key)
	w.b = append(w.b, bracket)
}

func (w *jsonWriter) end(bracket byte) { w.b = append(w.b, bracket) }

// text writes a string.
func (w *jsonWriter) text(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // every string is JSON
			w.b = append(w.b, quoted...)
			return
		}
	}
	w.b = append(append(append(w.b, '"'), s...), '"')
}

func (w *jsonWriter) member(key, value string) {
	w.key(key)
	w.text(value)
}

func (w *jsonWriter) number(key string, n int) {
	w.key(key)
	w.b = strconv.AppendInt(w.b, int64(n), 10)
}

func (w *jsonWriter) boolean(key string, v bool) {
	w.key(key)
	w.b = strconv.AppendBool(w.b, v)
}

func (w *jsonWriter) texts(key string, list []string) {
	w.begin(key, '[')
	for _, s := range list {
		w.member("", s)
	}
	w.end(']')
}

// raws writes a list of JSON values.
func (w *jsonWriter) raws(key string, list []json.RawMessage) {
	w.begin(key, '[')
	for _, v := range list {
		w.key("")
		w.b = append(w.b, v...)
	}
	w.end(']')
}

func (w *jsonWriter) counts(key string, counts map[string]int) {
	w.begin(key, '{')
	for name, n := range counts {
		w.number(name, n)
	}
	w.end('}')
}

// events writes an object with a list of events.
func (w *jsonWriter) events(key string, e *Events) {
	if e == nil {
		return
	}
	w.begin(key, '{')
	w.raws("events", e.Events)
	w.end('}')
}

// MarshalJSON serves encoding/json, which checks all of it once more.
func (a *Answer) MarshalJSON() ([]byte, error) { return a.AppendJSON(nil), nil }

// AppendJSON appends the body of the answer.
func (a *Answer) AppendJSON(b []byte) []byte {
	w := &jsonWriter{append(slices.Grow(b, a.size()), '{')}
	w.member("next_batch", a.NextBatch)
	a.Rooms.write(w)
	w.events("presence", &a.Presence)
	w.events("account_data", &a.AccountData)
	w.events("to_device", &a.ToDevice)
	if a.DeviceLists != nil {
		w.begin("device_lists", '{')
		w.texts("changed", a.DeviceLists.Changed)
		w.texts("left", a.DeviceLists.Left)
		w.end('}')
	}
	w.counts("device_one_time_keys_count", a.OneTimeKeys)
	w.texts("device_unused_fallback_key_types", a.UnusedFallbacks)
	w.end('}')
	return w.b
}

// size is about how many bytes the answer takes.
func (a *Answer) size() int {
	n := 512 + a.AccountData.size() + a.ToDevice.size()
	for _, r := range a.Rooms.Join {
		n += 512 + r.State.size() + r.StateAfter.size() + r.Ephemeral.size() + r.AccountData.size()
		n += (&Events{r.Timeline.Events}).size()
	}
	return n
}

func (e *Events) size() (n int) {
	if e != nil {
		for _, v := range e.Events {
			n += len(v) + 1
		}
	}
	return n
}

func (r *Rooms) write(w *jsonWriter) {
	w.begin("rooms", '{')
	eachRoom(w, "join", r.Join, (*JoinedRoom).write)
	eachRoom(w, "invite", r.Invite, func(room *InvitedRoom, w *jsonWriter) { w.events("invite_state", &room.State) })
	eachRoom(w, "knock", r.Knock, func(room *KnockedRoom, w *jsonWriter) { w.events("knock_state", &room.State) })
	eachRoom(w, "leave", r.Leave, (*LeftRoom).write)
	w.end('}')
}

func eachRoom[T any](w *jsonWriter, key string, rooms map[string]*T, write func(*T, *jsonWriter)) {
	w.begin(key, '{')
	for id, room := range rooms {
		w.begin(id, '{')
		write(room, w)
		w.end('}')
	}
	w.end('}')
}

func (j *JoinedRoom) write(w *jsonWriter) {
	j.Summary.write(w)
	w.events("state", j.State)
	w.events("state_after", j.StateAfter)
	j.Timeline.write(w)
	w.events("ephemeral", &j.Ephemeral)
	w.events("account_data", &j.AccountData)
	if j.Unread != nil {
		writeUnread(w, "unread_notifications", *j.Unread)
	}
	if len(j.UnreadThreads) > 0 {
		w.begin("unread_thread_notifications", '{')
		for _, root := range slices.Sorted(maps.Keys(j.UnreadThreads)) {
			writeUnread(w, root, j.UnreadThreads[root])
		}
		w.end('}')
	}
}

func (l *LeftRoom) write(w *jsonWriter) {
	w.events("state", l.State)
	w.events("state_after", l.StateAfter)
	l.Timeline.write(w)
	w.events("account_data", &l.AccountData)
}

func (s *Summary) write(w *jsonWriter) {
	w.begin("summary", '{')
	if len(s.Heroes) > 0 {
		w.texts("m.heroes", s.Heroes)
	}
	if s.Joined != nil {
		w.number("m.joined_member_count", *s.Joined)
	}
	if s.Invited != nil {
		w.number("m.invited_member_count", *s.Invited)
	}
	w.end('}')
}

func (t *Timeline) write(w *jsonWriter) {
	w.begin("timeline", '{')
	w.raws("events", t.Events)
	w.boolean("limited", t.Limited)
	w.member("prev_batch", t.PrevBatch)
	w.end('}')
}

func writeUnread(w *jsonWriter, key string, u push.Unread) {
	w.begin(key, '{')
	w.number("highlight_count", u.Highlights)
	w.number("notification_count", u.Notifications)
	w.end('}')
}
