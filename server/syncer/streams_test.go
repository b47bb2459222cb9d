package syncer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"beffroi/server/accounts"
	"beffroi/server/e2ee"
	"beffroi/server/ephemeral"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

func TestWaitsAndWakesAtOnce(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	w.join(room, bob)
	since := next(w.sync(bob, ""))
	answers := make(chan gjson.Result)
	go func() {
		res, err := w.trySync(bob, since, waiting(time.Minute))
		if err != nil {
			t.Error(err)
		}
		answers <- res
	}()
	for w.hub.Waiting() == 0 {
		time.Sleep(time.Millisecond) // the hub has no other way to tell
	}
	begin := time.Now()
	w.say(alice, room, "wake up")
	res := <-answers
	want(t, "messages", bodies(joined(res, room)), []string{"wake up"})
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("woken after %v", took)
	}
	begin = time.Now()
	w.sync(bob, next(res), waiting(20*time.Millisecond))
	if took := time.Since(begin); took < 20*time.Millisecond {
		t.Errorf("answered without news after %v", took)
	}
	want(t, "waiters left behind", w.hub.Waiting(), 0)
	w.hub.Close()
	w.sync(bob, next(res), waiting(time.Minute)) // the stop answers
}

func TestQuietDevicesCostNoRead(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{})
	since := next(w.sync(alice, ""))
	reads := w.db.Reads()
	for range 3 {
		since = next(w.sync(alice, since))
	}
	want(t, "reads without news", w.db.Reads()-reads, int64(0))
	w.say(alice, room, "x")
	want(t, "then news", bodies(joined(w.sync(alice, since), room)), []string{"x"})
}

func TestKeyCountsAreAlwaysThere(t *testing.T) {
	signedKey := json.RawMessage(`{"key":"AAAA","signatures":{"@alice:hs":{"ed25519:D":"AAAA"}}}`)
	w := start(t)
	alice := w.user("alice")
	since := next(w.sync(alice, ""))
	session := &accounts.Session{User: alice.Atom, UserID: alice.ID, Device: alice.Device, DeviceID: "D"}
	count := func() (int64, string) {
		res := w.sync(alice, since)
		since = next(res)
		return res.Get("device_one_time_keys_count.signed_curve25519").Int(), res.Get("device_unused_fallback_key_types").Raw
	}
	_, err := w.e2ee.Upload(context.Background(), session, &e2ee.KeysUpload{
		OneTimeKeys:  map[string]json.RawMessage{"signed_curve25519:A": signedKey, "signed_curve25519:B": signedKey},
		FallbackKeys: map[string]json.RawMessage{"signed_curve25519:C": signedKey}})
	w.ok(err)
	for range 2 {
		n, fallback := count()
		want(t, "after the upload", fmt.Sprint(n, fallback), `2["signed_curve25519"]`)
	}
	for n := range int64(3) {
		_, err = w.e2ee.Claim(context.Background(), map[string]map[string]string{alice.ID: {"D": "signed_curve25519"}}, 0)
		w.ok(err)
		left, fallback := count()
		want(t, "keys left", left, max(1-n, 0))
		want(t, "fallback unused", fallback != "[]", n < 2)
	}
}

func TestToDeviceIsAcknowledgedByTheNextToken(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	since := next(w.sync(alice, ""))
	w.queue(alice, 150)
	first := w.sync(alice, since)
	want(t, "first hundred", len(first.Get("to_device.events").Array()), 100)
	want(t, "the same again", first.Get("to_device").Raw, w.sync(alice, since).Get("to_device").Raw)
	want(t, "nothing deleted", w.queued(alice), int64(150))
	second := w.sync(alice, next(first))
	want(t, "the first ones deleted", w.queued(alice), int64(50))
	want(t, "rest", second.Get("to_device.events.0.n").Int(), int64(100))
	third := w.sync(alice, next(second))
	want(t, "none left", len(third.Get("to_device.events").Array())+int(w.queued(alice)), 0)
	commits := w.db.Syncs()
	w.sync(alice, next(third))
	want(t, "writes without news", w.db.Syncs()-commits, int64(0))
}

func TestAccountDataComesOnce(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{})
	first := w.sync(alice, "")
	rule := `account_data.events.#(type=="m.push_rules").content.global.override.#(rule_id==".m.rule.master").enabled`
	want(t, "push rules of who set none", first.Get(rule).Raw, "false")
	since := next(first)
	w.data(alice, 0, w.atom("fr.mairie"), `{"x":1}`)
	w.data(alice, w.ref(room), store.AtomFullyRead, `{"event_id":"$x"}`)
	res := w.sync(alice, since)
	want(t, "global", res.Get("account_data.events").Raw, `[{"type":"fr.mairie","content":{"x":1}}]`)
	want(t, "room", joined(res, room).Get("account_data.events").Raw, `[{"type":"m.fully_read","content":{"event_id":"$x"}}]`)
	res = w.sync(alice, next(res))
	want(t, "again", len(res.Get("account_data.events").Array())+len(res.Get("rooms.join").Map()), 0)
}

func TestTypingAndReceipts(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	w.join(room, bob)
	said := w.say(alice, room, "x")
	since := next(w.sync(alice, ""))
	w.ok(w.ephemeral.SetTyping(context.Background(), room, bob.Atom, bob.ID, true, time.Minute))
	res := w.sync(alice, since)
	want(t, "typing", joined(res, room).Get("ephemeral.events").Raw, `[{"type":"m.typing","content":{"user_ids":["@bob:hs"]}}]`)
	want(t, "again", len(w.sync(alice, next(res)).Get("rooms.join").Map()), 0)
	for kind, shown := range map[store.Atom]int{store.AtomReceiptReadPrivate: 0, store.AtomReceiptRead: 1} {
		w.ok(w.db.Write(context.Background(), func(tx *store.Tx) error {
			_, err := tx.MoveReceipt(w.ref(room), store.Receipt{User: bob.Atom, Type: kind, EventID: said, Ord: 1})
			return err
		}))
		w.hub.Wake(int64(alice.Atom))
		res = w.sync(alice, next(res))
		want(t, "receipts of bob", len(joined(res, room).Get("ephemeral.events").Array()), shown)
	}
	want(t, "by", joined(w.sync(alice, ""), room).Get("ephemeral.events.#(type==m.receipt).content."+esc(said)+".m\\.read.@bob:hs").Exists(), true)
	w.begin()
	w.ok(w.ephemeral.SetTyping(context.Background(), room, bob.Atom, bob.ID, true, time.Minute))
	want(t, "after a restart", joined(w.sync(alice, next(res)), room).Get("ephemeral.events.0.type").Str, "m.typing")
}

func TestTokensOfAnotherEpochAndOfTheFutureBeginAnew(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	w.join(room, bob)
	w.queue(alice, 1)
	now, err := synctoken.ParseSync(next(w.sync(alice, "")))
	w.ok(err)
	future := synctoken.Sync{Pos: now.Pos + 1_000_000, ToDevice: now.Pos + 1_000_000}
	for _, c := range []struct {
		name, token string
		messages    int
	}{
		{"version", "s9.what", 1},
		{"future", future.String(), 1},
		{"epoch", synctoken.Sync{Epoch: 7, Pos: 1, ToDevice: now.ToDevice}.String(), 0},
	} {
		res := w.sync(alice, c.token, waiting(time.Minute))
		want(t, c.name+": state", joined(res, room).Get("timeline.events.0.type").Str, "m.room.create")
		want(t, c.name+": device lists", res.Get("device_lists.changed").Raw, `["@alice:hs","@bob:hs"]`)
		want(t, c.name+": to-device", len(res.Get("to_device.events").Array()), c.messages)
	}
}

func TestUnread(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	room := w.create(alice, rooms.CreateRequest{})
	w.join(room, bob)
	res := w.sync(alice, "")
	unread := func() string { return joined(res, room).Get("unread_notifications").Raw }
	want(t, "nothing said", unread(), `{"highlight_count":0,"notification_count":0}`)
	said := w.say(bob, room, "x")
	res = w.sync(alice, next(res))
	want(t, "one message", unread(), `{"highlight_count":0,"notification_count":1}`)
	w.ok(w.ephemeral.Mark(context.Background(), room, alice.Atom, ephemeral.Marker{Type: "m.read.private", EventID: said}))
	res = w.sync(alice, next(res), filtered(`{"room":{"ephemeral":{"types":[]}}}`))
	want(t, "read, even where receipts are not shown", unread(), `{"highlight_count":0,"notification_count":0}`)
	root := w.say(bob, room, "root")
	_, err := w.rooms.Send(context.Background(), bob, room, "m.room.message", "thread",
		fmt.Appendf(nil, `{"msgtype":"m.text","body":"y","m.relates_to":{"rel_type":"m.thread","event_id":%q}}`, root))
	w.ok(err)
	res = w.sync(alice, next(res), filtered(`{"room":{"timeline":{"unread_thread_notifications":true}}}`))
	want(t, "main timeline", unread(), `{"highlight_count":0,"notification_count":1}`)
	want(t, "thread", joined(res, room).Get("unread_thread_notifications."+esc(root)).Raw, `{"highlight_count":0,"notification_count":1}`)
}

func TestFilterChoosesEventFields(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	room := w.create(alice, rooms.CreateRequest{Name: "Salon"})
	w.say(alice, room, "bonjour")
	res := joined(w.sync(alice, "", filtered(`{"event_fields":["content.body"],"room":{"timeline":{"limit":1}}}`)), room)
	last := res.Get("timeline.events.0")
	want(t, "message", last.Get("content").Raw+last.Get("unsigned").Raw, `{"body":"bonjour"}{}`)
	name := keys(res.Get("state.events"))["m.room.name/"]
	want(t, "name", name.Get("content").Raw, `{}`)
}
