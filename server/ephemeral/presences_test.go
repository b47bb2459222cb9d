package ephemeral

import (
	"sync/atomic"
	"testing"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/store"
)

// A presence ends with time: active, here, idle, gone. Source: client-server API, "Presence".
func TestPresencesEndWithTime(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var pos atomic.Int64
	p := newPresences(func() time.Time { return now }, &pos)
	phone := &accounts.Session{User: 1000, UserID: "@alice:hs", Device: 1}
	desk := &accounts.Session{User: 1000, UserID: "@alice:hs", Device: 2}
	is := func(what, presence string, active bool, changes int64) {
		t.Helper()
		p.expire()
		if got := p.of(1000); got.Presence != presence || got.CurrentlyActive != active {
			t.Errorf("%s: %+v", what, got)
		}
		if pos.Load() != changes {
			t.Errorf("%s: %d changes, want %d", what, pos.Load(), changes)
		}
	}
	is("nobody came", Offline, false, 0)
	p.begin(phone, false)
	is("a device asks for news", Online, true, 1)
	p.begin(desk, false)
	p.end(desk)
	now = now.Add(50 * time.Second)
	is("nothing changed for others", Online, true, 1)
	now = now.Add(20 * time.Second)
	is("not active any more", Online, false, 2)
	p.act(phone)
	is("writes", Online, true, 3)
	now = now.Add(5 * time.Minute)
	is("does nothing", Unavailable, false, 4)
	p.act(phone)
	p.begin(phone, true)
	is("says that it is idle", Unavailable, false, 6)
	p.begin(desk, false)
	is("but not on the other device", Online, true, 7)
	p.end(desk)
	p.end(phone)
	now = now.Add(29 * time.Second)
	is("one request of two still runs", Online, true, 7)
	now = now.Add(time.Second)
	is("the desk is gone", Unavailable, false, 8)
	p.end(phone)
	now = now.Add(30 * time.Second)
	is("all are gone", Offline, false, 9)
	if got := p.of(1000); got.LastActiveAgo == nil || *got.LastActiveAgo != 60_000 {
		t.Errorf("last active: %+v", got)
	}
	p.set(phone, Unavailable, "at lunch")
	is("says so", Unavailable, false, 10)
	p.set(phone, Offline, "")
	is("hides", Offline, false, 11)
	p.end(phone)
	if got := p.changed(10, nil); len(got) != 1 || got[0].Presence.Presence != Offline {
		t.Errorf("what changed last: %+v", got)
	}
	if got := p.changed(All, []string{"@alice:hs"}); len(got) != 0 {
		t.Errorf("who is offline is told to those who begin: %+v", got)
	}
	if users := p.takeDirty(10); len(users) != 1 || users[0] != store.Atom(1000) || len(p.takeDirty(10)) != 0 {
		t.Errorf("to announce: %v", users)
	}
}
