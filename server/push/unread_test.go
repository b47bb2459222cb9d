package push_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"beffroi/server/push"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// lounge is a room with its creator, other, and me, of whom the counts are asked.
type lounge struct {
	*town
	id        string
	me, other rooms.User
}

func newLounge(t *testing.T) *lounge {
	t.Helper()
	w := newTown(t)
	l := &lounge{town: w, me: w.user("me"), other: w.user("other")}
	l.id = w.room(l.other)
	l.says("before me")
	w.ok(w.rooms.Join(context.Background(), l.me, l.id, ""))
	return l
}

func (l *lounge) says(body string) string { l.Helper(); return l.say(l.other, l.id, body) }

func (l *lounge) mention(u rooms.User, mentions string) string {
	l.Helper()
	return l.send(u, l.id, "m.room.message", fmt.Sprintf(`{"body":"look","msgtype":"m.text","m.mentions":%s}`, mentions))
}

func (l *lounge) reply(u rooms.User, root, mentions string) string {
	l.Helper()
	return l.send(u, l.id, "m.room.message",
		fmt.Sprintf(`{"body":"reply","msgtype":"m.text","m.mentions":%s,"m.relates_to":{"rel_type":"m.thread","event_id":%q}}`, mentions, root))
}

// want checks the counts of the room as a whole.
func (l *lounge) want(when string, notifications, highlights int) {
	l.Helper()
	if got := l.unread(l.me, l.id, false).Room; got != (push.Unread{Notifications: notifications, Highlights: highlights}) {
		l.Errorf("%s: %+v, want %d notifications, %d highlights", when, got, notifications, highlights)
	}
}

func TestUnreadFollowsReceipts(t *testing.T) {
	l := newLounge(t)
	l.want("after joining", 0, 0)
	one, two := l.says("one"), l.says("two")
	l.want("two messages", 2, 0)
	l.reads(l.me, store.AtomReceiptRead, l.id, "", one)
	l.want("one read", 1, 0)
	l.reads(l.me, store.AtomReceiptReadPrivate, l.id, "", two)
	l.want("both read, privately", 0, 0)
	l.reads(l.me, store.AtomReceiptRead, l.id, store.MainThread, l.says("three"))
	l.want("read in the main timeline", 0, 0)
	l.send(l.other, l.id, "m.reaction", `{}`)
	l.want("a reaction", 0, 0)
}

func TestWritingIsReading(t *testing.T) {
	l := newLounge(t)
	l.says("one")
	l.say(l.me, l.id, "mine")
	l.want("after my message", 0, 0)
	l.says("two")
	l.want("after the answer", 1, 0)
	l.rename(l.me, "My new name")
	l.want("after a change of my name", 1, 0)
}

// The membership event of a new name is one's own, and of the same type as joining: it reads nothing, receipt or not.
func TestAChangeOfNameReadsNothing(t *testing.T) {
	l := newLounge(t)
	l.reads(l.me, store.AtomReceiptRead, l.id, "", l.says("one"))
	l.says("two")
	l.rename(l.me, "My new name")
	l.want("after a change of my name", 1, 0)
}

func TestWhatCameWhileAwayIsNotUnread(t *testing.T) {
	l := newLounge(t)
	l.say(l.me, l.id, "mine")
	l.ok(l.rooms.Leave(context.Background(), l.me, l.id, ""))
	l.mention(l.other, `{"user_ids":["@me:hs"]}`)
	l.ok(l.rooms.Join(context.Background(), l.me, l.id, ""))
	l.want("back again", 0, 0)
	l.says("welcome back")
	l.rename(l.me, "My new name")
	l.want("a message", 1, 0)
}

func TestHighlights(t *testing.T) {
	l := newLounge(t)
	weak := l.user("weak")
	l.ok(l.rooms.Join(context.Background(), weak, l.id, ""))
	l.mention(l.other, `{"user_ids":["@me:hs"]}`)
	last := l.mention(l.other, `{"user_ids":["@else:hs"]}`)
	l.want("one of two mentions me", 2, 1)
	l.reads(l.me, store.AtomReceiptRead, l.id, "", last)
	l.want("read", 0, 0)
	l.mention(l.other, `{"room":true}`)
	l.want("the creator may mention the room", 1, 1)
	l.mention(weak, `{"room":true}`)
	l.want("others may not", 2, 1)
	l.state(l.other, l.id, "m.room.power_levels", `{"notifications":{"room":10},"users":{"@weak:hs":10}}`)
	l.mention(weak, `{"room":true}`)
	l.want("but with the power levels", 3, 2)
	l.send(weak, l.id, "m.sticker", `{"m.mentions":{"room":true}}`)
	l.want("a sticker too", 4, 3)
	l.mention(l.other, `{"room":true,"user_ids":["@me:hs","@me:hs"]}`)
	l.want("the room and me is one highlight", 5, 4)
	for _, broken := range []string{`{"user_ids":"@me:hs"}`, `{"user_ids":{"@me:hs":1}}`, `[["@me:hs"]]`, `{"user_ids":[["@me:hs"],null,1]}`, `{"room":"true"}`} {
		l.mention(l.other, broken)
	}
	l.want("nobody is mentioned by what is no list of ids", 10, 4)
	l.state(l.other, l.id, "m.room.tombstone", `{"body":"moved","replacement_room":"!x"}`)
	l.want("the room moved", 11, 5)
	if got := l.unread(l.other, l.id, false).Room; got != (push.Unread{}) {
		t.Errorf("who sent the tombstone: %+v", got)
	}
}

func TestThreadsAreCountedApart(t *testing.T) {
	l := newLounge(t)
	root := l.says("root")
	l.reply(l.other, root, `{}`)
	second := l.reply(l.other, root, `{"user_ids":["@me:hs"]}`)
	l.want("all together", 3, 1)
	check := func(when string, main push.Unread, threads map[string]push.Unread) {
		t.Helper()
		if got := l.unread(l.me, l.id, true); !reflect.DeepEqual(got, push.Counts{Room: main, Threads: threads}) {
			t.Errorf("%s: %+v, want %+v and %+v", when, got, main, threads)
		}
	}
	inThread := func(n, highlights int) map[string]push.Unread {
		return map[string]push.Unread{root: {Notifications: n, Highlights: highlights}}
	}
	none := map[string]push.Unread{}
	check("apart", push.Unread{Notifications: 1}, inThread(2, 1))
	l.reads(l.me, store.AtomReceiptRead, l.id, store.MainThread, root)
	check("main read", push.Unread{}, inThread(2, 1))
	l.want("main read, together", 2, 1)
	l.reads(l.me, store.AtomReceiptRead, l.id, root, second)
	check("thread read", push.Unread{}, none)
	l.reply(l.other, root, `{}`)
	check("a reply", push.Unread{}, inThread(1, 0))
	l.reply(l.me, root, `{}`)
	check("my reply", push.Unread{}, none)
	last := l.reply(l.other, root, `{}`)
	l.says("main")
	check("both again", push.Unread{Notifications: 1}, inThread(1, 0))
	l.reads(l.me, store.AtomReceiptRead, l.id, "", last)
	check("an unthreaded receipt reads threads too", push.Unread{Notifications: 1}, none)
	end := l.reply(l.other, root, `{"room":true}`)
	check("the room in a thread", push.Unread{Notifications: 1}, inThread(1, 1))
	l.redact(l.other, l.id, end)
	check("taken back", push.Unread{Notifications: 1}, none)
	l.send(l.other, l.id, "m.sticker", fmt.Sprintf(`{"m.mentions":{"user_ids":["@me:hs"]},"m.relates_to":{"rel_type":"m.thread","event_id":%q}}`, root))
	check("what the timeline doesn't count", push.Unread{Notifications: 1}, inThread(1, 1))
}

// Events count as one's rules stood when they came.
func TestOwnRulesCount(t *testing.T) {
	l := newLounge(t)
	l.says("nothing special")
	l.says("there is Cake")
	cake := "cake"
	l.put(l.me, push.ContentK, push.Rule{RuleID: "cake", Pattern: &cake, Actions: loud()})
	l.want("a word, too late", 2, 0)
	l.says("Cake again")
	l.want("a word", 3, 1)
	l.mute(l.me, push.Room, l.id)
	l.says("nobody hears")
	l.want("mentions only: a message", 3, 1)
	l.says("but cake!")
	l.want("mentions only: a word", 4, 2)
	l.mention(l.other, `{"room":true}`)
	l.want("mentions only: the room", 5, 3)
	l.mention(l.other, `{"user_ids":["@me:hs"]}`)
	l.want("mentions only: me", 6, 4)
	l.mute(l.me, push.Override, l.id)
	for _, mentions := range []string{`{}`, `{"room":true}`, `{"user_ids":["@me:hs"]}`} {
		l.mention(l.other, mentions)
	}
	l.want("silence", 6, 4)
	l.restart()
	l.unmute(l.me, push.Override, l.id)
	l.unmute(l.me, push.Room, l.id)
	l.says("again")
	l.want("no more silence", 7, 4)
	l.ok(l.push.SetEnabled(context.Background(), l.me.Atom, push.Override, ".m.rule.master", true))
	l.mention(l.other, `{"user_ids":["@me:hs"]}`)
	l.want("everything off", 7, 4)
}

// The same for those who write next to nothing: rules of another room, of a sender, of the number of members.
func TestRulesThatConcernSomeEvents(t *testing.T) {
	l := newLounge(t)
	third := l.user("third")
	l.mute(l.me, push.Room, "!elsewhere")
	l.mute(l.me, push.Override, "!elsewhere2")
	l.says("rules of another room")
	l.want("rules of another room", 1, 0)
	l.put(l.me, push.Override, push.Rule{RuleID: "two", Actions: []push.Action{},
		Conditions: conditions(t, `[{"kind":"room_member_count","is":"2"},{"kind":"event_match","key":"type","pattern":"m.room.message"}]`)})
	l.says("we are two")
	l.want("two members", 1, 0)
	l.ok(l.rooms.Join(context.Background(), third, l.id, ""))
	l.says("we are three")
	l.want("three members", 2, 0)
	l.put(l.me, push.Sender, push.Rule{RuleID: third.ID, Actions: []push.Action{}})
	l.say(third, l.id, "nobody listens")
	l.want("a silenced sender", 2, 0)
	l.put(l.me, push.Override, push.Rule{RuleID: "topics", Actions: []push.Action{push.Action(`"notify"`)},
		Conditions: conditions(t, `[{"kind":"event_match","key":"type","pattern":"m.room.topic"}]`)})
	l.state(l.other, l.id, "m.room.topic", `{"topic":"new"}`)
	l.want("a topic", 3, 0)
	l.state(l.other, l.id, "m.room.name", `{"name":"new"}`)
	l.want("a name", 3, 0)
	l.put(l.me, push.Override, push.Rule{RuleID: "cry", Actions: loud(),
		Conditions: conditions(t, `[{"kind":"sender_notification_permission","key":"room"},{"kind":"event_match","key":"content.body","pattern":"@room"}]`)})
	l.say(third, l.id, "@room")
	l.want("who may not cry", 3, 0)
	l.says("hello @room")
	l.want("who may", 4, 1)
}

// Whoever writes very many patterns does not slow down every room: what is too much work is counted by the default rules.
func TestPatternsCostWhatIsBounded(t *testing.T) {
	l := newLounge(t)
	for i := range 100 {
		pattern := fmt.Sprintf("*a*b*c%d*", i)
		l.put(l.me, push.ContentK, push.Rule{RuleID: fmt.Sprint(i), Pattern: &pattern, Actions: loud()})
	}
	l.says(strings.Repeat("a b ", 12_000) + "c7")
	l.want("too long", 1, 0)
	l.says("a b c7")
	l.want("not too long", 2, 1)
}

func TestRedactedEventsAreNothingToRead(t *testing.T) {
	l := newLounge(t)
	m := l.mention(l.other, `{"user_ids":["@me:hs"]}`)
	l.says("stays")
	notice := l.send(l.other, l.id, "m.room.message", `{"msgtype":"m.notice","body":"x"}`)
	room := l.mention(l.other, `{"room":true}`)
	l.mention(l.other, `{"room":true}`)
	l.mention(l.other, `{"user_ids":["@me:hs"]}`)
	l.want("before", 5, 4)
	for _, id := range []string{m, notice, room} {
		l.redact(l.other, l.id, id)
	}
	l.want("after", 3, 2)
	l.redact(l.other, l.id, m)
	l.want("again", 3, 2)
	l.restart()
	l.want("after a restart", 3, 2)
}

// However much came since, a highlight is counted.
func TestHighlightsFarBack(t *testing.T) {
	l := newLounge(t)
	first := l.mention(l.other, `{"user_ids":["@me:hs"]}`)
	for range 450 {
		l.says("again")
	}
	l.want("many", 451, 1)
	l.reads(l.me, store.AtomReceiptRead, l.id, "", first)
	l.want("the first one read", 450, 0)
}

func TestElsewhereNothingIsUnread(t *testing.T) {
	l := newLounge(t)
	l.id = l.room(l.other)
	l.says("hello")
	l.want("a room of others", 0, 0)
}

// A damaged event is told to nobody. Were it an error, who follows the stream would never come past it, and nobody would be told of anything any more.
func TestDamagedEventsAreNotHeard(t *testing.T) {
	l := newLounge(t)
	id := l.mention(l.other, `{"room":true}`)
	var levels store.Event
	hear := func(r *store.Reader, damage string) (*push.Heard, error) {
		e, _, err := r.EventByID(id)
		l.ok(err)
		if damage != "" {
			e.JSON = []byte(damage)
		}
		return l.push.Hear(r, &e)
	}
	l.ok(l.db.Read(t.Context(), func(r *store.Reader) error {
		for _, damage := range []string{`{"type":1}`, `{`, `x`} {
			if h, err := hear(r, damage); h != nil || err != nil {
				t.Errorf("%s: %v, %v", damage, h, err)
			}
		}
		var err error
		levels, _, err = r.CurrentEvent(l.ref(l.id), store.AtomPowerLevels, store.AtomEmpty)
		return err
	}))
	l.ok(l.db.Write(t.Context(), func(tx *store.Tx) error { return tx.Redact(levels.NID, levels.NID, []byte(`{"type":1}`)) }))
	l.ok(l.db.Read(t.Context(), func(r *store.Reader) error {
		h, err := hear(r, "")
		l.ok(err)
		if d, err := h.By(l.me.Atom, l.me.ID); err != nil || !d.Notify {
			t.Errorf("%+v, %v", d, err)
		}
		return nil
	}))
}
