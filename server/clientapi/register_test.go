package clientapi

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"beffroi/server/accounts"
)

const (
	registerPath  = "/_matrix/client/v3/register"
	availablePath = "/_matrix/client/v3/register/available?username="
	secretPath    = "/_synapse/admin/v1/register"
)

func dummy(more object) object {
	body := object{"auth": object{"type": "m.login.dummy"}}
	for k, v := range more {
		body[k] = v
	}
	return body
}

func TestRegisterInOneRequest(t *testing.T) {
	s := start(t)
	answer := s.stranger().must("POST", registerPath, dummy(object{"username": "Alice", "password": "pass-alice", "device_id": "PHONE",
		"initial_device_display_name": "My phone", "refresh_token": true}))
	alice := s.as(answer)
	if alice.id != "@alice:mairie.test" || alice.device != "PHONE" || answer["home_server"] != testServer || answer["expires_in_ms"] != 3600000.0 {
		t.Fatal(answer)
	}
	if d := alice.must("GET", "/_matrix/client/v3/devices/PHONE", nil); d["display_name"] != "My phone" {
		t.Fatal(d)
	}
	alice.refresh().must("GET", whoamiPath, nil)
	s.login("alice", nil)
}

func TestRegisterInTwoRequests(t *testing.T) {
	s := start(t)
	stranger := s.stranger()
	status, challenge := stranger.do("POST", registerPath, object{})
	if status != 401 || challenge["errcode"] != nil || fmt.Sprint(challenge["flows"]) != "[map[stages:[m.login.dummy]]]" || challenge["params"] == nil {
		t.Fatal(status, challenge)
	}
	body := object{"auth": object{"type": "m.login.dummy", "session": challenge["session"]}, "password": "pass-x"}
	made := s.as(stranger.must("POST", registerPath, body))
	if !strings.HasPrefix(made.id, "@") || len(made.id) != len("@abcdefghijkl:mairie.test") {
		t.Fatal("the server makes a name where none is given", made.id)
	}
}

func TestRegisterWithoutLogin(t *testing.T) {
	s := start(t)
	answer := s.stranger().must("POST", registerPath, dummy(object{"username": "alice", "password": "pass-alice", "inhibit_login": true}))
	if answer["user_id"] != "@alice:mairie.test" || answer["access_token"] != nil || answer["device_id"] != nil {
		t.Fatal(answer)
	}
	if n := len(s.login("alice", nil).must("GET", "/_matrix/client/v3/devices", nil)["devices"].([]any)); n != 1 {
		t.Fatal("devices:", n)
	}
}

func TestUserNames(t *testing.T) {
	s := start(t)
	stranger := s.stranger()
	for _, name := range []string{"q", "3", ".", "_", "=", "-", "/", "+", "a.b_c=d-e/f+g", strings.Repeat("a", 255-len("@:mairie.test"))} {
		if stranger.must("GET", availablePath+strings.ReplaceAll(name, "+", "%2B"), nil)["available"] != true {
			t.Error(name)
		}
		answer := stranger.must("POST", registerPath, dummy(object{"username": name, "password": "x"}))
		if answer["user_id"] != "@"+name+":mairie.test" {
			t.Error(answer)
		}
		stranger.fails(400, "M_USER_IN_USE", "POST", registerPath, object{"username": name})
		stranger.fails(400, "M_USER_IN_USE", "GET", availablePath+strings.ReplaceAll(strings.ToUpper(name), "+", "%2B"), nil)
	}
	for _, name := range []string{"!", "\"", ":", "?", "\\", "@", "[", "]", "{", "|", "}", "£", "é", "\n", "'", " ", "a b", strings.Repeat("a", 256-len("@:mairie.test"))} {
		stranger.fails(400, "M_INVALID_USERNAME", "POST", registerPath, object{"username": name, "password": "x"})
	}
	stranger.fails(400, "M_INVALID_USERNAME", "GET", availablePath, nil)
	stranger.fails(400, "M_USER_IN_USE", "GET", availablePath+"_commune", nil)
	stranger.fails(400, "M_USER_IN_USE", "POST", registerPath, dummy(object{"username": "_Commune", "password": "x"}))
	stranger.fails(400, "M_MISSING_PARAM", "GET", "/_matrix/client/v3/register/available", nil)
}

func TestRegisterIsRefused(t *testing.T) {
	s := start(t)
	stranger := s.stranger()
	stranger.fails(403, "M_GUEST_ACCESS_FORBIDDEN", "POST", registerPath+"?kind=guest", object{})
	stranger.fails(400, "M_INVALID_PARAM", "POST", registerPath+"?kind=robot", object{})
	stranger.fails(400, "M_MISSING_PARAM", "POST", registerPath, dummy(object{"username": "alice"}))
	stranger.fails(400, "M_INVALID_PARAM", "POST", registerPath, dummy(object{"username": "alice", "password": strings.Repeat("x", 513)}))
	stranger.fails(401, "M_FORBIDDEN", "POST", registerPath, object{"username": "alice", "password": "x", "auth": object{"type": "m.login.recaptcha"}})
	stranger.fails(400, "M_BAD_JSON", "POST", registerPath, object{"auth": "x"})
	stranger.must("GET", availablePath+"alice", nil)
}

func TestRegistrationMayBeClosed(t *testing.T) {
	for name, change := range map[string]func(*accounts.Config){
		"off":      func(c *accounts.Config) { c.Registration.Enabled = false },
		"no dummy": func(c *accounts.Config) { c.Registration.AllowDummy = false },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, change)
			s.stranger().fails(403, "M_FORBIDDEN", "POST", registerPath, dummy(object{"username": "alice", "password": "x"}))
			s.stranger().fails(403, "M_FORBIDDEN", "GET", availablePath+"alice", nil)
			s.register("alice")
		})
	}
}

// Two people who want one name at the same moment do not both get it.
func TestOneNameIsGivenOnce(t *testing.T) {
	s := start(t)
	var wg sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		wg.Go(func() {
			statuses[i], _ = s.stranger().do("POST", registerPath, dummy(object{"username": "alice", "password": "x"}))
		})
	}
	wg.Wait()
	made := 0
	for _, status := range statuses {
		switch status {
		case 200:
			made++
		case 400:
		default:
			t.Error(status)
		}
	}
	if made != 1 {
		t.Fatal("made:", made)
	}
}

func TestSharedSecret(t *testing.T) {
	s := start(t)
	stranger := s.stranger()
	nonce := func() string { return stranger.must("GET", secretPath, nil)["nonce"].(string) }
	request := func(n, user, role string, more object) object {
		body := object{"nonce": n, "username": user, "password": "pass-" + user, "admin": role == "admin",
			"mac": secretMAC(testSecret, n, user, "pass-"+user, role)}
		for k, v := range more {
			body[k] = v
		}
		return body
	}
	used := nonce()
	answer := stranger.must("POST", secretPath, request(used, "Chef", "admin", object{"displayname": "La cheffe"}))
	chef := s.as(answer)
	if chef.id != "@chef:mairie.test" || answer["home_server"] != testServer {
		t.Fatal(answer)
	}
	if session, err := s.acc.Authenticate(t.Context(), chef.token, "127.0.0.1:1"); err != nil || !session.Admin {
		t.Fatal(session, err)
	}
	if p := stranger.must("GET", "/_matrix/client/v3/profile/@chef:mairie.test", nil); p["displayname"] != "La cheffe" {
		t.Fatal(p)
	}
	stranger.fails(400, "M_UNKNOWN", "POST", secretPath, request(used, "bob", "notadmin", nil))
	stranger.fails(400, "M_UNKNOWN", "POST", secretPath, request("invented", "bob", "notadmin", nil))
	stranger.fails(403, "M_FORBIDDEN", "POST", secretPath, request(nonce(), "bob", "notadmin", object{"admin": true}))
	stranger.fails(403, "M_FORBIDDEN", "POST", secretPath, request(nonce(), "bob", "notadmin", object{"mac": "zz"}))
	stranger.fails(400, "M_INVALID_USERNAME", "POST", secretPath, request(nonce(), "bób", "notadmin", nil))
	stranger.fails(400, "M_MISSING_PARAM", "POST", secretPath, request(nonce(), "", "notadmin", nil))
	stranger.fails(400, "M_USER_IN_USE", "POST", secretPath, request(nonce(), "chef", "notadmin", nil))

	n := nonce()
	stranger.must("POST", secretPath, request(n, "robot", "notadmin", object{"user_type": "bot",
		"mac": secretMAC(testSecret, n, "robot", "pass-robot", "notadmin", "bot")}))
	late := nonce()
	s.clock.advance(time.Minute)
	stranger.fails(400, "M_UNKNOWN", "POST", secretPath, request(late, "bob", "notadmin", nil))
}

func TestSharedSecretMayBeOff(t *testing.T) {
	s := start(t, func(c *accounts.Config) { c.Registration.SharedSecret = "" })
	s.stranger().fails(400, "M_UNKNOWN", "GET", secretPath, nil)
	s.stranger().fails(400, "M_UNKNOWN", "POST", secretPath, object{"nonce": "", "username": "a", "password": "a",
		"mac": secretMAC("", "", "a", "a", "notadmin")})
}
