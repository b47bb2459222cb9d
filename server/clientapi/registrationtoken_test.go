package clientapi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/store"
)

const validityPath = "/_matrix/client/v1/register/m.login.registration_token/validity"

func (s *server) openRegistration(flows ...[]string) {
	s.t.Helper()
	if err := s.acc.SetRegistration(s.t.Context(), flows); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) addToken(t accounts.RegistrationToken) string {
	s.t.Helper()
	made, err := s.acc.AddRegistrationToken(s.t.Context(), t)
	if err != nil {
		s.t.Fatal(err)
	}
	return made.Token
}

func (s *server) token(token string) accounts.RegistrationToken {
	s.t.Helper()
	t, err := s.acc.RegistrationToken(s.t.Context(), token)
	if err != nil {
		s.t.Fatal(err)
	}
	return t
}

func withToken(token any, more object) object {
	body := object{"auth": object{"type": accounts.TypeRegistrationToken, "token": token}, "password": "x"}
	for k, v := range more {
		body[k] = v
	}
	return body
}

func (s *server) valid(token string) bool {
	s.t.Helper()
	return s.stranger().must("GET", validityPath+"?token="+token, nil)["valid"].(bool)
}

func TestRegisterByToken(t *testing.T) {
	s := start(t)
	s.openRegistration([]string{accounts.TypeRegistrationToken})
	once := int64(1)
	token := s.addToken(accounts.RegistrationToken{UsesAllowed: &once})
	if status, challenge := s.stranger().do("POST", registerPath, object{}); status != 401 || fmt.Sprint(challenge["flows"]) != "[map[stages:[m.login.registration_token]]]" {
		t.Fatal(status, challenge)
	}
	s.stranger().fails(401, "M_FORBIDDEN", "POST", registerPath, dummy(object{"password": "x"}))
	s.stranger().fails(401, "M_FORBIDDEN", "POST", registerPath, withToken("wrong", nil))
	s.stranger().fails(401, "M_FORBIDDEN", "POST", registerPath, withToken(nil, nil))
	s.stranger().fails(400, "M_BAD_JSON", "POST", registerPath, withToken(7, nil))
	if !s.valid(token) || s.valid("wrong") || s.valid("") {
		t.Fatal("valid:", s.valid(token), s.valid("wrong"))
	}
	s.stranger().fails(400, "M_USER_IN_USE", "POST", registerPath, withToken(token, object{"username": "_commune"}))
	s.stranger().must("POST", registerPath, withToken(token, object{"username": "alice"}))
	if s.valid(token) || s.token(token).Completed != 1 {
		t.Fatal("the token was not used", s.token(token))
	}
	s.stranger().fails(401, "M_FORBIDDEN", "POST", registerPath, withToken(token, nil))
	s.stranger().fails(400, "M_MISSING_PARAM", "GET", validityPath, nil)
}

// A token that somebody has shown who still must prove more is not given to one more than may use it.
func TestTokensArePendingWhileMoreIsAsked(t *testing.T) {
	s := start(t)
	email := accounts.Stage{Type: accounts.TypeEmail, Check: accounts.DummyStage().Check}
	s.api.RegistrationStages = []accounts.Stage{email}
	s.openRegistration([]string{accounts.TypeRegistrationToken, accounts.TypeEmail})
	once := int64(1)
	token := s.addToken(accounts.RegistrationToken{UsesAllowed: &once})
	status, challenge := s.stranger().do("POST", registerPath, withToken(token, nil))
	if status != 401 || fmt.Sprint(challenge["completed"]) != "[m.login.registration_token]" || s.token(token).Pending != 1 || s.valid(token) {
		t.Fatal(status, challenge, s.token(token))
	}
	s.stranger().fails(401, "M_FORBIDDEN", "POST", registerPath, withToken(token, nil))
	s.stranger().must("POST", registerPath, object{"password": "x", "auth": object{"type": accounts.TypeEmail, "session": challenge["session"]}})
	if now := s.token(token); now.Pending != 0 || now.Completed != 1 {
		t.Fatal(now)
	}

	free := s.addToken(accounts.RegistrationToken{})
	s.stranger().do("POST", registerPath, withToken(free, nil))
	s.clock.advance(15 * time.Minute)
	if now := s.token(free); now.Pending != 0 {
		t.Fatal("pending for ever", now)
	}
}

// Where the last use goes to another between the proof and the account, nobody gets in by it.
func TestATokenIsUsedUpMeanwhile(t *testing.T) {
	s := start(t)
	s.api.RegistrationStages = []accounts.Stage{{Type: accounts.TypeEmail, Check: accounts.DummyStage().Check}}
	s.openRegistration([]string{accounts.TypeRegistrationToken, accounts.TypeEmail})
	token := s.addToken(accounts.RegistrationToken{})
	_, challenge := s.stranger().do("POST", registerPath, withToken(token, nil))
	none := int64(0)
	if _, err := s.acc.ChangeRegistrationToken(t.Context(), token, func(t *accounts.RegistrationToken) { t.UsesAllowed = &none }); err != nil {
		t.Fatal(err)
	}
	s.stranger().fails(403, "M_FORBIDDEN", "POST", registerPath,
		object{"username": "alice", "password": "x", "auth": object{"type": accounts.TypeEmail, "session": challenge["session"]}})
	s.stranger().must("GET", availablePath+"alice", nil)
}

func TestTokensExpire(t *testing.T) {
	s := start(t)
	s.openRegistration([]string{accounts.TypeRegistrationToken})
	soon := store.Millis(s.clock.Now().Add(time.Hour))
	token := s.addToken(accounts.RegistrationToken{Token: "abc.DEF_1~2-3", Expires: &soon})
	if !s.valid(token) {
		t.Fatal("not valid at first")
	}
	s.clock.advance(time.Hour)
	if s.valid(token) {
		t.Fatal("valid after its time")
	}
	s.stranger().fails(401, "M_FORBIDDEN", "POST", registerPath, withToken(token, nil))
	uses := int64(5)
	changed, err := s.acc.ChangeRegistrationToken(t.Context(), token, func(t *accounts.RegistrationToken) { t.UsesAllowed = &uses })
	if err != nil || *changed.UsesAllowed != 5 || *changed.Expires != soon {
		t.Fatal("what has expired may be changed otherwise:", changed, err)
	}
	if _, err := s.acc.ChangeRegistrationToken(t.Context(), token, func(t *accounts.RegistrationToken) { t.Expires = nil }); err != nil || !s.valid(token) {
		t.Fatal(err)
	}
}

func TestRegistrationTokensAreRefused(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	less, past := int64(-1), store.Millis(s.clock.Now())
	token := s.addToken(accounts.RegistrationToken{})
	for _, bad := range []accounts.RegistrationToken{{Token: "a b"}, {Token: "é"}, {Token: strings.Repeat("x", 65)}, {UsesAllowed: &less}, {Expires: &past}, {Token: token}} {
		if _, err := s.acc.AddRegistrationToken(ctx, bad); !isInvalid(err) {
			t.Error(bad, err)
		}
	}
	for _, change := range []func(*accounts.RegistrationToken){
		func(t *accounts.RegistrationToken) { t.UsesAllowed = &less }, func(t *accounts.RegistrationToken) { t.Expires = &past },
	} {
		if _, err := s.acc.ChangeRegistrationToken(ctx, token, change); !isInvalid(err) {
			t.Error(err)
		}
	}
	if all, err := s.acc.RegistrationTokens(ctx); err != nil || len(all) != 1 || all[0].Token != token {
		t.Fatal(all, err)
	}
	if err := s.acc.DeleteRegistrationToken(ctx, token); err != nil {
		t.Fatal(err)
	}
	if err := s.acc.DeleteRegistrationToken(ctx, token); !merr.Is(err, "M_NOT_FOUND") {
		t.Fatal(err)
	}
	if all, err := s.acc.RegistrationTokens(ctx); err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
}

// A copy of the table shows no token.
func TestRegistrationTokensAreSealed(t *testing.T) {
	s := start(t)
	token := s.addToken(accounts.RegistrationToken{Token: "in-clear-nowhere"})
	rows, err := store.Get(t.Context(), s.db, func(r *store.Reader) ([]store.RegistrationToken, error) { return r.RegistrationTokens() })
	if err != nil || len(rows) != 1 || strings.Contains(string(rows[0].Hash)+string(rows[0].Sealed), token) {
		t.Fatal(rows, err)
	}
}

func TestTheSettingOfRegistration(t *testing.T) {
	s := start(t)
	s.openRegistration()
	s.stranger().fails(403, "M_FORBIDDEN", "POST", registerPath, dummy(object{"password": "x"}))
	s.stranger().fails(403, "M_FORBIDDEN", "GET", availablePath+"alice", nil)
	s.stranger().fails(403, "M_FORBIDDEN", "GET", validityPath+"?token=x", nil)
	s.openRegistration([]string{accounts.TypeEmail}) // nobody checks it
	s.stranger().fails(403, "M_FORBIDDEN", "POST", registerPath, dummy(object{"password": "x"}))
	s.openRegistration([]string{accounts.TypeRegistrationToken}, []string{accounts.TypeDummy})
	s.stranger().must("POST", registerPath, dummy(object{"password": "x"}))
	s.openRegistration([]string{accounts.TypeDummy})
	if token := s.addToken(accounts.RegistrationToken{}); s.valid(token) {
		t.Fatal("a token that opens nothing is valid")
	}
	for _, bad := range [][][]string{{{}}, {{"m.login.password"}}, {{accounts.TypeDummy, accounts.TypeEmail}},
		{{accounts.TypeEmail, accounts.TypeEmail}}, make([][]string, 9)} {
		if err := s.acc.SetRegistration(t.Context(), bad); !isInvalid(err) {
			t.Error(bad, err)
		}
	}
}
