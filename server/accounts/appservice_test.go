package accounts

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"beffroi/server/merr"
	"beffroi/server/registrations"
	"beffroi/server/store"
)

const ircFile = `{id: irc, url: null, as_token: as_token-in-tests, hs_token: hs_token-in-tests, sender_localpart: irc,
	namespaces: {users: [{exclusive: true, regex: '@_irc_'}, {exclusive: false, regex: '@alice:'}]}}`

func services(t *testing.T) *registrations.Set {
	t.Helper()
	name := filepath.Join(t.TempDir(), "irc.yaml")
	if err := os.WriteFile(name, []byte(ircFile), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := registrations.Load([]string{name}, "mairie.test")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// A service acts within what the accounts that it acts as may do, and never with the rights of an administrator who is a person.
func TestAServiceIsBoundByTheStateOfItsUsers(t *testing.T) {
	s, ctx := open(t), t.Context()
	s.cfg.Services = services(t)
	if err := s.db.Write(ctx, func(tx *store.Tx) error { return putSenders(tx, s.cfg, 0) }); err != nil {
		t.Fatal(err)
	}
	alice := register(t, s)
	service := s.cfg.Services.All()[0]
	if _, err := s.Register(ctx, NewAccount{Localpart: "_irc_bob", Service: service, NoDevice: true}, NewDevice{}); err != nil {
		t.Fatal(err)
	}
	own, err := s.Authenticate(ctx, "as_token-in-tests", "")
	if err != nil || own.UserID != "@irc:mairie.test" || own.Admin || !own.Allowance().Unlimited {
		t.Fatalf("%+v, %v", own, err)
	}
	const bob, person = "@_irc_bob:mairie.test", "@alice:mairie.test"
	as := func(userID string) (*Session, error) { return s.Assert(ctx, own, url.Values{"user_id": {userID}}) }
	ghost, err := as(bob)
	if err != nil || ghost.Allowance().Unlimited || ghost.Device >= 0 || ghost.Device == own.Device {
		t.Fatalf("%+v, %v", ghost, err)
	}
	for _, user := range []store.Atom{ghost.User, alice.User, own.User} {
		if err := s.SetAdmin(ctx, user, true); err != nil {
			t.Fatal(err)
		}
	}
	for userID, admin := range map[string]bool{bob: true, person: false, own.UserID: true} {
		if session, err := as(userID); err != nil || session.Admin != admin {
			t.Errorf("%s: %+v, %v", userID, session, err)
		}
	}
	set := func(state store.AccountState, on bool) {
		t.Helper()
		if err := s.SetState(ctx, bob, state, on); err != nil {
			t.Fatal(err)
		}
	}
	set(store.AccountSuspended, true)
	if session, err := as(bob); err != nil || !merr.Is(session.Writable(), "M_USER_SUSPENDED") {
		t.Errorf("suspended: %+v, %v", session, err)
	}
	set(store.AccountSuspended, false)
	set(store.AccountLocked, true)
	login := func() error {
		_, err := s.LoginAs(ctx, service, "_irc_bob", NewDevice{})
		return err
	}
	if _, err := as(bob); !merr.Is(err, "M_USER_LOCKED") || !merr.Is(s.Still(ctx, ghost), "M_USER_LOCKED") || !merr.Is(login(), "M_USER_LOCKED") {
		t.Error("locked: ", err)
	}
	set(store.AccountLocked, false)
	if err := s.Still(ctx, ghost); err != nil {
		t.Error(err)
	}
	if err := s.Deactivate(ctx, ghost.User, false); err != nil {
		t.Fatal(err)
	}
	if _, err := as(bob); !merr.Is(err, "M_FORBIDDEN") || !merr.Is(s.Still(ctx, ghost), "M_FORBIDDEN") || !merr.Is(login(), "M_FORBIDDEN") {
		t.Error("deactivated: ", err)
	}
	if session, err := s.Assert(ctx, alice, url.Values{"user_id": {own.UserID}}); err != nil || session != alice {
		t.Error("a person is themselves: ", session, err)
	}
	if _, err := s.AuthenticateForLogout(ctx, "as_token-in-tests"); !merr.Is(err, "M_FORBIDDEN") {
		t.Error(err)
	}
}

// A service that is known keeps its account, even where somebody gave that a password; a new one does not take a person's.
func TestSendersOfServices(t *testing.T) {
	s, ctx := open(t), t.Context()
	if _, err := s.Register(ctx, NewAccount{Localpart: "irc", Password: "secret"}, NewDevice{}); err != nil {
		t.Fatal(err)
	}
	s.cfg.Services = services(t)
	put := func() error {
		return s.db.Write(ctx, func(tx *store.Tx) error { return putSenders(tx, s.cfg, 0) })
	}
	if err := put(); err == nil {
		t.Error("a person's account was taken")
	}
	if err := s.db.Write(ctx, func(tx *store.Tx) error { return tx.PutServiceCursor(store.ServiceCursor{ID: "irc"}) }); err != nil {
		t.Fatal(err)
	}
	if err := put(); err != nil {
		t.Error(err)
	}
}
