package syncer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"beffroi/server/accounts"
	"beffroi/server/ephemeral"
	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/syncer"
)

// slide asks as a client does, with a body in JSON.
func (w *world) slide(u rooms.User, pos, body string) gjson.Result {
	w.Helper()
	res, err := w.trySlide(u, pos, body)
	w.ok(err)
	return res
}

func (w *world) trySlide(u rooms.User, pos, body string) (gjson.Result, error) {
	w.Helper()
	q := &syncer.SlidingRequest{Session: &accounts.Session{User: u.Atom, UserID: u.ID, Device: u.Device}, Stable: true}
	w.ok(json.Unmarshal([]byte(body), q))
	q.Pos = pos
	if q.Timeout != nil {
		q.Wait = time.Duration(*q.Timeout) * time.Millisecond
	}
	if err := q.Check(); err != nil {
		return gjson.Result{}, err
	}
	a, err := w.syncer.Slide(context.Background(), q)
	if err != nil {
		return gjson.Result{}, err
	}
	raw, err := json.Marshal(a)
	return gjson.ParseBytes(raw), err
}

func pos(res gjson.Result) string                     { return res.Get("pos").Str }
func slid(res gjson.Result, room string) gjson.Result { return res.Get("rooms." + esc(room)) }
func count(res gjson.Result) int                      { return len(res.Get("rooms").Map()) }
func said(room gjson.Result) (out []string) {
	for _, e := range room.Get("timeline").Array() {
		if e.Get("type").Str == "m.room.message" {
			out = append(out, body(e))
		}
	}
	return out
}

func window(from, to, limit int, more string) string {
	return fmt.Sprintf(`{"lists":{"all":{"range":[%d,%d],"timeline_limit":%d,"required_state":{"include":[{"type":"m.room.topic"}],"lazy_members":true}%s}}}`,
		from, to, limit, more)
}

func TestSlidingWindowShowsTheLatestRooms(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	ids := []string{w.create(alice, rooms.CreateRequest{Name: "a"}), w.create(alice, rooms.CreateRequest{Name: "b"}), w.create(alice, rooms.CreateRequest{Name: "c"})}
	w.say(alice, ids[0], "latest")
	res := w.slide(alice, "", window(0, 1, 1, ""))
	room := slid(res, ids[0])
	want(t, "rooms", count(res), 2)
	want(t, "count", res.Get("lists.all.count").Int(), int64(3))
	want(t, "the room", []any{room.Get("initial").Bool(), room.Get("name").Str, room.Get("membership").Str, said(room), room.Get("limited").Bool(),
		room.Get("joined_count").Int(), room.Get("num_live").Int(), room.Get("lists.0").Str},
		[]any{true, "a", "join", []string{"latest"}, true, int64(1), int64(0), "all"})
	want(t, "the sender", keys(room.Get("required_state"))["m.room.member/@alice:hs"].Get("content.membership").Str, "join")
	if slid(res, ids[1]).Exists() || !slid(res, ids[2]).Exists() {
		t.Error("the window has other rooms than the latest")
	}

	res = w.slide(alice, pos(res), window(0, 1, 1, ""))
	want(t, "nothing new", count(res), 0)
	w.say(alice, ids[1], "up")
	res = w.slide(alice, pos(res), window(0, 1, 1, ""))
	room = slid(res, ids[1])
	want(t, "a room that comes into the window", []any{count(res), room.Get("initial").Bool(), room.Get("num_live").Int(), said(room)},
		[]any{1, true, int64(1), []string{"up"}})
	w.say(alice, ids[1], "again")
	res = w.slide(alice, pos(res), window(0, 1, 1, ""))
	room = slid(res, ids[1])
	want(t, "news", []any{room.Get("initial").Bool(), room.Get("limited").Bool(), said(room), room.Get("name").Exists(), len(room.Get("required_state").Array())},
		[]any{false, false, []string{"again"}, false, 0})
}

func TestSlidingRetryGivesTheSameAgain(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	id := w.create(alice, rooms.CreateRequest{})
	first := w.slide(alice, "", window(0, 9, 1, ""))
	w.say(alice, id, "one")
	lost := w.slide(alice, pos(first), window(0, 9, 5, ""))
	w.say(alice, id, "two")
	again := w.slide(alice, pos(first), window(0, 9, 5, ""))
	want(t, "after a lost answer", said(slid(again, id)), []string{"one", "two"})
	if _, err := w.trySlide(alice, pos(lost), window(0, 9, 1, "")); !merr.Is(err, "M_UNKNOWN_POS") {
		t.Error("the token of an answer that was asked for again is taken:", err)
	}
	next := w.slide(alice, pos(again), window(0, 9, 1, ""))
	want(t, "then nothing", count(next), 0)
	if _, err := w.trySlide(alice, pos(first), window(0, 9, 1, "")); !merr.Is(err, "M_UNKNOWN_POS") {
		t.Error("an old token is taken:", err)
	}
	other := w.user("bob")
	for _, token := range []string{pos(next), "nonsense", "w1.0.1.AAAAAAA.1.1"} {
		if _, err := w.trySlide(other, token, `{}`); !merr.Is(err, "M_UNKNOWN_POS") {
			t.Errorf("%s: %v", token, err)
		}
	}
	w.begin() // a restart
	if _, err := w.trySlide(alice, pos(next), `{}`); !merr.Is(err, "M_UNKNOWN_POS") {
		t.Error("a connection outlives the process:", err)
	}
}

func TestSlidingConfigGrows(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	id := w.create(alice, rooms.CreateRequest{Topic: "t", Name: "n"})
	for _, text := range []string{"a", "b", "c", "d"} {
		w.say(alice, id, text)
	}
	subscribe := func(limit int, state string) string {
		return fmt.Sprintf(`{"room_subscriptions":{%q:{"timeline_limit":%d,"required_state":%s}}}`, id, limit, state)
	}
	res := w.slide(alice, "", subscribe(1, `[["m.room.topic",""]]`))
	want(t, "first", said(slid(res, id)), []string{"d"})
	res = w.slide(alice, pos(res), subscribe(3, `[["m.room.topic",""]]`))
	want(t, "a longer timeline", []any{said(slid(res, id)), slid(res, id).Get("expanded_timeline").Bool()}, []any{[]string{"b", "c", "d"}, true})
	res = w.slide(alice, pos(res), subscribe(3, `[["m.room.topic",""]]`))
	want(t, "once", count(res), 0)
	res = w.slide(alice, pos(res), subscribe(3, `[["m.room.topic",""],["m.room.name",""],["m.room.member","$ME"]]`))
	state := keys(slid(res, id).Get("required_state"))
	if len(state) != 2 || !state["m.room.name/"].Exists() || !state["m.room.member/@alice:hs"].Exists() {
		t.Error("more state:", state)
	}
	w.state(alice, id, "m.room.topic", "", `{"topic":"u"}`)
	w.state(alice, id, "m.room.avatar", "", `{"url":"mxc://hs/a"}`)
	w.state(alice, id, "m.room.name", "", `{}`)
	res = w.slide(alice, pos(res), subscribe(3, `[["m.room.topic",""]]`))
	room := slid(res, id)
	want(t, "changed", []any{keys(room.Get("required_state"))["m.room.topic/"].Get("content.topic").Str, room.Get("avatar").Str, room.Get("name").Type},
		[]any{"u", "mxc://hs/a", gjson.Null})
	if !room.Get("name").Exists() {
		t.Error("the name that was taken away is not told")
	}
}

func TestSlidingFilters(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	plain := w.create(alice, rooms.CreateRequest{})
	secret := w.create(alice, rooms.CreateRequest{})
	w.state(alice, secret, "m.room.encryption", "", `{"algorithm":"m.megolm.v1.aes-sha2"}`)
	space := w.create(alice, rooms.CreateRequest{CreationContent: map[string]any{"type": "m.space"}})
	w.state(alice, space, "m.space.child", plain, `{"via":["hs"]}`)
	w.state(alice, space, "m.space.child", secret, `{}`)
	invited := w.create(bob, rooms.CreateRequest{Preset: "private_chat", Invite: []string{alice.ID}})
	w.data(alice, 0, w.atom("m.direct"), fmt.Sprintf(`{"@bob:hs":[%q]}`, secret))
	w.data(alice, w.ref(plain), w.atom("m.tag"), `{"tags":{"m.favourite":{}}}`)
	all := []string{plain, secret, space, invited}
	for filter, expected := range map[string][]string{
		`{}`: all, `{"is_dm":true}`: {secret}, `{"is_dm":false}`: {plain, space, invited}, `{"is_encrypted":true}`: {secret},
		`{"is_invited":true}`: {invited}, `{"is_invite":false}`: {plain, secret, space}, `{"room_types":["m.space"]}`: {space},
		`{"not_room_types":["m.space"]}`: {plain, secret, invited}, `{"room_types":[null]}`: {plain, secret, invited},
		`{"tags":["m.favourite"]}`: {plain}, `{"not_tags":["m.favourite"]}`: {secret, space, invited}, `{"tags":[]}`: {},
		fmt.Sprintf(`{"spaces":[%q]}`, space): {plain},
	} {
		res := w.slide(alice, "", `{"lists":{"l":{"timeline_limit":1,"required_state":{},"filters":`+filter+`}}}`)
		got := map[string]bool{}
		for id := range res.Get("rooms").Map() {
			got[id] = true
		}
		wanted := map[string]bool{}
		for _, id := range expected {
			wanted[id] = true
		}
		want(t, filter, got, wanted)
		want(t, filter+" count", res.Get("lists.l.count").Int(), int64(len(expected)))
	}
	res := w.slide(alice, "", window(0, 9, 1, ""))
	if r := slid(res, invited); r.Get("membership").Str != "invite" || !keys(r.Get("stripped_state"))["m.room.member/@alice:hs"].Exists() || r.Get("timeline").Exists() {
		t.Error("the invitation:", r)
	}
}

func TestSlidingMemberships(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	id := w.create(alice, rooms.CreateRequest{})
	own := w.create(bob, rooms.CreateRequest{})
	w.join(id, bob)
	w.leave(own, bob)
	all := window(0, 9, 5, "")
	res := w.slide(bob, "", all)
	if slid(res, own).Exists() || slid(res, id).Get("membership").Str != "join" {
		t.Error("first:", res)
	}
	w.say(alice, id, "before")
	w.ok(w.rooms.Kick(context.Background(), alice, id, bob.ID, ""))
	w.say(alice, id, "after")
	res = w.slide(bob, pos(res), all)
	want(t, "the end", []any{slid(res, id).Get("membership").Str, said(slid(res, id))}, []any{"leave", []string{"before"}})
	res = w.slide(bob, pos(res), all)
	want(t, "told once", count(res), 0)
	fresh := w.slide(bob, "", all)
	want(t, "who was put out is told on a new connection", []any{count(fresh), said(slid(fresh, id))}, []any{1, []string{"before"}})
	w.join(id, bob)
	res = w.slide(bob, pos(fresh), all)
	want(t, "back", []any{slid(res, id).Get("initial").Bool(), said(slid(res, id))}, []any{true, []string{"before", "after"}})
	stranger := w.user("carol")
	res = w.slide(stranger, "", fmt.Sprintf(`{"room_subscriptions":{%q:{"timeline_limit":5,"required_state":{"include":[{}]}}}}`, id))
	want(t, "a stranger sees", count(res), 0)
}

func TestSlidingExtensions(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	id := w.create(alice, rooms.CreateRequest{})
	w.join(id, bob)
	w.queue(alice, 3)
	w.data(alice, w.ref(id), w.atom("m.tag"), `{"tags":{}}`)
	ask := func(since string) string {
		return fmt.Sprintf(`{"lists":{"l":{"timeline_limit":2,"required_state":{}}},"extensions":{"to_device":{"enabled":true,"limit":2,"since":%q},"e2ee":{"enabled":true},
			"account_data":{"enabled":true},"receipts":{"enabled":true},"typing":{"enabled":true},"threads":{"enabled":true,"include_roots":true}}}`, since)
	}
	res := w.slide(alice, "", ask(""))
	x := res.Get("extensions")
	want(t, "first", []any{len(x.Get("to_device.events").Array()), x.Get("account_data.rooms." + esc(id) + ".0.type").Str, x.Get("account_data.global.0.type").Str,
		x.Get("e2ee.device_one_time_keys_count").Exists()}, []any{2, "m.tag", "m.push_rules", true})
	root := w.say(alice, id, "root")
	w.ok(w.ephemeral.SetTyping(context.Background(), id, bob.Atom, bob.ID, true, 0))
	w.ok(w.ephemeral.Mark(context.Background(), id, bob.Atom, ephemeral.Marker{Type: ephemeral.Read, EventID: root}))
	_, err := w.rooms.Send(context.Background(), bob, id, "m.room.message", "thread",
		fmt.Appendf(nil, `{"body":"x","m.relates_to":{"rel_type":"m.thread","event_id":%q}}`, root))
	w.ok(err)
	since := x.Get("to_device.next_batch").Str
	want(t, "not deleted before it is acknowledged", w.queued(alice), int64(3))
	res = w.slide(alice, pos(res), ask(since))
	x = res.Get("extensions")
	want(t, "acknowledged", w.queued(alice), int64(1))
	latest := x.Get("threads.updates." + esc(id) + "." + esc(root) + `.thread_root.unsigned.m\.relations.m\.thread.latest_event.content.body`).Str
	want(t, "the latest event of the thread", latest, "x")
	want(t, "then", []any{x.Get("to_device.events.0.n").Int(), x.Get("typing.rooms." + esc(id) + ".content.user_ids.0").Str,
		x.Get("receipts.rooms." + esc(id) + ".content." + esc(root)).Exists(), x.Get("threads.updates." + esc(id) + "." + esc(root) + ".thread_root.content.body").Str,
		x.Get("e2ee.device_one_time_keys_count").Exists()}, []any{int64(2), bob.ID, true, "root", false})
	res = w.slide(alice, pos(res), ask(x.Get("to_device.next_batch").Str))
	x = res.Get("extensions")
	want(t, "nothing", []any{len(x.Get("to_device.events").Array()), len(x.Get("account_data.global").Array()), len(x.Get("receipts.rooms").Map()),
		len(x.Get("typing.rooms").Map()), w.queued(alice)}, []any{0, 0, 0, 0, int64(0)})
}

// What extensions are not to tell of a room they tell when they are, also where the answer that told it was lost.
func TestSlidingExtensionsTellOfTheRoomsThatAreNamed(t *testing.T) {
	w := start(t)
	alice, bob := w.user("alice"), w.user("bob")
	rooms := []string{w.create(alice, rooms.CreateRequest{}), w.create(alice, rooms.CreateRequest{})}
	ask := func(which string) string {
		return fmt.Sprintf(`{"lists":{"all":{"timeline_limit":2,"required_state":{}},"top":{"range":[0,0],"timeline_limit":1,"required_state":{}}},
			"extensions":{"account_data":{"enabled":true%[1]s},"receipts":{"enabled":true%[1]s},"typing":{"enabled":true%[1]s}}}`, which)
	}
	told := func(res gjson.Result) (kinds []string) {
		for _, kind := range []string{"account_data", "receipts", "typing"} {
			for i, id := range rooms {
				if res.Get("extensions." + kind + ".rooms." + esc(id)).Exists() {
					kinds = append(kinds, fmt.Sprint(kind, " ", i))
				}
			}
		}
		return kinds
	}
	act := func(typing bool) {
		for _, id := range rooms {
			w.data(alice, w.ref(id), w.atom("m.tag"), `{"tags":{}}`)
			w.ok(w.ephemeral.SetTyping(context.Background(), id, bob.Atom, bob.ID, typing, 0))
		}
	}
	for _, id := range rooms {
		w.join(id, bob)
	}
	first := pos(w.slide(alice, "", ask("")))
	act(true)
	w.ok(w.ephemeral.Mark(context.Background(), rooms[0], bob.Atom, ephemeral.Marker{Type: ephemeral.Read, EventID: w.say(bob, rooms[0], "x")}))
	w.ok(w.ephemeral.Mark(context.Background(), rooms[1], bob.Atom, ephemeral.Marker{Type: ephemeral.Read, EventID: w.say(bob, rooms[1], "x")}))
	both := []string{"account_data 0", "account_data 1", "receipts 0", "receipts 1", "typing 0", "typing 1"}
	for which, expected := range map[string][]string{
		`,"lists":[],"rooms":[]`: nil, `,"lists":["top"],"rooms":[]`: {"account_data 1", "receipts 1", "typing 1"},
		`,"lists":["none"]`: nil, `,"lists":["*"]`: both, `,"lists":[],"rooms":["*"]`: nil, ``: both,
		fmt.Sprintf(`,"lists":[],"rooms":[%q]`, rooms[0]): {"account_data 0", "receipts 0", "typing 0"},
	} {
		want(t, which, told(w.slide(alice, first, ask(which))), expected)
	}
	top := pos(w.slide(alice, first, ask(`,"lists":["top"],"rooms":[]`)))
	for range 2 { // the first answer is lost
		want(t, "what was withheld", told(w.slide(alice, top, ask(""))), []string{"account_data 0", "receipts 0", "typing 0"})
	}
	res := w.slide(alice, pos(w.slide(alice, top, ask(""))), ask(""))
	want(t, "once", told(res), []string(nil))
	act(false)
	res = w.slide(alice, pos(res), ask(`,"lists":["top"],"rooms":[]`))
	want(t, "the end of typing", res.Get("extensions.typing.rooms."+esc(rooms[1])+".content.user_ids").Raw, "[]")
	res = w.slide(alice, pos(res), ask(""))
	want(t, "the end of typing that was withheld", res.Get("extensions.typing.rooms."+esc(rooms[0])+".content.user_ids").Raw, "[]")
}

func TestSlidingRefusals(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	many := map[string]any{}
	for i := range 101 {
		many[fmt.Sprint(i)] = map[string]any{"timeline_limit": 1}
	}
	lists, _ := json.Marshal(map[string]any{"lists": many})
	subscriptions, _ := json.Marshal(map[string]any{"room_subscriptions": many})
	names, _ := json.Marshal(make([]string, 1001))
	ranges, _ := json.Marshal(make([][2]int, 1001))
	wide := map[string]any{}
	for i := range 6 {
		wide[fmt.Sprint(i)] = map[string]any{"required_state": map[string]any{"include": make([]struct{}, 999)}}
	}
	elements, _ := json.Marshal(map[string]any{"lists": wide})
	for body, errcode := range map[string]string{
		`{"lists":{"a":{"filters":{"tags":` + string(names) + `}}}}`: "M_INVALID_PARAM", `{"extensions":{"typing":{"rooms":` + string(names) + `}}}`: "M_INVALID_PARAM",
		`{"lists":{"a":{"ranges":` + string(ranges) + `}}}`: "M_INVALID_PARAM", string(elements): "M_INVALID_PARAM",
		string(lists): "M_INVALID_PARAM", string(subscriptions): "M_INVALID_PARAM", `{"lists":{"a":null}}`: "M_BAD_JSON",
		`{"lists":{"a":{"range":[3,1]}}}`: "M_INVALID_PARAM", `{"lists":{"a":{"timeline_limit":-1}}}`: "M_INVALID_PARAM",
	} {
		if _, err := w.trySlide(alice, "", body); !merr.Is(err, errcode) {
			t.Errorf("%.60s: %v", body, err)
		}
	}
}

// Connections are bounded for a device, and independent of each other.
func TestSlidingConnections(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	w.create(alice, rooms.CreateRequest{})
	var tokens []string
	for i := range 9 {
		tokens = append(tokens, pos(w.slide(alice, "", fmt.Sprintf(`{"conn_id":"%d"}`, i))))
	}
	if _, err := w.trySlide(alice, tokens[0], `{"conn_id":"0"}`); !merr.Is(err, "M_UNKNOWN_POS") {
		t.Error("the ninth connection did not end the first:", err)
	}
	w.slide(alice, tokens[1], `{"conn_id":"1"}`)
	if _, err := w.trySlide(alice, tokens[2], `{"conn_id":"3"}`); !merr.Is(err, "M_UNKNOWN_POS") {
		t.Error("a token is taken under another name:", err)
	}
}

// What a connection asks for is held for as long as a room was sent with it: who asks for something else each time begins anew, before all of that is held.
func TestSlidingConnectionsDontHoldAllThatWasAsked(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	w.create(alice, rooms.CreateRequest{})
	ask := func(i int) string {
		keys := make([]string, 500)
		for j := range keys {
			keys[j] = fmt.Sprintf(`{"type":"%d.%d.%s"}`, i, j, strings.Repeat("x", 200))
		}
		return `{"lists":{"a":{"required_state":{"include":[` + strings.Join(keys, ",") + `]}}}}`
	}
	res := w.slide(alice, "", ask(0))
	for i := 1; ; i++ {
		var err error
		if res, err = w.trySlide(alice, pos(res), ask(i)); merr.Is(err, "M_UNKNOWN_POS") {
			return
		}
		w.ok(err)
		if i == 50 {
			t.Fatal("a connection holds 50 configurations of 100 KB")
		}
	}
}
