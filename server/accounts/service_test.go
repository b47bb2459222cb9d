package accounts

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// follower notes which devices are gone, and refuses one device id.
type follower struct {
	gone []string
	fail error
}

func (f *follower) AdmitDevice(_ *store.Tx, _ store.Atom, deviceID string) error {
	if deviceID == "MASTERKEY" {
		return merr.Forbidden("This is the id of a cross-signing key")
	}
	return nil
}

func (f *follower) DevicesDeleted(_ *store.Tx, _ store.Atom, devices []store.Device) error {
	for _, d := range devices {
		f.gone = append(f.gone, d.DeviceID)
	}
	return f.fail
}

func open(t *testing.T, followers ...DeviceFollower) *Service {
	t.Helper()
	db := storetest.Open(t).DB
	cfg := Config{ServerName: "mairie.test", Password: Cost{MemoryKiB: 8, Iterations: 1, Threads: 1}}
	s, err := New(t.Context(), db, notify.New(), cfg, time.Now, rand.Reader, followers...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// register makes alice with the device A, and logs B and C in.
func register(t *testing.T, s *Service) *Session {
	t.Helper()
	grant, err := s.Register(t.Context(), NewAccount{Localpart: "alice", Password: "secret"}, NewDevice{ID: "A"})
	for _, id := range []string{"B", "C"} {
		if err == nil {
			_, err = s.Login(t.Context(), "alice", "secret", NewDevice{ID: id})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	session, err := s.Authenticate(t.Context(), grant.AccessToken, "192.0.2.1:4711")
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func TestFollowersLearnWhichDevicesAreGone(t *testing.T) {
	f := new(follower)
	s := open(t, f)
	session := register(t, s)
	ctx := t.Context()
	for _, step := range []struct {
		do   func() error
		gone []string
	}{
		{func() error { return s.DeleteDevices(ctx, session.User, []string{"B", "NONE"}) }, []string{"B"}},
		{func() error { return s.ChangePassword(ctx, session, "new", true) }, []string{"C"}},
		{func() error { return s.Logout(ctx, session) }, []string{"A"}},
		{func() error { return s.LogoutAll(ctx, session.User) }, nil},
	} {
		f.gone = nil
		if err := step.do(); err != nil || !slices.Equal(f.gone, step.gone) {
			t.Error(f.gone, err, "want", step.gone)
		}
	}
}

// Where a follower can't delete what it keeps, the device stays logged in: nothing is left behind without an owner.
func TestAFollowersFailureKeepsTheDevice(t *testing.T) {
	f := &follower{fail: errors.New("disk")}
	s := open(t, f)
	session := register(t, s)
	if err := s.Logout(t.Context(), session); !errors.Is(err, f.fail) {
		t.Fatal(err)
	}
	if devices, err := s.Devices(t.Context(), session.User); len(devices) != 3 || err != nil {
		t.Fatal(devices, err)
	}
}

func TestFollowersMayRefuseADeviceID(t *testing.T) {
	s := open(t, new(follower))
	session := register(t, s)
	if _, err := s.Login(t.Context(), "alice", "secret", NewDevice{ID: "MASTERKEY"}); !merr.Is(err, "M_FORBIDDEN") {
		t.Fatal(err)
	}
	if devices, err := s.Devices(t.Context(), session.User); len(devices) != 3 || err != nil {
		t.Fatal(devices, err)
	}
}

// A password that is changed while a log-in with the old one is under way does not leave a session behind.
func TestLoginWithAPasswordThatIsChangedMeanwhile(t *testing.T) {
	s := open(t)
	session := register(t, s)
	v, err := s.verifyAtLogin(t.Context(), "alice", "secret")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ChangePassword(t.Context(), session, "new", true); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Write(t.Context(), v.confirm); !merr.Is(err, "M_FORBIDDEN") {
		t.Fatal(err)
	}
}

func TestSightingsThatCouldNotBeWrittenAreKept(t *testing.T) {
	s := open(t)
	session := register(t, s)
	noted := s.seen.take()
	if at := noted[session.Device]; len(noted) != 1 || at.ip != "192.0.2.1" || at.ts%60_000 != 0 {
		t.Fatal(noted)
	}
	s.seen.giveBack(noted)
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.flushSeen(t.Context()); !errors.Is(err, store.ErrClosed) {
		t.Fatal(err)
	}
	s.seen.note(session.Device, time.UnixMilli(90_000), "no port")
	s.seen.giveBack(noted)
	if at := s.seen.take()[session.Device]; at.ts != 60_000 || at.ip != "no port" {
		t.Fatal("an older sighting replaced a newer one", at)
	}
}

// Two stages are completed in order, within one session.
func TestFlowOfTwoStages(t *testing.T) {
	s := open(t)
	session := register(t, s)
	op := Operation{Method: "POST", Path: "/x"}
	ask := func(auth string) (id any, completed any, code string) {
		_, err := s.Interactive(t.Context(), op, []byte(auth), Flow{DummyStage(), s.PasswordStage(session)})
		if err == nil {
			return nil, nil, "passed"
		}
		e := merr.From(err)
		return e.Extra["session"], e.Extra["completed"], e.Code
	}
	const withPassword = `"type":"m.login.password","user":"alice","password":"secret"`
	if _, completed, code := ask(`{` + withPassword + `}`); code != "M_FORBIDDEN" || len(completed.([]string)) != 0 {
		t.Fatal("the second stage came first:", completed, code)
	}
	id, completed, code := ask(`{"type":"m.login.dummy"}`)
	if code != "" || !slices.Equal(completed.([]string), []string{TypeDummy}) {
		t.Fatal(completed, code)
	}
	in := `"session":"` + id.(string) + `"`
	if again, completed, code := ask(`{"type":"m.login.dummy",` + in + `}`); again != id || code != "" || len(completed.([]string)) != 1 {
		t.Fatal("a completed stage that is sent again, because its answer was lost:", completed, code)
	}
	if _, _, code := ask(`{` + withPassword + `,` + in + `}`); code != "passed" {
		t.Fatal(code)
	}
	if _, completed, code := ask(`{` + in + `}`); code != "" || len(completed.([]string)) != 0 {
		t.Fatal("a session that was used goes on:", completed, code)
	}
}

// Two requests that end the same session at the same time: the second finds it used up.
func TestASessionIsUsedOnce(t *testing.T) {
	s := open(t)
	op := Operation{Method: "POST", Path: "/x"}
	last := Stage{Type: TypeEmail, Check: DummyStage().Check}
	first := Flow{DummyStage(), last}
	_, err := s.Interactive(t.Context(), op, []byte(`{"type":"m.login.dummy"}`), first)
	auth := fmt.Appendf(nil, `{"type":%q,"session":%q}`, TypeEmail, merr.From(err).Extra["session"])
	last.Check = func(ctx context.Context, _ json.RawMessage) (string, bool, error) {
		_, err := s.Interactive(ctx, op, auth, first) // the other request, meanwhile
		return "", err == nil, err
	}
	if _, err := s.Interactive(t.Context(), op, auth, Flow{DummyStage(), last}); !merr.Is(err, "M_FORBIDDEN") {
		t.Fatal(err)
	}
}

// A client may take any of the flows, also where they begin alike.
func TestFlowsThatBeginAlike(t *testing.T) {
	s := open(t)
	op := Operation{Method: "POST", Path: "/x"}
	token := Stage{Type: TypeRegistrationToken, Params: map[string]any{"hint": "x"}, Check: func(context.Context, json.RawMessage) (string, bool, error) { return "abc", true, nil }}
	flows := []Flow{{token, {Type: TypeEmail}}, {token, DummyStage()}}
	_, err := s.Interactive(t.Context(), op, nil, flows...)
	if params := fmt.Sprint(merr.From(err).Extra["params"]); params != "map[m.login.registration_token:map[hint:x]]" {
		t.Fatal(params)
	}
	_, err = s.Interactive(t.Context(), op, []byte(`{"type":"m.login.registration_token"}`), flows...)
	id := merr.From(err).Extra["session"]
	if s.uia.holding(TypeRegistrationToken, "abc") != 1 {
		t.Fatal("nobody holds the token")
	}
	proven, err := s.Interactive(t.Context(), op, fmt.Appendf(nil, `{"type":"m.login.dummy","session":%q}`, id), flows...)
	if err != nil || !slices.Equal(proven.types(), []string{TypeRegistrationToken, TypeDummy}) || s.uia.holding(TypeRegistrationToken, "abc") != 0 {
		t.Fatal(proven, err)
	}
}
