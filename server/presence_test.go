package server_test

import (
	"net/url"
	"testing"

	"beffroi/server/config"
	"beffroi/server/servertest"
)

type presenceAnswer struct {
	Presence        string
	Status          string `json:"status_msg"`
	CurrentlyActive bool   `json:"currently_active"`
	LastActiveAgo   *int64 `json:"last_active_ago"`
}

func statusPath(u *servertest.User) string {
	return "/_matrix/client/v3/presence/" + url.PathEscape(u.UserID) + "/status"
}

func withPresence(c *config.Config) { c.Presence.Enabled = true }

// presences are those that an answer of /sync tells, by user id.
func presences(u *servertest.User, since, query string) (told map[string]presenceAnswer, next string) {
	var answer struct {
		NextBatch string `json:"next_batch"`
		Presence  struct {
			Events []struct {
				Type, Sender string
				Content      presenceAnswer
			}
		}
	}
	u.Must("GET", "/_matrix/client/v3/sync?since="+url.QueryEscape(since)+"&"+query, nil, &answer)
	told = map[string]presenceAnswer{}
	for _, e := range answer.Presence.Events {
		told[e.Sender] = e.Content
	}
	return told, answer.NextBatch
}

// Source: client-server API, "Presence".
func TestPresenceIsToldToThoseWhoShareARoom(t *testing.T) {
	s := servertest.Start(t, withPresence)
	alice, bob, stranger := s.Register(t, "alice"), s.Register(t, "bob"), s.Register(t, "stranger")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	bob.Join(room)
	var p presenceAnswer
	bob.Must("GET", statusPath(alice), nil, &p)
	if p.Presence != "offline" || p.LastActiveAgo != nil {
		t.Errorf("alice is %+v before she comes", p)
	}
	told, since := presences(bob, "", "set_presence=offline")
	alice.Must("PUT", statusPath(alice), object{"presence": "unavailable", "status_msg": "en réunion"}, nil)
	for range 3 { // the first may only tell that she came
		if told[alice.UserID].Status == "" {
			told, since = presences(bob, since, "timeout=20000&set_presence=offline")
		}
	}
	if p := told[alice.UserID]; p.Presence != "unavailable" || p.Status != "en réunion" || p.CurrentlyActive {
		t.Errorf("bob hears %+v", p)
	}
	stranger.MustFail(403, "M_FORBIDDEN", "GET", statusPath(alice), nil)
	stranger.MustFail(403, "M_FORBIDDEN", "PUT", statusPath(alice), object{"presence": "online"})
	alice.MustFail(400, "M_INVALID_PARAM", "PUT", statusPath(alice), object{"presence": "busy"})
	alice.MustFail(400, "M_MISSING_PARAM", "PUT", statusPath(alice), object{})
	if told, _ := presences(stranger, "", ""); len(told) > 1 || told[alice.UserID].Presence != "" {
		t.Errorf("a stranger hears %+v", told)
	}

	// Who writes is active again.
	alice.SendText(room, "me voilà")
	bob.Must("GET", statusPath(alice), nil, &p)
	if p.Presence != "online" || !p.CurrentlyActive || p.LastActiveAgo == nil || *p.LastActiveAgo > 60_000 {
		t.Errorf("alice writes and is %+v", p)
	}
	// Who meets somebody hears how they are.
	_, met := presences(stranger, "", "set_presence=offline")
	stranger.Join(room)
	if told, _ := presences(stranger, met, "set_presence=offline"); told[alice.UserID].Presence != "online" {
		t.Errorf("a newcomer hears %+v", told)
	}
	// A filter leaves it out.
	if told, _ := presences(bob, "", "filter="+url.QueryEscape(`{"presence":{"not_types":["m.presence"]}}`)); len(told) != 0 {
		t.Errorf("in spite of the filter: %+v", told)
	}
}

func TestSyncMakesOnlineUnlessItSaysOtherwise(t *testing.T) {
	s := servertest.Start(t, withPresence)
	alice := s.Register(t, "alice")
	is := func(query, want string) {
		t.Helper()
		presences(alice, "", query)
		var p presenceAnswer
		alice.Must("GET", statusPath(alice), nil, &p)
		if p.Presence != want {
			t.Errorf("after a sync with %q: %+v", query, p)
		}
	}
	is("set_presence=offline", "offline")
	is("", "online")
	is("set_presence=unavailable", "unavailable")
	is("set_presence=online", "online")
	db := beside(t, s)
	db.SetMaxOpenConns(1) // the version is what one connection sees of the others' writes
	before := count(t, db, `PRAGMA data_version`)
	is("set_presence=unavailable", "unavailable")
	if after := count(t, db, `PRAGMA data_version`); after != before {
		t.Error("presence is written to the database")
	}
}

// A town hall that didn't switch presence on watches over nobody.
func TestPresenceIsOffByDefault(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	alice.MustFail(403, "M_FORBIDDEN", "PUT", statusPath(alice), object{"presence": "online"})
	alice.MustFail(403, "M_FORBIDDEN", "GET", statusPath(alice), nil)
	if told, _ := presences(alice, "", ""); len(told) != 0 {
		t.Errorf("%+v", told)
	}
}
