package push_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"beffroi/server/notify"
	"beffroi/server/push"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

const (
	me    = "@me:test"
	other = "@other:test"
)

// reader is a user in a room, of which the counts are asked.
type reader struct {
	*storetest.File
	t    *testing.T
	push *push.Service
	room *storetest.Room
	user store.Atom
}

func newReader(t *testing.T) *reader {
	t.Helper()
	f := storetest.Open(t)
	r := &reader{File: f, t: t, push: push.New(f.DB, notify.New()), room: f.Room("lounge")}
	empty := ""
	r.room.Send(storetest.Event{Sender: other, Type: "m.room.create", StateKey: &empty, Content: `{"room_version":"12"}`})
	r.room.Join(other, "Other")
	r.room.Message(other, "before me")
	r.user = r.room.Join(me, "Me")
	return r
}

// reads moves a receipt.
func (r *reader) reads(kind store.Atom, thread string, upto storetest.Sent) {
	r.t.Helper()
	err := r.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.MoveReceipt(r.room.Ref, store.Receipt{User: r.user, Type: kind, Thread: thread, EventID: upto.ID, Ord: upto.Ord})
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) unread(threads bool) (whole push.Unread, byThread map[string]push.Unread) {
	r.t.Helper()
	err := r.Read(context.Background(), func(s *store.Reader) (err error) {
		whole, byThread, err = r.push.Unread(s, r.room.Ref, r.user, threads)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return whole, byThread
}

// want checks the counts of the room as a whole.
func (r *reader) want(when string, notifications, highlights int) {
	r.t.Helper()
	if got, _ := r.unread(false); got != (push.Unread{Notifications: notifications, Highlights: highlights}) {
		r.t.Errorf("%s: %+v, want %d notifications, %d highlights", when, got, notifications, highlights)
	}
}

func (r *reader) mention(sender, mentions string) storetest.Sent {
	return r.room.Send(storetest.Event{Sender: sender, Type: "m.room.message", Notifies: true,
		Content: fmt.Sprintf(`{"body":"look","msgtype":"m.text","m.mentions":%s}`, mentions)})
}

func TestUnreadFollowsReceipts(t *testing.T) {
	r := newReader(t)
	r.want("after joining", 0, 0)
	one := r.room.Message(other, "one")
	two := r.room.Message(other, "two")
	r.want("two messages", 2, 0)
	r.reads(store.AtomReceiptRead, "", one)
	r.want("one read", 1, 0)
	r.reads(store.AtomReceiptReadPrivate, "", two)
	r.want("both read, privately", 0, 0)
	three := r.room.Message(other, "three")
	r.reads(store.AtomReceiptRead, store.MainThread, three)
	r.want("read in the main timeline", 0, 0)
	r.room.Send(storetest.Event{Sender: other, Type: "m.reaction", Content: `{}`})
	r.want("a reaction", 0, 0)
}

func TestWritingIsReading(t *testing.T) {
	r := newReader(t)
	r.room.Message(other, "one")
	r.room.Message(me, "mine")
	r.want("after my message", 0, 0)
	r.room.Message(other, "two")
	r.want("after the answer", 1, 0)
	r.room.Join(me, "My new name")
	r.want("after a change of my name", 1, 0)
}

// The membership event of a new name is one's own, and of the same type as joining: it reads nothing, receipt or not.
func TestAChangeOfNameReadsNothing(t *testing.T) {
	r := newReader(t)
	one := r.room.Message(other, "one")
	r.reads(store.AtomReceiptRead, "", one)
	r.room.Message(other, "two")
	r.room.Join(me, "My new name")
	r.want("after a change of my name", 1, 0)
}

func TestWhatCameWhileAwayIsNotUnread(t *testing.T) {
	r := newReader(t)
	r.room.Message(me, "mine")
	user := me
	r.room.Send(storetest.Event{Sender: me, Type: "m.room.member", StateKey: &user, Content: `{"membership":"leave"}`})
	r.room.Message(other, "while I was away")
	r.room.Join(me, "Me")
	r.want("back again", 0, 0)
	r.room.Message(other, "welcome back")
	r.room.Join(me, "My new name")
	r.want("a message", 1, 0)
}

func TestHighlights(t *testing.T) {
	r := newReader(t)
	r.mention(other, `{"user_ids":["@me:test"]}`)
	last := r.mention(other, `{"user_ids":["@else:test"]}`)
	r.want("one of two mentions me", 2, 1)
	r.reads(store.AtomReceiptRead, "", last)
	r.want("read", 0, 0)
	r.mention(other, `{"room":true}`)
	r.want("the creator may mention the room", 1, 1)
	r.mention("@weak:test", `{"room":true}`)
	r.want("others may not", 2, 1)
	empty := ""
	r.room.Send(storetest.Event{Sender: other, Type: "m.room.power_levels", StateKey: &empty,
		Content: `{"notifications":{"room":10},"users":{"@weak:test":10}}`})
	r.want("but with the power levels", 2, 2)
}

func TestThreadsAreCountedApart(t *testing.T) {
	r := newReader(t)
	root := r.room.Message(other, "root")
	reply := func(sender, mentions string) storetest.Sent {
		return r.room.Send(storetest.Event{Sender: sender, Type: "m.room.message", Thread: root.NID, Notifies: true,
			Content: fmt.Sprintf(`{"body":"reply","m.mentions":%s}`, mentions)})
	}
	reply(other, `{}`)
	second := reply(other, `{"user_ids":["@me:test"]}`)
	r.want("all together", 3, 1)
	check := func(when string, main push.Unread, threads map[string]push.Unread) {
		t.Helper()
		if gotMain, got := r.unread(true); gotMain != main || !reflect.DeepEqual(got, threads) {
			t.Errorf("%s: %+v and %+v, want %+v and %+v", when, gotMain, got, main, threads)
		}
	}
	inThread := func(n, highlights int) map[string]push.Unread {
		return map[string]push.Unread{root.ID: {Notifications: n, Highlights: highlights}}
	}
	none := map[string]push.Unread{}
	check("apart", push.Unread{Notifications: 1}, inThread(2, 1))
	r.reads(store.AtomReceiptRead, store.MainThread, root)
	check("main read", push.Unread{}, inThread(2, 1))
	r.want("main read, together", 2, 1)
	r.reads(store.AtomReceiptRead, root.ID, second)
	check("thread read", push.Unread{}, none)
	reply(other, `{}`)
	check("a reply", push.Unread{}, inThread(1, 0))
	reply(me, `{}`)
	check("my reply", push.Unread{}, none)
	last := reply(other, `{}`)
	other := r.room.Message(other, "main")
	check("both again", push.Unread{Notifications: 1}, inThread(1, 0))
	r.reads(store.AtomReceiptRead, "", last)
	check("an unthreaded receipt reads threads too", push.Unread{Notifications: 1}, none)
	r.reads(store.AtomReceiptRead, "", other)
	check("everything read", push.Unread{}, none)
}

func (r *reader) put(kind string, rule push.Rule) {
	r.t.Helper()
	if err := r.push.Put(context.Background(), r.user, kind, rule, "", ""); err != nil {
		r.t.Fatal(err)
	}
}

func TestOwnRulesCount(t *testing.T) {
	r := newReader(t)
	r.room.Message(other, "nothing special")
	r.room.Message(other, "there is Cake")
	cake := "cake"
	loud := []push.Action{push.Action(`"notify"`), push.Action(`{"set_tweak":"highlight"}`)}
	r.put(push.ContentK, push.Rule{RuleID: "cake", Pattern: &cake, Actions: loud})
	r.want("a word", 2, 1)
	r.put(push.Room, push.Rule{RuleID: r.room.ID, Actions: []push.Action{}})
	r.want("a silenced room, but for a word", 1, 1)
	if err := r.push.SetEnabled(context.Background(), r.user, push.Override, ".m.rule.master", true); err != nil {
		t.Fatal(err)
	}
	r.want("everything off", 0, 0)
}

// Whoever writes very many patterns does not get an hour of the server's time for each count: what is too much work is counted by the default
// rules.
func TestPatternsCostWhatIsBounded(t *testing.T) {
	r := newReader(t)
	for i := range 100 {
		pattern := fmt.Sprintf("*a*b*c%d*", i)
		own := push.Rule{RuleID: fmt.Sprint(i), Pattern: &pattern, Actions: []push.Action{push.Action(`"notify"`), push.Action(`{"set_tweak":"highlight"}`)}}
		if err := r.push.Put(context.Background(), r.user, push.ContentK, own, "", ""); err != nil {
			t.Fatal(err)
		}
	}
	r.room.Message(other, strings.Repeat("a b ", 12_000)+"c7")
	r.room.Message(other, "a b c7")
	r.want("one event in reach, one out of it", 2, 1)
}

func TestRulesThatNotifyOfMoreThanDefault(t *testing.T) {
	r := newReader(t)
	r.put(push.Override, push.Rule{RuleID: "topics", Actions: []push.Action{push.Action(`"notify"`)},
		Conditions: conditions(t, `[{"kind":"event_match","key":"type","pattern":"m.room.topic"}]`)})
	empty := ""
	r.room.Send(storetest.Event{Sender: other, Type: "m.room.topic", StateKey: &empty, Content: `{"topic":"new"}`})
	r.want("a topic", 1, 0)
}

func conditions(t *testing.T, text string) (c []push.Condition) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRedactedEventsAreNothingToRead(t *testing.T) {
	r := newReader(t)
	m := r.mention(other, `{"user_ids":["@me:test"]}`)
	r.room.Message(other, "stays")
	notice := r.room.Send(storetest.Event{Sender: other, Type: "m.room.message", Content: `{"msgtype":"m.notice"}`})
	r.want("before", 2, 1)
	err := r.Write(context.Background(), func(tx *store.Tx) error {
		for _, s := range []storetest.Sent{m, notice} {
			e, _, err := tx.Event(s.NID)
			if err != nil {
				return err
			}
			if err := tx.Redact(s.NID, notice.NID, e.JSON); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.want("after", 1, 0)
}

func TestManyUnreadAreCountedFromTheTimeline(t *testing.T) {
	r := newReader(t)
	first := r.mention(other, `{"user_ids":["@me:test"]}`)
	for range 250 {
		r.room.Message(other, "again")
	}
	r.want("more than are looked at", 251, 0) // the mention lies too far back
	r.reads(store.AtomReceiptRead, "", first)
	r.want("the first one read", 250, 0)
	r.put(push.Room, push.Rule{RuleID: r.room.ID, Actions: []push.Action{}})
	r.want("silenced: the last 200 don't count", 50, 0)
}

func TestAnEmptyRoomHasNothingUnread(t *testing.T) {
	r := newReader(t)
	r.room = r.Room("empty")
	r.want("empty", 0, 0)
}
