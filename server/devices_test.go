package server_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"beffroi/server/servertest"
	"beffroi/server/store"
)

const dehydratedPath = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device"

// beside opens a server's database from another connection.
func beside(t *testing.T, s *servertest.Server) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.DataDir(), store.FileName)+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func count(t *testing.T, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// eventually waits for what a background loop does.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	end := time.Now().Add(20 * time.Second)
	for !is() {
		if time.Now().After(end) {
			t.Fatal("not yet: " + what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func dehydrated(u *servertest.User, id string) object {
	return object{"device_id": id, "device_data": object{"algorithm": "org.matrix.msc3814.v2", "device_pickle": "sealed", "nonce": "n"},
		"initial_device_display_name": "asleep",
		"device_keys": object{"user_id": u.UserID, "device_id": id, "dehydrated": true, "algorithms": []string{"m.olm.v1.curve25519-aes-sha2"},
			"keys": object{"ed25519:" + id: "key"}, "signatures": object{u.UserID: object{"ed25519:" + id: "signature"}}},
		"one_time_keys": object{"signed_curve25519:1": object{"key": "one", "signatures": object{}}},
		"fallback_keys": object{"signed_curve25519:2": object{"key": "fallback", "fallback": true, "signatures": object{}}}}
}

// Source: MSC3814.
func TestADehydratedDeviceWaitsForMessages(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	bob.Join(room)
	since := bob.Sync("", "").NextBatch

	alice.MustFail(404, "M_NOT_FOUND", "GET", dehydratedPath, nil)
	alice.MustFail(404, "M_NOT_FOUND", "DELETE", dehydratedPath, nil)
	alice.Must("PUT", dehydratedPath, dehydrated(alice, "first"), nil)
	alice.Must("PUT", dehydratedPath, dehydrated(alice, "asleep"), nil)
	var there struct {
		DeviceID string            `json:"device_id"`
		Data     map[string]string `json:"device_data"`
	}
	alice.Must("GET", dehydratedPath, nil, &there)
	if there.DeviceID != "asleep" || there.Data["device_pickle"] != "sealed" {
		t.Errorf("%+v", there)
	}
	if lists := bob.Sync(since, "").DeviceLists.Changed; len(lists) != 1 || string(lists[0]) != alice.UserID {
		t.Error("bob hears of changes of", lists)
	}
	var keys struct {
		DeviceKeys map[string]map[string]struct{ Dehydrated bool } `json:"device_keys"`
	}
	bob.Must("POST", "/_matrix/client/v3/keys/query", object{"device_keys": object{alice.UserID: []string{}}}, &keys)
	if got := keys.DeviceKeys[alice.UserID]; len(got) != 1 || !got["asleep"].Dehydrated {
		t.Errorf("alice's keys: %+v", got)
	}
	for i, want := range []string{"one", "fallback", "fallback"} {
		_, answer := bob.Raw("POST", "/_matrix/client/v3/keys/claim", object{"one_time_keys": object{alice.UserID: object{"asleep": "signed_curve25519"}}})
		if !strings.Contains(string(answer), `"key":"`+want+`"`) {
			t.Errorf("claim %d: %s", i, answer)
		}
	}
	for i := range 205 {
		bob.Must("PUT", fmt.Sprintf("/_matrix/client/v3/sendToDevice/m.test/%d", i), object{"messages": object{alice.UserID: object{"*": object{"n": i}}}}, nil)
	}
	s.Restart()
	readsAll(t, alice, "GET", "from")
	readsAll(t, alice, "POST", "next_batch")
	alice.MustFail(403, "M_FORBIDDEN", "GET", dehydratedPath+"/first/events", nil)
	bob.MustFail(403, "M_FORBIDDEN", "GET", dehydratedPath+"/asleep/events", nil)
	alice.MustFail(400, "M_INVALID_PARAM", "GET", dehydratedPath+"/asleep/events?from=x", nil)
	alice.MustFail(403, "M_FORBIDDEN", "POST", "/_matrix/client/v3/login", object{"type": "m.login.password", "device_id": "asleep", "password": "alice",
		"identifier": object{"type": "m.id.user", "user": "alice"}})

	var gone struct {
		DeviceID string `json:"device_id"`
	}
	alice.Must("DELETE", dehydratedPath, nil, &gone)
	if gone.DeviceID != "asleep" {
		t.Errorf("%+v", gone)
	}
	alice.MustFail(404, "M_NOT_FOUND", "GET", dehydratedPath, nil)
	db := beside(t, s)
	eventually(t, "its messages are removed", func() bool {
		return count(t, db, `SELECT count(*) FROM to_device WHERE device NOT IN (SELECT id FROM device)`) == 0
	})
	if n := count(t, db, `SELECT count(*) FROM to_device`); n != 205 {
		t.Error(n, "messages wait for the other device")
	}
}

// readsAll reads 205 messages for the dehydrated device, as clients of the present text (GET) and of the one before (POST) do.
func readsAll(t *testing.T, u *servertest.User, method, parameter string) {
	t.Helper()
	var token string
	n := 0
	for page := 0; ; page++ {
		var answer struct {
			Events    []struct{ Content struct{ N int } }
			NextBatch string `json:"next_batch"`
		}
		path, body := dehydratedPath+"/asleep/events", any(nil)
		if method == "POST" {
			body = object{parameter: token}
		} else if token != "" {
			path += "?" + parameter + "=" + token
		}
		u.Must(method, path, body, &answer)
		for _, e := range answer.Events {
			if e.Content.N != n {
				t.Fatalf("%s: message %d is %d", method, n, e.Content.N)
			}
			n++
		}
		if token = answer.NextBatch; method == "GET" && token == "" || method == "POST" && len(answer.Events) == 0 {
			break
		}
	}
	if n != 205 {
		t.Errorf("%s: %d messages", method, n)
	}
}

func TestDehydratedDevicesAreChecked(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	for name, change := range map[string]func(object){
		"M_MISSING_PARAM": func(b object) { delete(b, "device_keys") },
		"M_INVALID_PARAM": func(b object) { b["device_id"] = alice.DeviceID },
		"M_BAD_JSON":      func(b object) { b["device_data"] = object{} },
	} {
		body := dehydrated(alice, "x")
		change(body)
		alice.MustFail(400, name, "PUT", dehydratedPath, body)
	}
	live := dehydrated(alice, alice.DeviceID)
	alice.MustFail(400, "M_INVALID_PARAM", "PUT", dehydratedPath, live)
	large := dehydrated(alice, "x")
	large["device_data"] = object{"algorithm": "a", "device_pickle": strings.Repeat("x", 128<<10)}
	alice.MustFail(413, "M_TOO_LARGE", "PUT", dehydratedPath, large)
	many := object{}
	for i := range 17 {
		many[fmt.Sprintf("alg%d:1", i)] = "x"
	}
	alice.MustFail(413, "M_TOO_LARGE", "POST", "/_matrix/client/v3/keys/upload", object{"one_time_keys": many})
	alice.MustFail(404, "M_NOT_FOUND", "GET", dehydratedPath, nil)
	alice.Must("PUT", dehydratedPath, dehydrated(alice, "x"), nil)
	alice.Must("POST", "/_matrix/client/v3/logout/all", object{}, nil)
	s.Login(t, "alice").MustFail(404, "M_NOT_FOUND", "GET", dehydratedPath, nil)
}

// A request that waits ends with its device, and says so.
func TestSyncEndsWithTheLogOut(t *testing.T) {
	for name, logout := range map[string]func(u, other *servertest.User){
		"logout":     func(u, _ *servertest.User) { u.Must("POST", "/_matrix/client/v3/logout", object{}, nil) },
		"logout/all": func(_, other *servertest.User) { other.Must("POST", "/_matrix/client/v3/logout/all", object{}, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.Start(t)
			alice := s.Register(t, "alice")
			other := s.Login(t, "alice")
			since := alice.Sync("", "").NextBatch
			ended := make(chan string, 1)
			go func() {
				status, answer := alice.Raw("GET", "/_matrix/client/v3/sync?timeout=60000&since="+since, nil)
				ended <- fmt.Sprint(status, " ", string(answer))
			}()
			eventually(t, "the sync waits", func() bool { return s.Waiting() == 1 })
			logout(alice, other)
			if got := <-ended; !strings.HasPrefix(got, "401") || !strings.Contains(got, "M_UNKNOWN_TOKEN") {
				t.Error("the sync answered", got)
			}
		})
	}
}

// Who has as many devices as there can be loses the one that was seen longest ago.
func TestDevicesOfAUserAreBounded(t *testing.T) {
	s := servertest.Start(t)
	first := s.Register(t, "alice")
	for range 249 {
		s.Login(t, "alice")
	}
	first.Must("GET", "/_matrix/client/v3/account/whoami", nil, nil)
	last := s.Login(t, "alice")
	first.MustFail(401, "M_UNKNOWN_TOKEN", "GET", "/_matrix/client/v3/account/whoami", nil)
	var answer struct{ Devices []json.RawMessage }
	last.Must("GET", "/_matrix/client/v3/devices", nil, &answer)
	if len(answer.Devices) != 250 {
		t.Error(len(answer.Devices), "devices")
	}
}

// Source: client-server API, "Account suspension".
func TestASuspendedAccountReadsAndLeaves(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	second := alice.CreateRoom(object{"preset": "public_chat"})
	bob.Join(room)
	bob.Join(second)
	own, others := bob.SendText(room, "mine"), alice.SendText(room, "hers")
	if _, err := beside(t, s).Exec(`UPDATE account SET state = ? WHERE user = (SELECT id FROM atom WHERE text = ?)`, store.AccountSuspended, bob.UserID); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	in := "/_matrix/client/v3/rooms/" + room
	bob.Sync("", "")
	bob.Must("GET", in+"/messages?dir=b", nil, nil)
	for _, refused := range []struct {
		method, path string
		body         object
	}{
		{"PUT", in + "/send/m.room.message/1", object{"msgtype": "m.text", "body": "x"}},
		{"PUT", in + "/send/m.room.redaction/2", object{"redacts": others}},
		{"PUT", in + "/redact/" + others + "/3", object{}},
		{"PUT", in + "/state/m.room.topic", object{"topic": "x"}},
		{"PUT", in + "/state/m.room.member/" + bob.UserID, object{"membership": "join", "displayname": "x"}},
		{"PUT", in + "/typing/" + bob.UserID, object{"typing": true, "timeout": 1000}},
		{"POST", in + "/invite", object{"user_id": alice.UserID}},
		{"POST", in + "/kick", object{"user_id": alice.UserID}},
		{"POST", in + "/join", object{}},
		{"POST", "/_matrix/client/v3/join/" + room, object{}},
		{"POST", "/_matrix/client/v3/knock/" + room, object{}},
		{"POST", "/_matrix/client/v3/createRoom", object{}},
		{"POST", in + "/upgrade", object{"new_version": "12"}},
		{"POST", "/_matrix/media/v3/upload", object{}},
		{"PUT", "/_matrix/client/v3/profile/" + bob.UserID + "/displayname", object{"displayname": "x"}},
		{"PUT", "/_matrix/client/v3/directory/room/%23x:" + s.ServerName, object{"room_id": room}},
	} {
		bob.MustFail(http.StatusForbidden, "M_USER_SUSPENDED", refused.method, refused.path, refused.body)
	}
	bob.Must("PUT", in+"/redact/"+own+"/4", object{}, nil)
	bob.Must("POST", "/_matrix/client/v3/keys/upload", object{}, nil)
	bob.Must("PUT", "/_matrix/client/v3/sendToDevice/m.key.verification.request/1", object{"messages": object{}}, nil)
	bob.Must("POST", "/_matrix/client/v3/room_keys/version", object{"algorithm": "a", "auth_data": object{}}, nil)
	bob.Must("POST", in+"/leave", object{}, nil)
	bob.Must("PUT", "/_matrix/client/v3/rooms/"+second+"/state/m.room.member/"+bob.UserID, object{"membership": "leave"}, nil)
	s.Login(t, "bob").Must("POST", "/_matrix/client/v3/logout", object{}, nil)
}

// Source: client-server API, "Account deactivation", erase.
func TestErasureRemovesKeyBackupsAndMedia(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	upload := func(u *servertest.User, body string) string {
		var answer struct {
			URI string `json:"content_uri"`
		}
		u.Must("POST", "/_matrix/media/v3/upload", []byte(body), &answer)
		return "/_matrix/client/v1/media/download/" + strings.TrimPrefix(answer.URI, "mxc://")
	}
	var hers []string
	for i := range 120 {
		hers = append(hers, upload(alice, fmt.Sprint("only hers ", i)))
	}
	shared, his := upload(alice, "both have this"), upload(bob, "both have this")
	var version struct{ Version string }
	for range 2 {
		alice.Must("POST", "/_matrix/client/v3/room_keys/version", object{"algorithm": "a", "auth_data": object{}}, &version)
		alice.Must("PUT", "/_matrix/client/v3/room_keys/keys/!r:hs/s?version="+version.Version,
			object{"first_message_index": 0, "forwarded_count": 0, "is_verified": true, "session_data": object{"sealed": "x"}}, nil)
	}
	var flow struct{ Session string }
	deactivate := object{"erase": true}
	alice.Do("POST", "/_matrix/client/v3/account/deactivate", deactivate, &flow)
	deactivate["auth"] = object{"type": "m.login.password", "session": flow.Session, "password": "alice", "identifier": object{"type": "m.id.user", "user": "alice"}}
	alice.Must("POST", "/_matrix/client/v3/account/deactivate", deactivate, nil)

	for _, path := range append(hers, shared) {
		bob.MustFail(404, "M_NOT_FOUND", "GET", path, nil)
	}
	if status, answer := bob.Raw("GET", his, nil); status != 200 || string(answer) != "both have this" {
		t.Errorf("bob's file: %d %s", status, answer)
	}
	db := beside(t, s)
	if n := count(t, db, `SELECT count(*) FROM key_backup_session`) + count(t, db, `SELECT count(*) FROM key_backup WHERE deleted = 0`); n != 0 {
		t.Error(n, "rows of key backups are left")
	}
	files, err := filepath.Glob(filepath.Join(s.DataDir(), "media", "[0-9a-f][0-9a-f]", "*"))
	if err != nil || len(files) != 1 {
		t.Error(len(files), "files are left", err)
	}
}

// A backup of keys of many megabytes comes page by page, and whole.
func TestALargeKeyBackupComesBack(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	var version struct{ Version string }
	alice.Must("POST", "/_matrix/client/v3/room_keys/version", object{"algorithm": "a", "auth_data": object{}}, &version)
	keys := "/_matrix/client/v3/room_keys/keys"
	query := "?version=" + version.Version
	var empty map[string]any
	alice.Must("GET", keys+query, nil, &empty)
	alice.Must("GET", keys+"/!r:hs"+query, nil, &empty)
	rooms := object{}
	for r := range 3 {
		sessions := object{}
		for i := range 40 {
			sessions[fmt.Sprintf("s\"%d", i)] = object{"first_message_index": i, "forwarded_count": r, "is_verified": i%2 == 0,
				"session_data": object{"sealed": strings.Repeat("x", 30<<10)}}
		}
		rooms[fmt.Sprintf("!r%d:hs", r)] = object{"sessions": sessions}
	}
	alice.Must("PUT", keys+query, object{"rooms": rooms}, nil)
	want, err := json.Marshal(object{"rooms": rooms})
	if err != nil {
		t.Fatal(err)
	}
	var got any
	alice.Must("GET", keys+query, nil, &got)
	if back, err := json.Marshal(got); err != nil || string(back) != string(want) {
		t.Errorf("%d bytes came back of %d: %v", len(back), len(want), err)
	}
	alice.Must("GET", keys+"/!r1:hs"+query, nil, &got)
	one, _ := json.Marshal(rooms["!r1:hs"])
	if back, err := json.Marshal(got); err != nil || string(back) != string(one) {
		t.Errorf("of one room %d bytes came back of %d: %v", len(back), len(one), err)
	}
}
