package server_test

import (
	"maps"
	"net/url"
	"slices"
	"testing"

	"beffroi/server/servertest"
)

// counted are the counts of a room as /sync gives them.
type counted struct {
	Notifications int `json:"notification_count"`
	Highlights    int `json:"highlight_count"`
}

type countedRoom struct {
	Unread  counted            `json:"unread_notifications"`
	Threads map[string]counted `json:"unread_thread_notifications"`
}

// counts asks for the counts of a room, as in a first sync.
func counts(u *servertest.User, room, filter string) countedRoom {
	var s struct {
		Rooms struct{ Join map[string]countedRoom }
	}
	u.Must("GET", "/_matrix/client/v3/sync?filter="+url.QueryEscape(filter), nil, &s)
	return s.Rooms.Join[room]
}

// wantCounts holds the counts of a room, with its threads and without, against what they should be.
func wantCounts(t *testing.T, u *servertest.User, room, when string, together, main counted, threads map[string]counted) {
	t.Helper()
	if got := counts(u, room, `{}`); got.Unread != together || got.Threads != nil {
		t.Errorf("%s: %+v, want %+v", when, got, together)
	}
	if got := counts(u, room, `{"room":{"timeline":{"unread_thread_notifications":true}}}`); got.Unread != main || !maps.Equal(got.Threads, threads) {
		t.Errorf("%s, threads apart: %+v, want %+v and %+v", when, got, main, threads)
	}
}

// Counts by room and by thread, with a muted room, a keyword, the whole room mentioned, a redaction and a restart.
func TestUnreadCountsReachSync(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(map[string]any{"preset": "public_chat"})
	bob.Join(room)
	say := func(body string, more map[string]any) string {
		content := map[string]any{"msgtype": "m.text", "body": body}
		maps.Copy(content, more)
		return alice.Send(room, "m.room.message", content)
	}
	want := func(when string, together, main counted, threads map[string]counted) {
		t.Helper()
		wantCounts(t, bob, room, when, together, main, threads)
	}
	root := say("root", nil)
	inThread := map[string]any{"m.relates_to": map[string]any{"rel_type": "m.thread", "event_id": root}}
	for range 3 {
		say("reply", inThread)
	}
	inThread["m.mentions"] = map[string]any{"user_ids": []string{bob.UserID}}
	mention := say("bob!", inThread)
	for range 250 {
		say("and so on", nil)
	}
	want("a mention far back", counted{255, 1}, counted{251, 0}, map[string]counted{root: {4, 1}})

	push := "/_matrix/client/v3/pushrules/global/"
	bob.Must("PUT", push+"content/tartiflette", map[string]any{"pattern": "tartiflette",
		"actions": []any{"notify", map[string]any{"set_tweak": "highlight"}}}, nil)
	bob.Must("PUT", push+"room/"+url.PathEscape(room), map[string]any{"actions": []any{}}, nil)
	say("nobody is told", nil)
	say("La TARTIFLETTE est prête", nil)
	want("a word in a muted room", counted{256, 2}, counted{252, 1}, map[string]counted{root: {4, 1}})
	all := say("all of you", map[string]any{"m.mentions": map[string]any{"room": true}})
	want("everybody", counted{257, 3}, counted{253, 2}, map[string]counted{root: {4, 1}})

	s.Restart()
	for _, id := range []string{mention, all} {
		alice.Must("PUT", "/_matrix/client/v3/rooms/"+url.PathEscape(room)+"/redact/"+url.PathEscape(id)+"/1", map[string]any{}, nil)
	}
	want("taken back", counted{255, 1}, counted{252, 1}, map[string]counted{root: {3, 0}})
	bob.Must("POST", "/_matrix/client/v3/rooms/"+url.PathEscape(room)+"/receipt/m.read.private/"+url.PathEscape(say("end", nil)), map[string]any{}, nil)
	want("read", counted{}, counted{}, nil)
}

// Receipts in the main timeline, in a thread and in both, where a thread and what else relates to its root lie in between.
func TestReceiptsOfThreadsReachCounts(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	bob.Join(room)
	say := func(relates, mentions object) string {
		return alice.Send(room, "m.room.message", object{"msgtype": "m.text", "body": "x", "m.relates_to": relates, "m.mentions": mentions})
	}
	to := func(relType, id string) object { return object{"rel_type": relType, "event_id": id} }
	him := object{"user_ids": []string{bob.UserID}}
	root := say(object{}, object{})
	reply := say(to("m.thread", root), object{})
	say(to("m.thread", root), him)
	plain := say(object{}, him)
	say(to("m.thread", root), object{})
	reference := say(to("m.reference", root), object{})
	reaction := alice.Send(room, "m.reaction", object{"m.relates_to": object{"rel_type": "m.annotation", "event_id": reference, "key": "x"}})
	wantCounts(t, bob, room, "nothing read", counted{6, 2}, counted{3, 1}, map[string]counted{root: {3, 1}})
	for _, step := range []struct {
		when, event    string
		receipt        object
		together, main counted
		threads        map[string]counted
	}{
		{"the root, in the main timeline", root, object{"thread_id": "main"}, counted{5, 2}, counted{2, 1}, map[string]counted{root: {3, 1}}},
		{"a reply, in the thread", reply, object{"thread_id": root}, counted{4, 2}, counted{2, 1}, map[string]counted{root: {2, 1}}},
		{"a message, in both", plain, object{}, counted{2, 0}, counted{1, 0}, map[string]counted{root: {1, 0}}},
		{"what follows from the root, in the thread", reaction, object{"thread_id": root}, counted{1, 0}, counted{1, 0}, nil},
	} {
		bob.Must("POST", roomPath(room)+"/receipt/m.read/"+url.PathEscape(step.event), step.receipt, nil)
		wantCounts(t, bob, room, step.when, step.together, step.main, step.threads)
	}
}

// Nobody is told of what those whom they ignore say: it would be unread for ever, since no client shows it.
func TestIgnoredUsersAreNotUnread(t *testing.T) {
	s := servertest.Start(t)
	alice, bob, carol := s.Register(t, "alice"), s.Register(t, "bob"), s.Register(t, "carol")
	room := alice.CreateRoom(map[string]any{"preset": "public_chat"})
	bob.Join(room)
	carol.Join(room)
	ignore := func(users map[string]any) {
		bob.Must("PUT", clientV3+"/user/"+url.PathEscape(bob.UserID)+"/account_data/m.ignored_user_list", map[string]any{"ignored_users": users}, nil)
	}
	want := func(when string, n counted, shown ...string) {
		t.Helper()
		wantCounts(t, bob, room, when, n, n, map[string]counted{})
		notifications := notificationsOf(bob, nil)
		if got := notifications.bodies(); !slices.Equal(got, shown) {
			t.Errorf("%s: notifications %q, want %q", when, got, shown)
		}
	}
	mention := func(body string) {
		alice.Send(room, "m.room.message", map[string]any{"msgtype": "m.text", "body": body, "m.mentions": map[string]any{"user_ids": []string{bob.UserID}}})
	}
	alice.SendText(room, "1")
	want("before", counted{1, 0}, "1")
	ignore(map[string]any{alice.UserID: map[string]any{}, bob.UserID: map[string]any{}, "@unknown:elsewhere": map[string]any{}})
	alice.SendText(room, "2")
	mention("3")
	carol.SendText(room, "4")
	want("ignored", counted{2, 0}, "4")
	wantCounts(t, carol, room, "of somebody else", counted{}, counted{}, map[string]counted{})
	s.Restart()
	mention("5")
	bob.Must("PUT", clientV3+"/pushrules/global/content/word", map[string]any{"pattern": "word", "actions": []any{"notify", map[string]any{"set_tweak": "highlight"}}}, nil)
	alice.SendText(room, "a word")
	carol.SendText(room, "6")
	want("after a restart", counted{3, 0}, "6", "4")
	ignore(map[string]any{})
	mention("7")
	want("ignored no more", counted{4, 1}, "7", "6", "4", "1")
}
