package clientapi

import (
	"context"
	"errors"
	"slices"
	"testing"

	"beffroi/server/accounts"
	"beffroi/server/store"
)

const (
	passwordPath   = "/_matrix/client/v3/account/password"
	deactivatePath = "/_matrix/client/v3/account/deactivate"
)

func TestChangePassword(t *testing.T) {
	for name, keep := range map[string]bool{"others are logged out": false, "others are kept": true} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			alice, phone := s.register("alice"), s.login("alice", nil)
			phone.must("GET", whoamiPath, nil)
			body := object{"new_password": "pass-new", "auth": password("alice", nil)}
			if keep {
				body["logout_devices"] = false
			}
			alice.must("POST", passwordPath, body)
			alice.must("GET", whoamiPath, nil)
			if keep {
				phone.must("GET", whoamiPath, nil)
			} else {
				phone.loggedOut(false)
			}
			login := object{"type": "m.login.password", "user": "alice", "password": "pass-alice"}
			s.stranger().fails(403, "M_FORBIDDEN", "POST", loginPath, login)
			login["password"] = "pass-new"
			s.stranger().must("POST", loginPath, login)
		})
	}
}

func TestChangePasswordIsRefused(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	if status, answer := s.stranger().do("POST", passwordPath, object{"new_password": "x"}); status != 401 || answer["session"] == nil {
		t.Fatal(status, answer)
	}
	(&user{s: s, token: "wrong"}).fails(401, "M_UNKNOWN_TOKEN", "POST", passwordPath, object{"new_password": "x"})
	if status, answer := alice.do("POST", passwordPath, object{"new_password": "x"}); status != 401 || answer["session"] == nil {
		t.Fatal(status, answer)
	}
	alice.fails(400, "M_MISSING_PARAM", "POST", passwordPath, object{"auth": password("alice", nil)})
	s.login("alice", nil)
}

func TestDeactivate(t *testing.T) {
	s := start(t)
	alice, phone := s.register("alice"), s.login("alice", object{"refresh_token": true})
	alice.must("PUT", profilePath+"@alice:mairie.test/displayname", object{"displayname": "Alice"})
	wrong := password("alice", nil)
	wrong["password"] = "wrong"
	alice.fails(401, "M_FORBIDDEN", "POST", deactivatePath, object{"auth": wrong})
	if answer := alice.must("POST", deactivatePath, object{"auth": password("alice", nil)}); answer["id_server_unbind_result"] != "success" {
		t.Fatal(answer)
	}
	alice.loggedOut(false)
	phone.loggedOut(false)
	if !slices.Equal(s.rooms.left, []string{alice.id}) {
		t.Fatal("left:", s.rooms.left)
	}
	s.stranger().fails(401, "M_UNKNOWN_TOKEN", "POST", refreshPath, object{"refresh_token": phone.refr})
	s.stranger().fails(403, "M_FORBIDDEN", "POST", loginPath, object{"type": "m.login.password", "user": "alice", "password": "pass-alice"})
	s.stranger().fails(400, "M_USER_IN_USE", "POST", registerPath, dummy(object{"username": "alice", "password": "x"}))
	if p := s.stranger().must("GET", profilePath+alice.id, nil); p["displayname"] != "Alice" {
		t.Fatal("nobody asked to erase it", p)
	}
	if _, ok, err := s.acc.FindLocal(t.Context(), alice.id); ok || err != nil {
		t.Fatal("found:", ok, err)
	}
	if err := s.acc.SetState(t.Context(), alice.id, store.AccountLocked, false); err == nil {
		t.Fatal("a deactivated account came back")
	}
}

func TestDeactivateAndErase(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	alice.must("PUT", profilePath+"@alice:mairie.test/displayname", object{"displayname": "Alice"})
	alice.must("PUT", userPath("alice")+"/account_data/x.y", object{"a": 1})
	alice.must("POST", deactivatePath, object{"auth": password("alice", nil), "erase": true})
	if p := s.stranger().must("GET", profilePath+alice.id, nil); len(p) != 0 {
		t.Fatal(p)
	}
	err := s.db.Read(t.Context(), func(r *store.Reader) error {
		user, err := r.FindAtom(alice.id)
		if err != nil {
			return err
		}
		data, err := r.AccountDataSince(user, 0, s.db.Visible())
		if len(data) != 0 {
			t.Error(data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

type stuckRooms struct{ roomsTold }

func (*stuckRooms) LeaveAll(context.Context, store.Atom, string) error { return errors.New("stuck") }

// Where the rooms can't be left, the account stays so that its owner can try again.
func TestDeactivateThatFailsLeavesTheAccount(t *testing.T) {
	s := startWith(t, new(stuckRooms))
	alice := s.register("alice")
	alice.fails(500, "M_UNKNOWN", "POST", deactivatePath, object{"auth": password("alice", nil)})
	alice.must("GET", whoamiPath, nil)
	s.login("alice", nil)
}

func TestSuspendedAccountMayNotChangeItsProfile(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	s.setState(alice, store.AccountSuspended, true)
	alice.must("GET", whoamiPath, nil)
	s.login("alice", nil)
	alice.fails(403, "M_USER_SUSPENDED", "PUT", profilePath+"@alice:mairie.test/displayname", object{"displayname": "x"})
	alice.fails(403, "M_USER_SUSPENDED", "DELETE", profilePath+"@alice:mairie.test/displayname", nil)
}

// No way leads into an account that was deactivated, also where something had forgotten to take its password, devices and tokens away.
func TestNoWayIntoADeactivatedAccount(t *testing.T) {
	s := start(t)
	s.openRegistration([]string{accounts.TypeDummy})
	alice, phone := s.register("alice"), s.login("alice", object{"refresh_token": true})
	loginToken, openID := alice.loginToken(), alice.openIDToken()
	_, challenge := alice.do("POST", getTokenPath, object{})
	s.setState(alice, store.AccountSuspended, true) // forgets the sessions in memory
	s.write(func(tx *store.Tx) error {
		user, err := tx.FindAtom(alice.id)
		if err != nil {
			return err
		}
		return tx.SetAccountState(user, store.AccountDeactivated|store.AccountSuspended)
	})
	stranger, old := s.stranger(), alice
	nonce := stranger.must("GET", secretPath, nil)["nonce"].(string)
	auth := password("alice", challenge["session"])
	for _, way := range []struct {
		who          *user
		status       int
		code         string
		method, path string
		body         any
	}{
		{stranger, 403, "M_FORBIDDEN", "POST", loginPath, object{"type": "m.login.password", "user": "alice", "password": "pass-alice"}},
		{stranger, 403, "M_FORBIDDEN", "POST", loginPath, byToken(loginToken)},
		{stranger, 401, "M_UNKNOWN_TOKEN", "POST", refreshPath, object{"refresh_token": phone.refr}},
		{stranger, 401, "M_UNKNOWN_TOKEN", "GET", userInfoPath + "?access_token=" + openID, nil},
		{stranger, 400, "M_USER_IN_USE", "POST", registerPath, dummy(object{"username": "alice", "password": "x"})},
		{stranger, 400, "M_USER_IN_USE", "POST", secretPath, object{"nonce": nonce, "username": "alice", "password": "x", "admin": false,
			"mac": secretMAC(testSecret, nonce, "alice", "x", "notadmin")}},
		{old, 401, "M_UNKNOWN_TOKEN", "GET", whoamiPath, nil},
		{old, 401, "M_UNKNOWN_TOKEN", "POST", getTokenPath, object{"auth": auth}},
		{old, 401, "M_UNKNOWN_TOKEN", "POST", passwordPath, object{"auth": auth, "new_password": "x"}},
		{old, 401, "M_UNKNOWN_TOKEN", "POST", openIDPath(alice), object{}},
		{old, 401, "M_UNKNOWN_TOKEN", "POST", logoutPath, nil},
		{old, 401, "M_UNKNOWN_TOKEN", "POST", logoutPath + "/all", nil},
	} {
		way.who.fails(way.status, way.code, way.method, way.path, way.body)
	}
}

// A town hall can't lose its last administrator by a slip.
func TestTheLastAdministratorStays(t *testing.T) {
	s := start(t)
	chef := s.admin("chef")
	chef.fails(400, "M_INVALID_PARAM", "POST", deactivatePath, object{"auth": password("chef", nil)})
	if len(s.rooms.left) != 0 {
		t.Fatal("left:", s.rooms.left)
	}
	chef.must("GET", whoamiPath, nil)
	s.admin("second")
	chef.must("POST", deactivatePath, object{"auth": password("chef", nil)})
}
