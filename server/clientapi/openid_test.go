package clientapi

import (
	"fmt"
	"testing"
	"time"

	"beffroi/server/store"
)

const userInfoPath = "/_matrix/federation/v1/openid/userinfo"

func openIDPath(u *user) string { return "/_matrix/client/v3/user/" + u.id + "/openid/request_token" }

func (u *user) openIDToken() string {
	u.s.t.Helper()
	answer := u.must("POST", openIDPath(u), object{})
	if answer["token_type"] != "Bearer" || answer["matrix_server_name"] != testServer || answer["expires_in"] != 3600.0 {
		u.s.t.Fatal(answer)
	}
	return answer["access_token"].(string)
}

func TestOpenID(t *testing.T) {
	s := start(t)
	alice, bob := s.register("alice"), s.register("bob")
	token := alice.openIDToken()
	if got := fmt.Sprint(s.stranger().must("GET", userInfoPath+"?access_token="+token, nil)); got != "map[sub:@alice:mairie.test]" {
		t.Fatal(got)
	}
	(&user{s: s, token: token}).loggedOut(false) // it opens nothing else
	bob.fails(403, "M_FORBIDDEN", "POST", openIDPath(alice), object{})
	s.stranger().fails(401, "M_MISSING_TOKEN", "POST", openIDPath(alice), object{})
	s.stranger().fails(401, "M_MISSING_TOKEN", "GET", userInfoPath, nil)
	for _, wrong := range []string{"x", alice.token, token[:len(token)-1], "bfo1_"} {
		s.stranger().fails(401, "M_UNKNOWN_TOKEN", "GET", userInfoPath+"?access_token="+wrong, nil)
	}
	s.clock.advance(time.Hour)
	s.stranger().fails(401, "M_UNKNOWN_TOKEN", "GET", userInfoPath+"?access_token="+token, nil)
}

func TestOpenIDTokensEndWithTheDevice(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	phone := s.login("alice", nil)
	token, lost := alice.openIDToken(), phone.openIDToken()
	unknown := func(token string) {
		t.Helper()
		s.stranger().fails(401, "M_UNKNOWN_TOKEN", "GET", userInfoPath+"?access_token="+token, nil)
	}
	phone.must("POST", logoutPath, nil)
	unknown(lost)
	s.setState(alice, store.AccountLocked, true)
	unknown(token)
	s.setState(alice, store.AccountLocked, false)
	s.stranger().must("GET", userInfoPath+"?access_token="+token, nil)
	s.setState(alice, store.AccountSuspended, true)
	alice.fails(403, "M_USER_SUSPENDED", "POST", openIDPath(alice), object{})
	alice.must("POST", deactivatePath, object{"auth": password("alice", nil)})
	unknown(token)
}
