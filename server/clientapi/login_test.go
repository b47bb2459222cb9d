package clientapi

import (
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/store"
)

const (
	loginPath   = "/_matrix/client/v3/login"
	refreshPath = "/_matrix/client/v3/refresh"
	logoutPath  = "/_matrix/client/v3/logout"
)

func TestLoginFlows(t *testing.T) {
	flows := start(t).stranger().must("GET", loginPath, nil)["flows"].([]any)
	if got := fmt.Sprint(flows); got != "[map[type:m.login.password] map[get_login_token:true type:m.login.token]]" {
		t.Fatal(got)
	}
}

func TestLoginAndWhoami(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	for name, identity := range map[string]object{
		"localpart": {"identifier": object{"type": "m.id.user", "user": "alice"}},
		"user id":   {"identifier": object{"type": "m.id.user", "user": "@alice:mairie.test"}},
		"capitals":  {"identifier": object{"type": "m.id.user", "user": "ALICE"}},
		"old form":  {"user": "alice"},
	} {
		t.Run(name, func(t *testing.T) {
			body := object{"type": "m.login.password", "password": "pass-alice"}
			for k, v := range identity {
				body[k] = v
			}
			u := s.as(s.stranger().must("POST", loginPath, body))
			me := u.must("GET", whoamiPath, nil)
			if me["user_id"] != "@alice:mairie.test" || me["device_id"] != u.device || u.device == alice.device || len(u.device) != 10 {
				t.Fatalf("%v, device %q", me, u.device)
			}
		})
	}
}

func TestLoginIsRefused(t *testing.T) {
	s := start(t)
	s.register("alice")
	id := func(user string) object { return object{"type": "m.id.user", "user": user} }
	for name, c := range map[string]struct {
		status  int
		errcode string
		body    any
	}{
		"wrong password":    {403, "M_FORBIDDEN", object{"type": "m.login.password", "identifier": id("alice"), "password": "wrong"}},
		"no password":       {403, "M_FORBIDDEN", object{"type": "m.login.password", "identifier": id("alice")}},
		"unknown user":      {403, "M_FORBIDDEN", object{"type": "m.login.password", "identifier": id("bob"), "password": "pass-alice"}},
		"another server":    {403, "M_FORBIDDEN", object{"type": "m.login.password", "identifier": id("@alice:other"), "password": "pass-alice"}},
		"the custodian":     {403, "M_FORBIDDEN", object{"type": "m.login.password", "identifier": id("_commune"), "password": ""}},
		"no identifier":     {400, "M_MISSING_PARAM", object{"type": "m.login.password", "password": "pass-alice"}},
		"a telephone":       {400, "M_UNKNOWN", object{"type": "m.login.password", "identifier": object{"type": "m.id.phone"}, "password": "x"}},
		"another type":      {400, "M_UNKNOWN", object{"type": "m.login.sso", "token": "x"}},
		"a long device id":  {400, "M_INVALID_PARAM", object{"type": "m.login.password", "user": "alice", "password": "pass-alice", "device_id": string(make([]byte, 256))}},
		"no JSON":           {400, "M_NOT_JSON", []byte("{")},
		"no object":         {400, "M_BAD_JSON", []byte("[]")},
		"a number for text": {400, "M_BAD_JSON", object{"type": 5}},
	} {
		t.Run(name, func(t *testing.T) { s.stranger().fails(c.status, c.errcode, "POST", loginPath, c.body) })
	}
}

func TestTokensThatAreNone(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	other := start(t).register("alice") // of a server with another secret
	s.stranger().fails(401, "M_MISSING_TOKEN", "GET", whoamiPath, nil)
	for _, token := range []string{"x", "bfa1_", alice.token[:len(alice.token)-1], alice.token + "A", "bfr1_" + alice.token[5:], other.token} {
		(&user{s: s, token: token}).loggedOut(false)
	}
	if me := s.stranger().must("GET", whoamiPath+"?access_token="+alice.token, nil); me["user_id"] != alice.id {
		t.Fatal("the token in the query is not taken", me)
	}
}

func TestLogoutDeletesTheDevice(t *testing.T) {
	s := start(t)
	first, second := s.register("alice"), s.login("alice", nil)
	first.must("GET", whoamiPath, nil)
	first.must("POST", logoutPath, nil)
	first.loggedOut(false)
	first.fails(401, "M_UNKNOWN_TOKEN", "POST", logoutPath, nil)
	s.stranger().fails(401, "M_MISSING_TOKEN", "POST", logoutPath, nil)
	second.fails(404, "M_NOT_FOUND", "GET", "/_matrix/client/v3/devices/"+first.device, nil)
	second.must("GET", whoamiPath, nil)
}

func TestLogoutAll(t *testing.T) {
	s := start(t)
	alices, bob := []*user{s.register("alice"), s.login("alice", nil), s.login("alice", nil)}, s.register("bob")
	for _, u := range alices {
		u.must("GET", whoamiPath, nil)
	}
	alices[1].must("POST", logoutPath+"/all", nil)
	for _, u := range alices {
		u.loggedOut(false)
	}
	bob.must("GET", whoamiPath, nil)
}

func TestLoginAgainOnADeviceEndsItsTokens(t *testing.T) {
	s := start(t)
	s.register("alice")
	before := s.login("alice", object{"device_id": "PHONE", "initial_device_display_name": "Phone", "refresh_token": true})
	after := s.login("alice", object{"device_id": "PHONE", "initial_device_display_name": "Another name"})
	if after.device != "PHONE" || before.device != "PHONE" {
		t.Fatal(before.device, after.device)
	}
	before.loggedOut(true)
	if e := s.stranger().fails(401, "M_UNKNOWN_TOKEN", "POST", refreshPath, object{"refresh_token": before.refr}); e["soft_logout"] != true {
		t.Fatal(e)
	}
	if d := after.must("GET", "/_matrix/client/v3/devices/PHONE", nil); d["display_name"] != "Phone" {
		t.Fatal("a known device keeps its name", d)
	}
}

func (u *user) refresh() *user {
	u.s.t.Helper()
	answer := u.s.stranger().must("POST", refreshPath, object{"refresh_token": u.refr})
	if answer["expires_in_ms"] != 3600000.0 {
		u.s.t.Fatal(answer)
	}
	answer["user_id"], answer["device_id"] = u.id, u.device
	return u.s.as(answer)
}

func TestAccessTokensExpireAndAreRefreshed(t *testing.T) {
	s := start(t)
	forever := s.register("alice")
	first := s.login("alice", object{"refresh_token": true})
	s.clock.advance(time.Hour - time.Second)
	first.must("GET", whoamiPath, nil)
	s.clock.advance(time.Second)
	first.loggedOut(true)
	second := first.refresh()
	if second.must("GET", whoamiPath, nil)["device_id"] != first.device {
		t.Fatal("refreshing changed the device")
	}
	s.clock.advance(1000 * time.Hour)
	forever.must("GET", whoamiPath, nil)
	second.refresh().must("GET", whoamiPath, nil)
}

// An answer to a refresh may get lost: until a new token is used, the old ones are valid.
func TestOldTokensLiveUntilANewOneIsUsed(t *testing.T) {
	s := start(t)
	s.register("alice")
	first := s.login("alice", object{"refresh_token": true})
	lost := first.refresh()
	first.must("GET", whoamiPath, nil)
	second := first.refresh()
	first.must("GET", whoamiPath, nil)
	second.must("GET", whoamiPath, nil)
	first.loggedOut(true)
	if e := s.stranger().fails(401, "M_UNKNOWN_TOKEN", "POST", refreshPath, object{"refresh_token": first.refr}); e["soft_logout"] != true {
		t.Fatal(e)
	}
	lost.must("GET", whoamiPath, nil) // it is of the same generation
}

func TestUsingANewRefreshTokenEndsTheOldTokens(t *testing.T) {
	s := start(t)
	s.register("alice")
	first := s.login("alice", object{"refresh_token": true})
	second := first.refresh()
	third := second.refresh()
	first.loggedOut(true)
	second.must("GET", whoamiPath, nil)
	third.must("GET", whoamiPath, nil)
	second.loggedOut(true)
}

func TestRefreshesAtTheSameTimeAllSucceed(t *testing.T) {
	s := start(t)
	s.register("alice")
	first := s.login("alice", object{"refresh_token": true})
	got := make([]*user, 8)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i] = first.refresh() })
	}
	wg.Wait()
	for _, u := range got {
		u.must("GET", whoamiPath, nil)
	}
	tokens := map[string]bool{}
	for _, u := range got {
		tokens[u.token] = true
	}
	if len(tokens) != len(got) {
		t.Fatal("two tokens are equal")
	}
	first.loggedOut(true)
}

func TestRefreshIsRefused(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	stranger := s.stranger()
	stranger.fails(400, "M_MISSING_PARAM", "POST", refreshPath, object{})
	stranger.fails(401, "M_UNKNOWN_TOKEN", "POST", refreshPath, object{"refresh_token": alice.token})
	u := s.login("alice", object{"refresh_token": true})
	u.must("POST", logoutPath, nil)
	if e := stranger.fails(401, "M_UNKNOWN_TOKEN", "POST", refreshPath, object{"refresh_token": u.refr}); e["soft_logout"] != false {
		t.Fatal(e)
	}
}

// After a restore the device's generation is the one of the backup, lower than the tokens'.
func TestRestoredGeneration(t *testing.T) {
	s := start(t)
	s.register("alice")
	first := s.login("alice", object{"refresh_token": true})
	later := first.refresh().refresh()
	later.must("GET", whoamiPath, nil)
	s.restoreGeneration(later, 1)

	later.loggedOut(true)
	refreshed := later.refresh()
	refreshed.must("GET", whoamiPath, nil)
	first.loggedOut(true)
}

// A log-in after a restore must not give a generation that the lost interval gave: its dead tokens would live again.
func TestLoginAfterARestoreSkipsLostGenerations(t *testing.T) {
	s := start(t)
	s.register("alice")
	s.login("alice", object{"device_id": "PHONE"})
	lost := s.login("alice", object{"device_id": "PHONE"}) // generation 2, after the backup
	s.restoreGeneration(lost, 1)
	s.write(func(tx *store.Tx) error { return tx.PutMeta(store.MetaIncarnation, 1) })

	lost.loggedOut(true)
	s.login("alice", object{"device_id": "PHONE"}).must("GET", whoamiPath, nil)
	lost.loggedOut(true)
}

// restoreGeneration does to a device what restoring a backup does, with a server that starts anew on it.
func (s *server) restoreGeneration(u *user, generation uint64) {
	s.t.Helper()
	s.write(func(tx *store.Tx) error {
		atom, err := tx.FindAtom(u.id)
		if err != nil {
			return err
		}
		d, _, err := tx.Device(atom, u.device)
		if err != nil {
			return err
		}
		return tx.SetGeneration(d.ID, generation, true)
	})
	if err := s.acc.SetState(s.t.Context(), u.id, store.AccountLocked, false); err != nil { // forgets what was cached
		s.t.Fatal(err)
	}
}

func TestLockedAccountMayOnlyLogOut(t *testing.T) {
	s := start(t)
	alice, phone := s.register("alice"), s.login("alice", object{"refresh_token": true})
	alice.must("GET", whoamiPath, nil)
	s.setState(alice, store.AccountLocked, true)
	for _, e := range []object{
		alice.fails(401, "M_USER_LOCKED", "GET", whoamiPath, nil),
		s.stranger().fails(401, "M_USER_LOCKED", "POST", refreshPath, object{"refresh_token": phone.refr}),
		s.stranger().fails(401, "M_USER_LOCKED", "POST", loginPath, object{"type": "m.login.password", "user": "alice", "password": "pass-alice"}),
	} {
		if e["soft_logout"] != true {
			t.Fatal(e)
		}
	}
	s.setState(alice, store.AccountLocked, false)
	alice.must("GET", whoamiPath, nil)
	s.setState(alice, store.AccountLocked, true)
	alice.must("POST", logoutPath, nil)
	s.setState(alice, store.AccountLocked, false)
	alice.loggedOut(false)
	phone.must("GET", whoamiPath, nil)
}

func (s *server) setState(u *user, state store.AccountState, on bool) {
	s.t.Helper()
	if err := s.acc.SetState(s.t.Context(), u.id, state, on); err != nil {
		s.t.Fatal(err)
	}
}

func TestPasswordIsRehashedAtTheNewCost(t *testing.T) {
	s := start(t)
	s.register("alice")
	before := s.storedPassword("@alice:mairie.test")
	dearer, err := accounts.New(t.Context(), s.db, s.hub, accounts.Config{ServerName: testServer,
		Password: accounts.Cost{MemoryKiB: 16, Iterations: 2, Threads: 1}}, s.clock.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := dearer.Login(t.Context(), "alice", "pass-alice", accounts.NewDevice{}); err != nil {
			t.Fatal(err)
		}
	}
	after := s.storedPassword("@alice:mairie.test")
	if !strings.HasPrefix(before, "$argon2id$v=19$m=8,t=1,p=1$") || !strings.HasPrefix(after, "$argon2id$v=19$m=16,t=2,p=1$") {
		t.Fatalf("%s, then %s", before, after)
	}
	s.login("alice", nil)
}

func (s *server) storedPassword(userID string) string {
	s.t.Helper()
	a, err := store.Get(s.t.Context(), s.db, func(r *store.Reader) (a store.Account, err error) {
		user, err := r.FindAtom(userID)
		if err == nil {
			a, _, err = r.Account(user)
		}
		return a, err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return a.Password
}

// A second server on the same database stands for one that was restarted.
func TestTokensOutliveARestart(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	again, err := accounts.New(t.Context(), s.db, s.hub, accounts.Config{ServerName: testServer, Custodian: "_commune"}, s.clock.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	session, err := again.Authenticate(t.Context(), alice.token, "127.0.0.1:1")
	if err != nil || session.UserID != alice.id {
		t.Fatal(session, err)
	}
}

func TestNobodyLogsInToADeactivatedAccount(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	s.write(func(tx *store.Tx) error { // as if something had forgotten the password and the device
		user, err := tx.FindAtom(alice.id)
		if err != nil {
			return err
		}
		return tx.SetAccountState(user, store.AccountDeactivated)
	})
	s.stranger().fails(403, "M_FORBIDDEN", "POST", loginPath, object{"type": "m.login.password", "user": "alice", "password": "pass-alice"})
	alice.loggedOut(false)
}
