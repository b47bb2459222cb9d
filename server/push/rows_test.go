package push_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"strings"
	"testing"

	"beffroi/server/push"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// fill lets users join without the room core, which would take long.
func (w *town) fill(room string, users []rooms.User) {
	w.Helper()
	ref := w.ref(room)
	w.ok(w.db.Write(context.Background(), func(tx *store.Tx) error {
		for _, u := range users {
			pos, err := tx.NextPos()
			if err != nil {
				return err
			}
			e := store.Event{NID: store.NID(pos), Room: ref, ID: fmt.Sprint("$joins-", u.Atom), Type: store.AtomMember, StateKey: u.Atom, Sender: u.Atom,
				JSON: fmt.Appendf(nil, `{"auth_events":[],"content":{"membership":"join"},"depth":1,"hashes":{"sha256":"%s"},"origin_server_ts":1,`+
					`"prev_events":[],"room_id":%q,"sender":%q,"signatures":{},"state_key":%q,"type":"m.room.member"}`,
					strings.Repeat("A", 43), room, u.ID, u.ID)}
			if err := tx.AddEvent(&e); err != nil {
				return err
			}
			if _, err := tx.SetCurrentState(ref, pos, store.StateEntry{Type: e.Type, StateKey: u.Atom, NID: e.NID}); err != nil {
				return err
			}
			if err := tx.PutMember(store.Member{Room: ref, User: u.Atom, Membership: store.Join, NID: e.NID, Pos: pos}); err != nil {
				return err
			}
		}
		return nil
	}))
	w.restart()
}

// rows counts the rows of every table.
func (w *town) rows() map[string]int {
	w.Helper()
	db, err := sql.Open("sqlite", "file:"+w.path+"?mode=ro")
	w.ok(err)
	defer db.Close()
	names, err := db.QueryContext(context.Background(), `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	w.ok(err)
	defer names.Close()
	rows := map[string]int{}
	for names.Next() {
		var name string
		var n int
		w.ok(names.Scan(&name))
		w.ok(db.QueryRowContext(context.Background(), `SELECT count(*) FROM "`+name+`"`).Scan(&n))
		rows[name] = n
	}
	w.ok(names.Err())
	return rows
}

// adds tells which rows something writes, but for what each event is stored with.
func (w *town) adds(what func()) map[string]int {
	w.Helper()
	before := w.rows()
	what()
	added := map[string]int{}
	for name, n := range w.rows() {
		if n != before[name] {
			added[name] = n - before[name]
		}
	}
	for _, name := range []string{"atom", "event", "event_frame", "relation", "thread", "timeline", "txn"} {
		delete(added, name)
	}
	return added
}

// In a room of 10,000 an event writes no row for whom it is like any other: rows are for who is named, and for whose rules are hit by it alone.
func TestRowsGrowWithWhomAnEventConcerns(t *testing.T) {
	w := newTown(t)
	boss := w.user("boss")
	id := w.room(boss)
	people := make([]rooms.User, 10_000)
	w.ok(w.db.Write(context.Background(), func(tx *store.Tx) (err error) {
		for i := range people {
			people[i].ID = fmt.Sprintf("@u%d:hs", i)
			if people[i].Atom, err = tx.Atom(people[i].ID); err != nil {
				return err
			}
		}
		return nil
	}))
	w.fill(id, people)
	want := func(when string, rows map[string]int, what func()) {
		t.Helper()
		if got := w.adds(what); !maps.Equal(got, rows) {
			t.Errorf("%s adds %v, want %v", when, got, rows)
		}
	}
	say := func() { w.say(boss, id, "hello") }
	cry := func() { w.send(boss, id, "m.room.message", `{"body":"x","m.mentions":{"room":true}}`) }
	want("a message", map[string]int{}, say)
	want("@room", map[string]int{"unread_everybody": 1}, cry)
	want("three mentions", map[string]int{"unread_mark": 3}, func() {
		w.send(boss, id, "m.room.message", `{"body":"x","m.mentions":{"user_ids":["@u1:hs","@u2:hs","@u3:hs","@u3:hs","@stranger:hs","@boss:hs"]}}`)
	})
	for i := range 100 {
		w.mute(people[i], push.Override, id)
		w.mute(people[100+i], push.Room, id)
		w.mute(people[200+i], push.Room, "!elsewhere")
	}
	want("the first message after 200 muted the room", map[string]int{"unread_mode": 200}, say)
	want("the next one", map[string]int{}, say)
	want("@room where it is muted", map[string]int{"unread_everybody": 1}, cry)
	w.restart()
	want("a message after a restart", map[string]int{}, say)
	cake := "cake"
	w.put(people[5000], push.ContentK, push.Rule{RuleID: "cake", Pattern: &cake, Actions: loud()})
	want("a keyword", map[string]int{"unread_mark": 1}, func() { w.say(boss, id, "a cake") })
	want("no keyword", map[string]int{}, say)
	root := w.say(boss, id, "root")
	want("a thread in a muted room", map[string]int{}, func() {
		w.send(boss, id, "m.room.message", fmt.Sprintf(`{"body":"x","m.relates_to":{"rel_type":"m.thread","event_id":%q}}`, root))
	})
	for i, u := range map[int]push.Unread{0: {Notifications: 3, Highlights: 1}, 100: {Notifications: 4, Highlights: 2}, 200: {Notifications: 11, Highlights: 2},
		3: {Notifications: 3, Highlights: 2}, 5000: {Notifications: 11, Highlights: 3}, 9999: {Notifications: 11, Highlights: 2}} {
		if got := w.unread(people[i], id, false).Room; got != u {
			t.Errorf("user %d: %+v, want %+v", i, got, u)
		}
	}
}

// Counting reads the same few rows however much is unread, and however many members there are.
func TestCountingTakesAFewStatements(t *testing.T) {
	l := newLounge(t)
	statements := func(threads bool) int64 {
		l.unread(l.me, l.id, threads)
		before := l.db.Reads()
		l.unread(l.me, l.id, threads)
		return l.db.Reads() - before
	}
	const ofTheTest = 5 // the room's number, and two times both ends of a snapshot
	l.mention(l.other, `{"user_ids":["@me:hs"]}`)
	if n := statements(true) - ofTheTest; n > 1 {
		t.Errorf("a room takes %d statements", n)
	}
	for range 20 {
		l.reply(l.other, l.says("root"), `{}`)
	}
	if n := statements(true) - ofTheTest; n > 4 {
		t.Errorf("a room with 20 unread threads takes %d statements", n)
	}
}

// What is remembered of rooms and rules is bounded: whoever makes many of them pushes out what was not used.
func TestMemoryIsBounded(t *testing.T) {
	w := newTown(t)
	const writers = 40
	boss, id := w.user("boss"), ""
	var people []rooms.User
	for i := range writers {
		people = append(people, w.user(fmt.Sprint("u", i)))
	}
	id = w.room(boss, people...)
	for i, u := range people {
		pattern := fmt.Sprintf("*%s%d*", strings.Repeat("long ", 50), i)
		for n := range 3 {
			w.put(u, push.ContentK, push.Rule{RuleID: fmt.Sprint("r", n), Pattern: &pattern, Actions: loud()})
		}
	}
	for range 3 {
		w.say(boss, id, "hello")
	}
	audiences, rules := w.push.Remembered()
	if audiences != 1 || rules >= writers || rules == 0 {
		t.Errorf("%d audiences and %d rules are remembered", audiences, rules)
	}
	if got, want := w.unread(people[7], id, false).Room, (push.Unread{Notifications: 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
