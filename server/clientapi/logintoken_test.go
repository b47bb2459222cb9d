package clientapi

import (
	"strings"
	"testing"
	"time"

	"beffroi/server/store"
)

const getTokenPath = "/_matrix/client/v1/login/get_token"

func (u *user) loginToken() string {
	u.s.t.Helper()
	name, _, _ := strings.Cut(u.id[1:], ":")
	answer := u.must("POST", getTokenPath, object{"auth": password(name, nil)})
	if answer["expires_in_ms"] != 120_000.0 {
		u.s.t.Fatal(answer)
	}
	return answer["login_token"].(string)
}

func byToken(token string) object {
	return object{"type": "m.login.token", "token": token, "device_id": "PHONE", "refresh_token": true}
}

func TestLoginByToken(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	token := alice.loginToken()
	phone := s.as(s.stranger().must("POST", loginPath, byToken(token)))
	if phone.id != alice.id || phone.device != "PHONE" {
		t.Fatal(phone)
	}
	phone.refresh().must("GET", whoamiPath, nil)
	s.stranger().fails(403, "M_FORBIDDEN", "POST", loginPath, byToken(token)) // used
	s.setState(alice, store.AccountSuspended, true)
	s.stranger().must("POST", loginPath, byToken(alice.loginToken()))
}

func TestLoginTokensAreRefused(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	s.stranger().fails(401, "M_MISSING_TOKEN", "POST", getTokenPath, object{"auth": password("alice", nil)})
	if status, answer := alice.do("POST", getTokenPath, object{}); status != 401 || answer["session"] == nil {
		t.Fatal(status, answer)
	}
	alice.fails(401, "M_FORBIDDEN", "POST", getTokenPath, object{"auth": object{"type": "m.login.password", "user": "alice", "password": "wrong"}})
	for _, token := range []string{"", "x", "bfl1_AAAA", alice.token} {
		s.stranger().fails(403, "M_FORBIDDEN", "POST", loginPath, byToken(token))
	}
	late := alice.loginToken()
	s.clock.advance(2 * time.Minute)
	s.stranger().fails(403, "M_FORBIDDEN", "POST", loginPath, byToken(late))

	kept := alice.loginToken() // a device that can't be is refused before the token is used up
	bad := byToken(kept)
	bad["device_id"] = strings.Repeat("x", 256)
	s.stranger().fails(400, "M_INVALID_PARAM", "POST", loginPath, bad)
	s.stranger().must("POST", loginPath, byToken(kept))
}

// What a device gave ends with the device: whoever takes a stolen one out of the account takes its tokens too.
func TestLoginTokensEndWithTheirGiver(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	for name, end := range map[string]func(giver *user){
		"log-out": func(giver *user) { giver.must("POST", logoutPath, nil) },
		"another password": func(*user) {
			alice.must("POST", passwordPath, object{"new_password": "pass-alice", "auth": password("alice", nil)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			giver := s.login("alice", nil)
			token := giver.loginToken()
			end(giver)
			s.stranger().fails(403, "M_FORBIDDEN", "POST", loginPath, byToken(token))
		})
	}
	token := alice.loginToken()
	s.setState(alice, store.AccountLocked, true)
	if e := s.stranger().fails(401, "M_USER_LOCKED", "POST", loginPath, byToken(token)); e["soft_logout"] != true {
		t.Fatal(e)
	}
}
