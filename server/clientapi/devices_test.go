package clientapi

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

const devicesPath = "/_matrix/client/v3/devices"

func TestDevices(t *testing.T) {
	s := start(t)
	alice, bob := s.register("alice"), s.register("bob")
	phone := s.login("alice", object{"device_id": "PHONE", "initial_device_display_name": "Phone"})
	list := alice.must("GET", devicesPath, nil)["devices"].([]any)
	if len(list) != 2 || list[0].(object)["device_id"] != alice.device || fmt.Sprint(list[1]) != "map[device_id:PHONE display_name:Phone]" {
		t.Fatal(list)
	}
	alice.must("PUT", devicesPath+"/PHONE", object{"display_name": "Téléphone"})
	alice.must("PUT", devicesPath+"/PHONE", object{})
	if d := phone.must("GET", devicesPath+"/PHONE", nil); d["display_name"] != "Téléphone" {
		t.Fatal(d)
	}
	alice.must("PUT", devicesPath+"/PHONE", object{"display_name": ""})
	if d := phone.must("GET", devicesPath+"/PHONE", nil); len(d) != 1 {
		t.Fatal(d)
	}
	for _, u := range []*user{alice, bob} {
		path := devicesPath + map[*user]string{alice: "/NONE", bob: "/PHONE"}[u]
		u.fails(404, "M_NOT_FOUND", "GET", path, nil)
		u.fails(404, "M_NOT_FOUND", "PUT", path, object{"display_name": "x"})
		u.fails(404, "M_NOT_FOUND", "PUT", path, object{})
	}
	alice.fails(400, "M_INVALID_PARAM", "PUT", devicesPath+"/PHONE", object{"display_name": strings.Repeat("x", 256)})
	s.stranger().fails(401, "M_MISSING_TOKEN", "GET", devicesPath, nil)
}

func TestLastSeenIsWrittenByTheLoop(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	alice.must("GET", whoamiPath, nil)
	if d := alice.must("GET", devicesPath+"/"+alice.device, nil); len(d) != 1 {
		t.Fatal("a request wrote when it was seen", d)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.acc.Run(ctx); err != nil { // it writes once more when it ends
		t.Fatal(err)
	}
	d := alice.must("GET", devicesPath+"/"+alice.device, nil)
	if d["last_seen_ip"] != "127.0.0.1" || d["last_seen_ts"] != float64(s.clock.Now().Truncate(time.Minute).UnixMilli()) {
		t.Fatal(d)
	}
}

func TestDeleteDeviceAsksForThePassword(t *testing.T) {
	s := start(t)
	alice, phone := s.register("alice"), s.login("alice", object{"device_id": "PHONE"})
	s.register("bob")
	path := devicesPath + "/PHONE"
	status, challenge := alice.do("DELETE", path, nil)
	if status != 401 || challenge["errcode"] != nil || fmt.Sprint(challenge["flows"]) != "[map[stages:[m.login.password]]]" {
		t.Fatal(status, challenge)
	}
	wrong := password("alice", challenge["session"])
	wrong["password"] = "wrong"
	again := alice.fails(401, "M_FORBIDDEN", "DELETE", path, object{"auth": wrong})
	if again["session"] != challenge["session"] || again["flows"] == nil || again["error"] == "" {
		t.Fatal("after a wrong password the session goes on", again)
	}
	alice.fails(403, "M_FORBIDDEN", "DELETE", path, object{"auth": password("bob", challenge["session"])})
	phone.must("GET", whoamiPath, nil)

	alice.must("DELETE", path, object{"auth": password("alice", challenge["session"])})
	phone.loggedOut(false)
	alice.must("DELETE", path, object{"auth": password("alice", nil)}) // it is gone already
	alice.must("GET", whoamiPath, nil)
}

func TestDeleteDevices(t *testing.T) {
	s := start(t)
	alice, bob := s.register("alice"), s.register("bob")
	a, b, c := s.login("alice", nil), s.login("alice", nil), s.login("alice", nil)
	alice.fails(400, "M_MISSING_PARAM", "POST", "/_matrix/client/v3/delete_devices", object{"auth": password("alice", nil)})
	alice.must("POST", "/_matrix/client/v3/delete_devices", object{"devices": []string{a.device, b.device, "NONE", bob.device},
		"auth": object{"type": "m.login.password", "user": "@alice:mairie.test", "password": "pass-alice"}})
	a.loggedOut(false)
	b.loggedOut(false)
	c.must("GET", whoamiPath, nil)
	bob.must("GET", whoamiPath, nil)
}

// What was proven for one operation, by one user, proves nothing for another; nor does it once it was used or has expired.
func TestUIASessionsAreBound(t *testing.T) {
	s := start(t)
	alice, bob := s.register("alice"), s.register("bob")
	for _, id := range []string{"A", "B"} {
		s.login("alice", object{"device_id": id})
		s.login("bob", object{"device_id": id})
	}
	_, challenge := alice.do("DELETE", devicesPath+"/A", nil)
	session := challenge["session"]
	alice.fails(403, "M_FORBIDDEN", "DELETE", devicesPath+"/B", object{"auth": password("alice", session)})
	alice.fails(403, "M_FORBIDDEN", "POST", "/_matrix/client/v3/delete_devices", object{"devices": []string{"A"}, "auth": password("alice", session)})
	bob.fails(403, "M_FORBIDDEN", "DELETE", devicesPath+"/A", object{"auth": password("bob", session)})
	alice.must("DELETE", devicesPath+"/A", object{"auth": password("alice", session)})

	s.login("alice", object{"device_id": "A"})
	status, anew := alice.do("DELETE", devicesPath+"/A", object{"auth": object{"session": session}})
	if status != 401 || len(anew["completed"].([]any)) != 0 {
		t.Fatal("a used session goes on", status, anew)
	}
	s.clock.advance(15 * time.Minute)
	status, later := alice.do("DELETE", devicesPath+"/A", object{"auth": object{"session": anew["session"]}})
	if status != 401 || later["session"] == anew["session"] {
		t.Fatal("a session does not expire", status, later)
	}
}
