package clientapi

import (
	"fmt"
	"strings"
	"testing"
)

// backup makes a version of the key backup.
func (d *device) backup() string {
	d.Helper()
	return d.post("/room_keys/version", m{"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": m{"public_key": "abc"}}).ok().at("version").(string)
}

func sessionKey(verified bool, first, forwarded int) m {
	return m{"first_message_index": first, "forwarded_count": forwarded, "is_verified": verified, "session_data": m{"first": fmt.Sprint(verified, first, forwarded)}}
}

func keysPath(version string, ids ...string) string {
	path := "/room_keys/keys"
	for _, id := range ids {
		path += "/" + escape(id)
	}
	return path + "?version=" + version
}

func TestBackupVersions(t *testing.T) {
	h := newHall(t)
	alice, bob := h.login("alice", "A"), h.login("bob", "B")
	alice.get("/room_keys/version").fails(404, "M_NOT_FOUND")
	one := alice.backup()
	alice.get("/room_keys/version").ok().is(`{"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {"public_key": "abc"}, "count": 0, "etag": "0", "version": "1"}`)
	two := alice.backup()
	alice.get("/room_keys/version").ok().is(`"2"`, "version")
	alice.get("/room_keys/version/"+one).ok().is(`"1"`, "version")
	for _, version := range []string{"3", "x", "01", "-1", "99999999999999999999"} {
		alice.get("/room_keys/version/"+version).fails(404, "M_NOT_FOUND")
		alice.do("DELETE", "/room_keys/version/"+version, nil).fails(404, "M_NOT_FOUND")
	}
	bob.get("/room_keys/version/"+one).fails(404, "M_NOT_FOUND")

	info := m{"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": m{"public_key": "new"}, "version": one}
	alice.put("/room_keys/version/"+one, info).ok()
	alice.get("/room_keys/version/"+one).ok().is(`{"public_key": "new"}`, "auth_data")
	alice.put("/room_keys/version/"+two, info).fails(400, "M_INVALID_PARAM")
	alice.put("/room_keys/version/"+one, m{"algorithm": "other", "auth_data": m{}}).fails(400, "M_INVALID_PARAM")
	bob.put("/room_keys/version/"+one, info).fails(404, "M_NOT_FOUND")

	for range 2 {
		alice.do("DELETE", "/room_keys/version/"+two, nil).ok()
	}
	alice.get("/room_keys/version/"+two).fails(404, "M_NOT_FOUND")
	alice.get(keysPath(two)).fails(404, "M_NOT_FOUND")
	alice.put("/room_keys/version/"+two, m{"algorithm": "x", "auth_data": m{}}).fails(404, "M_NOT_FOUND")
	alice.get("/room_keys/version").ok().is(`"1"`, "version")
	if three := alice.backup(); three != "3" {
		t.Errorf("a deleted version is given again: %s", three)
	}
}

func TestBackupVersionsAreBounded(t *testing.T) {
	h := newHall(t)
	alice, bob := h.login("alice", "A"), h.login("bob", "B")
	for range 100 {
		alice.backup()
	}
	another := m{"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": m{}}
	alice.post("/room_keys/version", another).fails(403, "M_FORBIDDEN")
	bob.backup()
	alice.do("DELETE", "/room_keys/version/1", nil).ok()
	alice.backup()
}

func TestBackupsAreChecked(t *testing.T) {
	alice := newHall(t).login("alice", "A")
	for name, body := range map[string]any{
		"nothing": m{}, "no algorithm": m{"auth_data": m{}}, "no auth_data": m{"algorithm": "x"}, "auth_data a text": m{"algorithm": "x", "auth_data": "y"},
		"auth_data null": m{"algorithm": "x", "auth_data": nil}, "algorithm a number": m{"algorithm": 1, "auth_data": m{}},
	} {
		if a := alice.post("/room_keys/version", body); a.status != 400 || a.at("errcode") != "M_BAD_JSON" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	v := alice.backup()
	for name, change := range map[string]func(m){
		"no index": func(k m) { delete(k, "first_message_index") }, "no count": func(k m) { delete(k, "forwarded_count") },
		"no verified": func(k m) { delete(k, "is_verified") }, "no data": func(k m) { delete(k, "session_data") },
		"data a text": func(k m) { k["session_data"] = "x" }, "index a text": func(k m) { k["first_message_index"] = "0" },
		"fraction": func(k m) { k["forwarded_count"] = 0.5 }, "verified a number": func(k m) { k["is_verified"] = 1 },
	} {
		key := sessionKey(true, 0, 0)
		change(key)
		if a := alice.put(keysPath(v, "!r:hs", "s"), key); a.status != 400 || a.at("errcode") != "M_BAD_JSON" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	alice.put(keysPath(v), m{}).fails(400, "M_BAD_JSON")
	alice.put(keysPath(v), m{"rooms": m{"!r:hs": m{}}}).fails(400, "M_BAD_JSON")
	alice.put(keysPath(v), m{"rooms": m{"!r:hs": nil}}).fails(400, "M_BAD_JSON")
	alice.put(keysPath(v, "!r:hs"), m{"sessions": m{"s": nil}}).fails(400, "M_BAD_JSON")
	alice.put(keysPath(v), m{"rooms": m{"r": m{"sessions": m{}}}}).fails(400, "M_INVALID_PARAM")
	alice.put(keysPath(v, "!r:hs", "s"), sessionKey(true, -1, 0)).fails(400, "M_INVALID_PARAM")
	alice.put(keysPath(v), strings.Repeat(" ", 16<<20)+"{}").fails(413, "M_TOO_LARGE")
	alice.put("/room_keys/keys", m{"rooms": m{}}).fails(400, "M_MISSING_PARAM")
	alice.get("/room_keys/keys").fails(400, "M_MISSING_PARAM")
	alice.get("/room_keys/version").ok().is(`0`, "count")
}

func TestBackedUpKeysComeBack(t *testing.T) {
	h := newHall(t)
	alice, bob := h.login("alice", "A"), h.login("bob", "B")
	v := alice.backup()
	bob.backup()
	a, b := sessionKey(true, 0, 0), sessionKey(false, 3, 2)
	alice.put(keysPath(v, "!one:hs", "a"), a).ok().is(`{"count": 1, "etag": "1"}`)
	alice.put(keysPath(v, "!one:hs"), m{"sessions": m{"a": a, "b/b": b}}).ok().is(`{"count": 2, "etag": "2"}`)
	alice.put(keysPath(v), m{"rooms": m{"!one:hs": m{"sessions": m{"a": a}}, "!two:hs": m{"sessions": m{"c": b}}}}).ok().is(`{"count": 3, "etag": "3"}`)
	alice.put(keysPath(v), m{"rooms": m{"!one:hs": m{"sessions": m{"a": a}}}}).ok().is(`{"count": 3, "etag": "3"}`)
	alice.put(keysPath(v), m{"rooms": m{}}).ok().is(`{"count": 3, "etag": "3"}`)

	same := func(got any, want m) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
	same(alice.get(keysPath(v)).ok().at(), m{"rooms": m{"!one:hs": m{"sessions": m{"a": a, "b/b": b}}, "!two:hs": m{"sessions": m{"c": b}}}})
	same(alice.get(keysPath(v, "!one:hs")).ok().at(), m{"sessions": m{"a": a, "b/b": b}})
	same(alice.get(keysPath(v, "!three:hs")).ok().at(), m{"sessions": m{}})
	same(alice.get(keysPath(v, "!one:hs", "b/b")).ok().at(), b)
	alice.get(keysPath(v, "!one:hs", "c")).fails(404, "M_NOT_FOUND")
	same(bob.get(keysPath(v)).ok().at(), m{"rooms": m{}})

	alice.do("DELETE", keysPath(v, "!one:hs", "a"), nil).ok().is(`{"count": 2, "etag": "4"}`)
	alice.do("DELETE", keysPath(v, "!one:hs", "a"), nil).ok().is(`{"count": 2, "etag": "4"}`)
	alice.do("DELETE", keysPath(v, "!one:hs"), nil).ok().is(`{"count": 1, "etag": "5"}`)
	alice.do("DELETE", keysPath(v), nil).ok().is(`{"count": 0, "etag": "6"}`)
	same(alice.get(keysPath(v)).ok().at(), m{"rooms": m{}})
	for _, path := range []string{keysPath("9"), keysPath("9", "!one:hs"), keysPath("9", "!one:hs", "a")} {
		alice.get(path).fails(404, "M_NOT_FOUND")
		alice.do("DELETE", path, nil).fails(404, "M_NOT_FOUND")
	}
}

func TestKeysGoToTheCurrentVersionOnly(t *testing.T) {
	alice := newHall(t).login("alice", "A")
	key := sessionKey(true, 0, 0)
	alice.put(keysPath("1", "!r:hs", "s"), key).fails(404, "M_NOT_FOUND")
	one := alice.backup()
	alice.put(keysPath(one, "!r:hs", "s"), key).ok()
	two := alice.backup()
	alice.put(keysPath(one, "!r:hs", "t"), key).fails(403, "M_WRONG_ROOM_KEYS_VERSION").is(`"2"`, "current_version")
	alice.put(keysPath("3", "!r:hs", "t"), key).fails(404, "M_NOT_FOUND")
	alice.get(keysPath(one)).ok()
	alice.do("DELETE", "/room_keys/version/"+two, nil).ok()
	alice.put(keysPath(two, "!r:hs", "t"), key).fails(404, "M_NOT_FOUND")
	alice.put(keysPath(one, "!r:hs", "t"), key).ok().is(`2`, "count")
}

// Spec: client-server API, "Server-side key backups".
func TestTheBetterKeyStays(t *testing.T) {
	alice := newHall(t).login("alice", "A")
	v := alice.backup()
	for _, c := range []struct {
		name     string
		old, new m
		replaces bool
	}{
		{"verified", sessionKey(false, 1, 1), sessionKey(true, 9, 9), true},
		{"not verified", sessionKey(true, 9, 9), sessionKey(false, 1, 1), false},
		{"lower index", sessionKey(true, 5, 1), sessionKey(true, 4, 9), true},
		{"higher index", sessionKey(true, 5, 9), sessionKey(true, 6, 1), false},
		{"forwarded less", sessionKey(false, 5, 5), sessionKey(false, 5, 4), true},
		{"forwarded more", sessionKey(false, 5, 5), sessionKey(false, 5, 6), false},
	} {
		path := keysPath(v, "!r:hs", c.name)
		before := alice.put(path, c.old).ok()
		after := alice.put(path, c.new).ok()
		want := c.old
		if c.replaces {
			want = c.new
		}
		if got := alice.get(path).ok().at(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v is kept", c.name, got)
		}
		if (before.at("etag") != after.at("etag")) != c.replaces || before.at("count") != after.at("count") {
			t.Errorf("%s: %s became %s", c.name, before.body, after.body)
		}
	}
}

func TestALargeBackupGoesInPartsAndIsDeletedWhole(t *testing.T) {
	h := newHall(t)
	alice := h.login("alice", "A")
	v := alice.backup()
	sessions := m{}
	for i := range 1201 {
		sessions[fmt.Sprint(i)] = sessionKey(true, 0, 0)
	}
	alice.put(keysPath(v, "!r:hs"), m{"sessions": sessions}).ok().is(`1201`, "count")
	if got := alice.get(keysPath(v, "!r:hs")).ok().at("sessions").(m); len(got) != 1201 {
		t.Errorf("%d keys came back", len(got))
	}
	commits := h.db.Syncs()
	alice.do("DELETE", keysPath(v), nil).ok().is(`0`, "count")
	if n := h.db.Syncs() - commits; n < 3 {
		t.Errorf("1201 keys were deleted in %d writes: everybody waits for them", n)
	}
	alice.put(keysPath(v, "!r:hs"), m{"sessions": sessions}).ok().is(`1201`, "count")
	alice.do("DELETE", "/room_keys/version/"+v, nil).ok()
	h.wantRows(0, `SELECT count(*) FROM key_backup_session`)
}
