package clientapi

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"beffroi/server/accounts"
	"beffroi/server/mail"
	"beffroi/server/mail/mailtest"
	"beffroi/server/store"
	"beffroi/server/threepid"
)

const (
	threepidPath       = "/_matrix/client/v3/account/3pid"
	addTokenPath       = threepidPath + "/email/requestToken"
	resetTokenPath     = passwordPath + "/email/requestToken"
	registerTokenPath  = "/_matrix/client/v3/register/email/requestToken"
	testSecretOfClient = "s3cret"
)

// withMail starts a server whose mails arrive, where addresses of agents.test may register.
func withMail(t *testing.T) (*server, *mailtest.Server) {
	t.Helper()
	s, box := start(t), mailtest.Start(t, mailtest.Options{})
	s.api.RegistrationStages = []accounts.Stage{s.api.Threepids.Stage(threepid.Register)}
	if err := s.mails.Configure(t.Context(), mail.Settings{Host: box.Host, Port: box.Port, TLS: mail.None, From: "messagerie@mairie.test"}); err != nil {
		t.Fatal(err)
	}
	if err := s.acc.SetRegistration(t.Context(), [][]string{{accounts.TypeEmail}}); err != nil {
		t.Fatal(err)
	}
	if err := s.api.Threepids.SetDomains(t.Context(), []string{"agents.test"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.mails.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, box
}

func tokenRequest(address string) object {
	return object{"client_secret": testSecretOfClient, "email": address, "send_attempt": 1}
}

// click does what the page of a mail's link does.
func (s *server) click(m mailtest.Mail) {
	s.t.Helper()
	_, rest, _ := strings.Cut(m.Text, threepid.Path+"?jeton=")
	token, _, _ := strings.Cut(rest, "\n")
	if _, ok, err := s.api.Threepids.Confirm(s.t.Context(), token); !ok || err != nil {
		s.t.Fatal(ok, err, m.Text)
	}
}

func emailProof(sid any) object {
	return object{"type": "m.login.email.identity", "threepid_creds": object{"sid": sid, "client_secret": testSecretOfClient}}
}

// has gives a user an address, as clients do.
func (u *user) has(name, address string, box *mailtest.Server) {
	u.s.t.Helper()
	before := len(box.Mails()) // no other mail is on its way
	sid := u.must("POST", addTokenPath, tokenRequest(address))["sid"]
	u.s.click(box.Wait(before + 1))
	u.must("POST", threepidPath+"/add", object{"sid": sid, "client_secret": testSecretOfClient, "auth": password(name, nil)})
}

func (u *user) addresses() string {
	u.s.t.Helper()
	var list []string
	for _, t := range u.must("GET", threepidPath, nil)["threepids"].([]any) {
		list = append(list, t.(object)["address"].(string))
	}
	return strings.Join(list, " ")
}

func TestAddressesOfAnAccount(t *testing.T) {
	s, box := withMail(t)
	alice := s.register("alice")
	if got := alice.addresses(); got != "" {
		t.Error(got)
	}
	sid := alice.must("POST", addTokenPath, tokenRequest("Alice@Agents.test"))["sid"]
	add := object{"sid": sid, "client_secret": testSecretOfClient}
	if status, answer := alice.do("POST", threepidPath+"/add", add); status != 401 || answer["session"] == nil {
		t.Fatal(status, answer)
	}
	add["auth"] = password("alice", nil)
	alice.fails(400, "M_THREEPID_AUTH_FAILED", "POST", threepidPath+"/add", add)
	s.click(box.Wait(1))
	wrong := password("alice", nil)
	wrong["password"] = "wrong"
	alice.fails(401, "M_FORBIDDEN", "POST", threepidPath+"/add", object{"sid": sid, "client_secret": testSecretOfClient, "auth": wrong})
	alice.must("POST", threepidPath+"/add", add)
	all := alice.must("GET", threepidPath, nil)["threepids"].([]any)
	now := float64(s.clock.Now().UnixMilli())
	if t1 := all[0].(object); len(all) != 1 || t1["medium"] != "email" || t1["address"] != "alice@agents.test" || t1["validated_at"] != now || t1["added_at"] != now {
		t.Error(all)
	}
	if answer := alice.must("POST", threepidPath+"/delete", object{"medium": "email", "address": "ALICE@agents.test"}); answer["id_server_unbind_result"] != "no-support" {
		t.Error(answer)
	}
	if got := alice.addresses(); got != "" {
		t.Error(got)
	}
}

func TestAddressesAreRefused(t *testing.T) {
	s, box := withMail(t)
	alice, bob := s.register("alice"), s.register("bob")
	bob.has("bob", "bob@agents.test", box)
	stranger := s.stranger()
	stranger.fails(401, "M_MISSING_TOKEN", "GET", threepidPath, nil)
	stranger.fails(401, "M_MISSING_TOKEN", "POST", threepidPath+"/add", object{"sid": "x", "client_secret": "x"})
	stranger.fails(401, "M_MISSING_TOKEN", "POST", threepidPath+"/delete", object{"medium": "email", "address": "bob@agents.test"})
	alice.fails(400, "M_MISSING_PARAM", "POST", threepidPath+"/add", object{"sid": "x"})
	alice.fails(400, "M_MISSING_PARAM", "POST", threepidPath+"/delete", object{"medium": "email"})
	alice.fails(404, "M_THREEPID_NOT_FOUND", "POST", threepidPath+"/delete", object{"medium": "email", "address": "bob@agents.test"})
	alice.fails(404, "M_THREEPID_NOT_FOUND", "POST", threepidPath+"/delete", object{"medium": "msisdn", "address": "33123456789"})
	for _, path := range []string{addTokenPath, resetTokenPath, registerTokenPath} {
		for name, c := range map[string]struct {
			body any
			code string
		}{
			"no JSON":    {[]byte(`{`), "M_NOT_JSON"},
			"no email":   {object{"client_secret": "x", "send_attempt": 1}, "M_MISSING_PARAM"},
			"no secret":  {object{"email": "a@agents.test", "send_attempt": 1}, "M_MISSING_PARAM"},
			"no attempt": {object{"email": "a@agents.test", "client_secret": "x"}, "M_MISSING_PARAM"},
			"attempt":    {object{"email": "a@agents.test", "client_secret": "x", "send_attempt": "1"}, "M_BAD_JSON"},
			"address":    {object{"email": "a@agents.test,b@agents.test", "client_secret": "x", "send_attempt": 1}, "M_INVALID_PARAM"},
			"secret":     {object{"email": "a@agents.test", "client_secret": "é", "send_attempt": 1}, "M_INVALID_PARAM"},
		} {
			t.Log(path, name)
			stranger.fails(400, c.code, "POST", path, c.body)
		}
	}
	for i := range 5 {
		body := tokenRequest("victime@agents.test")
		body["send_attempt"] = i
		stranger.must("POST", resetTokenPath, body)
	}
	body := tokenRequest("victime@agents.test")
	body["send_attempt"] = 9
	if answer := stranger.fails(429, "M_LIMIT_EXCEEDED", "POST", resetTokenPath, body); answer["retry_after_ms"] != 3600000.0 {
		t.Error(answer)
	}
	stranger.fails(403, "M_THREEPID_DENIED", "POST", registerTokenPath, tokenRequest("alice@ailleurs.test"))
	if err := s.acc.SetRegistration(t.Context(), [][]string{{accounts.TypeRegistrationToken}}); err != nil {
		t.Fatal(err)
	}
	stranger.fails(403, "M_THREEPID_DENIED", "POST", registerTokenPath, tokenRequest("alice@agents.test"))
	if err := s.acc.SetRegistration(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	stranger.fails(403, "M_FORBIDDEN", "POST", registerTokenPath, tokenRequest("alice@agents.test"))
	if err := s.mails.Configure(t.Context(), mail.Settings{}); err != nil {
		t.Fatal(err)
	}
	stranger.fails(400, "M_THREEPID_MEDIUM_NOT_SUPPORTED", "POST", addTokenPath, tokenRequest("alice@agents.test"))
	stranger.fails(403, "M_THREEPID_DENIED", "POST", resetTokenPath, tokenRequest("alice@agents.test"))
}

func TestAPasswordIsResetByMail(t *testing.T) {
	s, box := withMail(t)
	alice, bob := s.register("alice"), s.register("bob")
	alice.has("alice", "alice@agents.test", box)
	bob.has("bob", "bob@agents.test", box)
	stranger := s.stranger()
	sid := stranger.must("POST", resetTokenPath, tokenRequest("alice@agents.test"))["sid"]
	reset := object{"new_password": "pass-new", "auth": emailProof(sid)}
	if status, answer := stranger.do("POST", passwordPath, object{"new_password": "pass-new"}); status != 401 || answer["flows"] == nil || answer["errcode"] != nil {
		t.Fatal(status, answer)
	}
	stranger.fails(401, "M_FORBIDDEN", "POST", passwordPath, reset) // not clicked yet
	stranger.fails(400, "M_MISSING_PARAM", "POST", passwordPath, object{"auth": emailProof(sid)})
	stranger.fails(400, "M_MISSING_PARAM", "POST", passwordPath, object{"new_password": "x", "auth": object{"type": "m.login.email.identity"}})
	stranger.fails(401, "M_FORBIDDEN", "POST", passwordPath, object{"new_password": "x", "auth": password("alice", nil)})
	s.click(box.Wait(3))
	wrong := emailProof(sid)
	wrong["threepid_creds"].(object)["client_secret"] = "other"
	stranger.fails(401, "M_FORBIDDEN", "POST", passwordPath, object{"new_password": "x", "auth": wrong})
	alice.must("GET", whoamiPath, nil)
	stranger.must("POST", passwordPath, reset)
	alice.loggedOut(false)
	bob.must("GET", whoamiPath, nil)
	stranger.fails(401, "M_FORBIDDEN", "POST", passwordPath, reset) // once
	s.login("alice", object{"password": "pass-new"})
	if m := box.Wait(4); m.To != "alice@agents.test" || m.Subject != "Votre mot de passe a été changé" {
		t.Errorf("%+v", m)
	}
}

// A password that is changed, or taken by an administrator, ends what was begun to reset the one before: who read a mail then can't undo it.
func TestAChangedPasswordEndsResets(t *testing.T) {
	s, box := withMail(t)
	alice := s.register("alice")
	alice.has("alice", "alice@agents.test", box)
	begin := func(secret string) object {
		before := len(box.Mails())
		q := tokenRequest("alice@agents.test")
		q["client_secret"] = secret
		proof := emailProof(s.stranger().must("POST", resetTokenPath, q)["sid"])
		proof["threepid_creds"].(object)["client_secret"] = secret
		s.click(box.Wait(before + 1))
		return object{"new_password": "evil", "auth": proof}
	}
	reset := begin("one")
	alice.must("POST", passwordPath, object{"new_password": "pass-new", "auth": password("alice", nil)})
	box.Wait(3) // it is told
	s.stranger().fails(401, "M_FORBIDDEN", "POST", passwordPath, reset)
	reset = begin("two")
	err := s.db.Write(t.Context(), func(tx *store.Tx) error {
		user, err := tx.FindAtom(alice.id)
		if err != nil {
			return err
		}
		return s.acc.ShutOut(tx, user)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.stranger().fails(401, "M_FORBIDDEN", "POST", passwordPath, reset)
}

// What is good once is good once, however many come at the same moment.
func TestWhatIsGoodOnceIsGoodOnce(t *testing.T) {
	s, box := withMail(t)
	alice := s.register("alice")
	alice.has("alice", "alice@agents.test", box)
	sid := s.stranger().must("POST", resetTokenPath, tokenRequest("alice@agents.test"))["sid"]
	s.click(box.Wait(2))
	login := alice.loginToken()
	s.openRegistration([]string{accounts.TypeRegistrationToken}, []string{accounts.TypeEmail})
	uses := int64(1)
	invitation := s.addToken(accounts.RegistrationToken{UsesAllowed: &uses})
	for name, try := range map[string]func(i int) (int, object){
		"registration token": func(int) (int, object) { return s.stranger().do("POST", registerPath, withToken(invitation, nil)) },
		"log-in token":       func(int) (int, object) { return s.stranger().do("POST", loginPath, byToken(login)) },
		"reset": func(i int) (int, object) {
			return s.stranger().do("POST", passwordPath, object{"new_password": fmt.Sprint("pass-", i), "logout_devices": false, "auth": emailProof(sid)})
		},
	} {
		var wg sync.WaitGroup
		var good, bad atomic.Int32
		for i := range 8 {
			wg.Go(func() {
				switch status, answer := try(i); {
				case status == 200:
					good.Add(1)
				case status >= 500:
					t.Error(status, answer)
				default:
					bad.Add(1)
				}
			})
		}
		if wg.Wait(); good.Load() != 1 || bad.Load() != 7 {
			t.Errorf("%s: %d times good", name, good.Load())
		}
	}
}

func TestAResetMayKeepDevices(t *testing.T) {
	s, box := withMail(t)
	alice := s.register("alice")
	alice.has("alice", "alice@agents.test", box)
	sid := s.stranger().must("POST", resetTokenPath, tokenRequest("alice@agents.test"))["sid"]
	s.click(box.Wait(2))
	s.stranger().must("POST", passwordPath, object{"new_password": "pass-new", "logout_devices": false, "auth": emailProof(sid)})
	alice.must("GET", whoamiPath, nil)
}

func TestAChangedPasswordIsTold(t *testing.T) {
	s, box := withMail(t)
	alice := s.register("alice")
	alice.has("alice", "alice@agents.test", box)
	alice.must("POST", passwordPath, object{"new_password": "pass-new", "auth": password("alice", nil)})
	if m := box.Wait(2); m.Subject != "Votre mot de passe a été changé" || !strings.Contains(m.Text, "@alice:mairie.test") {
		t.Errorf("%+v", m)
	}
}

func TestLogInByAddress(t *testing.T) {
	s, box := withMail(t)
	alice := s.register("alice")
	alice.has("alice", "alice@agents.test", box)
	login := func(identifier object) object {
		return object{"type": "m.login.password", "identifier": identifier, "password": "pass-alice"}
	}
	by := object{"type": "m.id.thirdparty", "medium": "email", "address": "Alice@AGENTS.test"}
	if answer := s.stranger().must("POST", loginPath, login(by)); answer["user_id"] != alice.id {
		t.Error(answer)
	}
	old := object{"type": "m.login.password", "medium": "email", "address": "alice@agents.test", "password": "pass-alice"}
	if answer := s.stranger().must("POST", loginPath, old); answer["user_id"] != alice.id {
		t.Error(answer)
	}
	auth := object{"type": "m.login.password", "identifier": by, "password": "pass-alice"}
	alice.must("POST", passwordPath, object{"new_password": "pass-alice", "auth": auth})
	for name, c := range map[string]struct {
		identifier object
		status     int
		code       string
	}{
		"nobody's":           {object{"type": "m.id.thirdparty", "medium": "email", "address": "x@agents.test"}, 403, "M_FORBIDDEN"},
		"no address":         {object{"type": "m.id.thirdparty", "medium": "email", "address": "x"}, 403, "M_FORBIDDEN"},
		"a telephone number": {object{"type": "m.id.thirdparty", "medium": "msisdn", "address": "33123456789"}, 403, "M_FORBIDDEN"},
		"half":               {object{"type": "m.id.thirdparty", "medium": "email"}, 400, "M_MISSING_PARAM"},
		"no user":            {object{"type": "m.id.user"}, 400, "M_MISSING_PARAM"},
		"another kind":       {object{"type": "m.id.phone", "country": "FR", "phone": "1"}, 400, "M_UNKNOWN"},
	} {
		t.Log(name)
		s.stranger().fails(c.status, c.code, "POST", loginPath, login(c.identifier))
	}
}

func TestRegisterByMail(t *testing.T) {
	s, box := withMail(t)
	stranger := s.stranger()
	sid := stranger.must("POST", registerTokenPath, tokenRequest("Claire@agents.test"))["sid"]
	body := object{"username": "claire", "password": "pass-claire", "auth": emailProof(sid)}
	stranger.fails(401, "M_FORBIDDEN", "POST", registerPath, body)
	s.click(box.Wait(1))
	claire := s.as(stranger.must("POST", registerPath, body))
	if got := claire.addresses(); got != "claire@agents.test" {
		t.Error(got)
	}
	body["username"] = "claire2"
	stranger.fails(401, "M_FORBIDDEN", "POST", registerPath, body) // once
	stranger.must("POST", registerTokenPath, tokenRequest("claire@agents.test"))
	if m := box.Wait(2); m.Subject != "Vous avez déjà un compte" {
		t.Errorf("%+v", m)
	}
}

// An address that became somebody's after it was proven makes no account.
func TestAnAddressThatWasTakenMeanwhile(t *testing.T) {
	s, box := withMail(t)
	alice := s.register("alice")
	sid := s.stranger().must("POST", registerTokenPath, tokenRequest("commun@agents.test"))["sid"]
	s.click(box.Wait(1))
	alice.has("alice", "commun@agents.test", box)
	s.stranger().fails(400, "M_THREEPID_IN_USE", "POST", registerPath, object{"username": "paul", "password": "x", "auth": emailProof(sid)})
	s.stranger().fails(403, "M_FORBIDDEN", "POST", loginPath, object{"type": "m.login.password", "user": "paul", "password": "x"})
}

func TestADeactivatedAccountHasNoAddress(t *testing.T) {
	s, box := withMail(t)
	alice, bob := s.register("alice"), s.register("bob")
	alice.has("alice", "alice@agents.test", box)
	alice.must("POST", deactivatePath, object{"auth": password("alice", nil)})
	bob.has("bob", "alice@agents.test", box)
	if got := bob.addresses(); got != "alice@agents.test" {
		t.Error(got)
	}
}

func TestSuspendedAccountsKeepTheirAddresses(t *testing.T) {
	s, box := withMail(t)
	alice := s.register("alice")
	alice.has("alice", "alice@agents.test", box)
	s.setState(alice, store.AccountSuspended, true)
	alice.fails(403, "M_USER_SUSPENDED", "POST", threepidPath+"/delete", object{"medium": "email", "address": "alice@agents.test"})
	alice.fails(403, "M_USER_SUSPENDED", "POST", threepidPath+"/add", object{"sid": "x", "client_secret": "x"})
	if got := alice.addresses(); got != "alice@agents.test" {
		t.Error(got)
	}
}
