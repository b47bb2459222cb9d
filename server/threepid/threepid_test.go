package threepid

import (
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/mail"
	"beffroi/server/mail/mailtest"
	"beffroi/server/merr"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

const base = "https://matrix.vauclair.test"

type fixture struct {
	*Service
	t      *testing.T
	db     *store.DB
	mails  *mail.Service
	server *mailtest.Server

	mu   sync.Mutex
	time time.Time
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.time
}

func (f *fixture) move(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.time = f.time.Add(d)
}

// start makes a service whose mails go to a real mail server.
func start(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, time: time.Date(2026, 11, 23, 9, 5, 0, 0, time.Local), server: mailtest.Start(t, mailtest.Options{})}
	var err error
	f.db = storetest.Open(t).DB
	f.mails, err = mail.New(t.Context(), f.db, mail.Config{ServerName: "vauclair.test", Dial: new(net.Dialer).DialContext, Now: f.clock, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	f.Service = New(f.db, f.mails, base, f.clock, zerolog.Nop())
	if err := f.mails.Configure(t.Context(), mail.Settings{Host: f.server.Host, Port: f.server.Port, TLS: mail.None, From: "messagerie@vauclair.test"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- f.mails.Run(ctx) }()
	t.Cleanup(func() { // before the database is closed
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return f
}

// account makes one, with addresses.
func (f *fixture) account(userID string, addresses ...string) (user store.Atom) {
	f.t.Helper()
	err := f.db.Write(f.t.Context(), func(tx *store.Tx) (err error) {
		if user, err = tx.Atom(userID); err != nil {
			return err
		}
		if _, err = tx.PutAccount(store.Account{User: user}); err != nil {
			return err
		}
		for i, address := range addresses {
			if err := tx.PutThreepid(store.Threepid{Address: address, User: user, Validated: 1, Added: int64(i + 1), Language: "fr"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return user
}

func ask(p Purpose, address, secret string) Request {
	return Request{Purpose: p, Address: address, ClientSecret: secret, SendAttempt: 1, Language: "fr"}
}

func (f *fixture) request(q Request) (sid string) {
	f.t.Helper()
	sid, err := f.RequestToken(f.t.Context(), q)
	if err != nil || sid == "" {
		f.t.Fatal(sid, err)
	}
	return sid
}

// token is what the link in a mail holds, "" where it has none.
func token(m mailtest.Mail) string {
	_, rest, _ := strings.Cut(m.Text, base+Path+"?jeton=")
	token, _, _ := strings.Cut(rest, "\n")
	return token
}

func (f *fixture) confirm(m mailtest.Mail) {
	f.t.Helper()
	if _, ok, err := f.Confirm(f.t.Context(), token(m)); !ok || err != nil {
		f.t.Fatal(ok, err, m.Text)
	}
}

func (f *fixture) addresses(user store.Atom) string {
	f.t.Helper()
	all, err := f.List(f.t.Context(), user)
	if err != nil {
		f.t.Fatal(err)
	}
	var list []string
	for _, t := range all {
		list = append(list, t.Address)
	}
	return strings.Join(list, " ")
}

func refusedWith(t *testing.T, what, code string, err error) {
	t.Helper()
	if !merr.Is(err, code) {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestAnAddressIsAdded(t *testing.T) {
	f := start(t)
	user := f.account("@elodie:vauclair.test", "ancienne@mairie.test")
	sid := f.request(ask(Add, "Elodie@Mairie.TEST", "s3cret"))
	refusedWith(t, "before the click", "M_THREEPID_AUTH_FAILED", f.Add(t.Context(), user, sid, "s3cret"))
	m := f.server.Wait(1)
	if m.To != "elodie@mairie.test" || m.Subject != "Confirmez votre adresse électronique" {
		t.Errorf("%+v", m)
	}
	opened, ok, err := f.Look(t.Context(), token(m))
	if err != nil || !ok || opened.Proven || opened.Purpose != Add || opened.Address != "elodie@mairie.test" {
		t.Fatal(opened, ok, err)
	}
	refusedWith(t, "a look is no click", "M_THREEPID_AUTH_FAILED", f.Add(t.Context(), user, sid, "s3cret"))
	f.confirm(m)
	f.confirm(m) // twice
	refusedWith(t, "another's secret", "M_THREEPID_AUTH_FAILED", f.Add(t.Context(), user, sid, "other"))
	refusedWith(t, "another's session", "M_THREEPID_AUTH_FAILED", f.Add(t.Context(), user, "other", "s3cret"))
	if err := f.Add(t.Context(), user, sid, "s3cret"); err != nil {
		t.Fatal(err)
	}
	if got := f.addresses(user); got != "ancienne@mairie.test elodie@mairie.test" {
		t.Error(got)
	}
	refusedWith(t, "used up", "M_THREEPID_AUTH_FAILED", f.Add(t.Context(), user, sid, "s3cret"))
	if _, ok, err := f.Look(t.Context(), token(m)); ok || err != nil {
		t.Error("the link is still good", err)
	}
	if told := f.server.Wait(2); told.To != "ancienne@mairie.test" || !strings.Contains(told.Text, "elodie@mairie.test") {
		t.Errorf("the old address was told: %+v", told)
	}
	for address, want := range map[string]string{"ELODIE@mairie.test": "@elodie:vauclair.test", "autre@mairie.test": "", "x": ""} {
		if owner, err := f.Owner(t.Context(), Email, address); owner != want || err != nil {
			t.Errorf("%s: %q %v", address, owner, err)
		}
	}
	if owner, err := f.Owner(t.Context(), "msisdn", "elodie@mairie.test"); owner != "" || err != nil {
		t.Error("a telephone number", owner, err)
	}
}

// Whether an address is somebody's shows in the mail only: the answers, and what they lead to, are alike.
func TestNobodyLearnsWhoseAnAddressIs(t *testing.T) {
	f := start(t)
	user := f.account("@elodie:vauclair.test", "elodie@mairie.test")
	if err := f.SetDomains(t.Context(), []string{"mairie.test"}); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		q       Request
		subject string
	}{
		{ask(Add, "elodie@mairie.test", "a"), "Cette adresse est déjà celle d’un compte"},
		{ask(Register, "elodie@mairie.test", "a"), "Vous avez déjà un compte"},
		{ask(Reset, "inconnue@mairie.test", "a"), "Aucun compte n’a cette adresse"},
	} {
		sid := f.request(c.q)
		m := f.server.Wait(i + 1)
		if m.Subject != c.subject || m.To != c.q.Address || token(m) != "" || strings.Contains(m.Text, base) {
			t.Errorf("%+v", m)
		}
		if again := f.request(c.q); again != sid {
			t.Errorf("the same question, another session: %s, %s", sid, again)
		}
		auth, err := json.Marshal(map[string]any{"threepid_creds": map[string]string{"sid": sid, "client_secret": "a"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := f.Stage(c.q.Purpose).Check(t.Context(), auth); ok || err != nil {
			t.Error("proven without a link", err)
		}
		refusedWith(t, "add", "M_THREEPID_AUTH_FAILED", f.Add(t.Context(), user, sid, "a"))
	}
	if _, ok, err := f.Look(t.Context(), ""); ok || err != nil {
		t.Error("no token opens a session", err)
	}
	if _, ok, err := f.Confirm(t.Context(), ""); ok || err != nil {
		t.Error("no token confirms a session", err)
	}
}

func TestSendAttempts(t *testing.T) {
	f := start(t)
	f.account("@elodie:vauclair.test", "elodie@mairie.test")
	q := ask(Reset, "elodie@mairie.test", "a")
	q.SendAttempt = 3
	sid := f.request(q)
	first := f.server.Wait(1)
	for _, attempt := range []int64{3, 2, 0} {
		q.SendAttempt = attempt
		if f.request(q) != sid {
			t.Error("another session")
		}
	}
	q.SendAttempt = 4
	if f.request(q) != sid {
		t.Error("another session")
	}
	second := f.server.Wait(2)
	if len(f.server.Mails()) != 2 || token(first) == token(second) {
		t.Error(len(f.server.Mails()))
	}
	if _, ok, err := f.Confirm(t.Context(), token(first)); ok || err != nil {
		t.Error("the first mail's link is still good", err)
	}
	f.confirm(second)
	q.SendAttempt = 5
	if f.request(q) != sid || len(f.server.Mails()) != 2 {
		t.Error("a mail for what is proven")
	}
	q.ClientSecret = "b"
	if f.request(q) == sid {
		t.Error("another secret, the same session")
	}
	q.Purpose, q.ClientSecret = Add, "a"
	if f.request(q) == sid {
		t.Error("another purpose, the same session")
	}
}

func TestSessionsEnd(t *testing.T) {
	f := start(t)
	user := f.account("@elodie:vauclair.test", "elodie@mairie.test")
	for n, c := range []struct {
		q    Request
		life time.Duration
	}{{ask(Reset, "elodie@mairie.test", "a"), resetLifetime}, {ask(Add, "autre@mairie.test", "a"), lifetime}} {
		sid := f.request(c.q)
		m := f.server.Wait(2*n + 1)
		f.move(c.life)
		if _, ok, err := f.Confirm(t.Context(), token(m)); ok || err != nil {
			t.Error("too late", err)
		}
		if f.request(c.q) == sid {
			t.Error("what is over was continued")
		}
		m = f.server.Wait(2*n + 2)
		f.move(c.life - time.Minute)
		f.confirm(m)
		f.move(10 * time.Minute) // what was proven may be used for a while
	}
	q := ask(Add, "encore@mairie.test", "a")
	sid := f.request(q)
	f.confirm(f.server.Wait(5))
	f.move(lifetime)
	refusedWith(t, "too late", "M_THREEPID_AUTH_FAILED", f.Add(t.Context(), user, sid, "a"))
	if err := f.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := f.db.Read(t.Context(), func(r *store.Reader) error {
		_, found, err := r.ThreepidSession(sid)
		if found {
			t.Error("it is kept")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	f := start(t)
	if err := f.SetDomains(t.Context(), []string{"mairie.test"}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Request)
		code   string
	}{
		"no address":     {func(q *Request) { q.Address = "x" }, "M_INVALID_PARAM"},
		"two addresses":  {func(q *Request) { q.Address = "a@mairie.test,b@mairie.test" }, "M_INVALID_PARAM"},
		"secret":         {func(q *Request) { q.ClientSecret = "a b" }, "M_INVALID_PARAM"},
		"no secret":      {func(q *Request) { q.ClientSecret = "" }, "M_INVALID_PARAM"},
		"long secret":    {func(q *Request) { q.ClientSecret = strings.Repeat("a", 256) }, "M_INVALID_PARAM"},
		"attempt":        {func(q *Request) { q.SendAttempt = -1 }, "M_INVALID_PARAM"},
		"long link":      {func(q *Request) { q.NextLink = base + "/" + strings.Repeat("a", maxLinkBytes) }, "M_INVALID_PARAM"},
		"another domain": {func(q *Request) { q.Purpose, q.Address = Register, "a@ailleurs.test" }, "M_THREEPID_DENIED"},
		"below a domain": {func(q *Request) { q.Purpose, q.Address = Register, "a@x.mairie.test" }, "M_THREEPID_DENIED"},
	} {
		q := ask(Add, "a@mairie.test", "a")
		c.change(&q)
		_, err := f.RequestToken(t.Context(), q)
		refusedWith(t, name, c.code, err)
	}
	if err := f.mails.Configure(t.Context(), mail.Settings{}); err != nil {
		t.Fatal(err)
	}
	_, err := f.RequestToken(t.Context(), ask(Add, "a@mairie.test", "a"))
	refusedWith(t, "no mail", "M_THREEPID_MEDIUM_NOT_SUPPORTED", err)
	_, err = f.RequestToken(t.Context(), ask(Reset, "a@mairie.test", "a"))
	refusedWith(t, "no mail", "M_THREEPID_DENIED", err)
	if got := len(f.server.Mails()); got != 0 {
		t.Errorf("%d mails went", got)
	}
}

func TestDomains(t *testing.T) {
	f := start(t)
	_, err := f.RequestToken(t.Context(), ask(Register, "a@mairie.test", "a"))
	refusedWith(t, "no domain is open", "M_THREEPID_DENIED", err)
	for _, bad := range []string{"", "mairie", "a@mairie.test", "*.mairie.test", "mairie test", "mairie.test\n"} {
		refusedWith(t, bad, "M_INVALID_PARAM", f.SetDomains(t.Context(), []string{bad}))
	}
	refusedWith(t, "many", "M_INVALID_PARAM", f.SetDomains(t.Context(), make([]string, maxDomains+1)))
	if err := f.SetDomains(t.Context(), []string{"Mairie.Test", "mairié.test"}); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Domains(t.Context()); err != nil || strings.Join(got, " ") != "mairie.test xn--mairi-fsa.test" {
		t.Error(got, err)
	}
	f.request(ask(Register, "a@MAIRIÉ.test", "a"))
}

// Nobody fills another's mailbox through this server.
func TestMailsAreBounded(t *testing.T) {
	f := start(t)
	far := netip.MustParseAddr("192.0.2.7")
	wait := func(err error) time.Duration {
		t.Helper()
		refusedWith(t, "too many", "M_LIMIT_EXCEEDED", err)
		ms, _ := merr.From(err).Extra["retry_after_ms"].(int64)
		return time.Duration(ms) * time.Millisecond
	}
	name := func(i int) string { return strings.Repeat("x", i+1) }
	for i := range perAddress {
		f.request(ask(Reset, "victime@mairie.test", name(i)))
		f.move(time.Minute)
	}
	_, err := f.RequestToken(t.Context(), ask(Reset, "victime@mairie.test", "autre"))
	if got := wait(err); got != window-perAddress*time.Minute {
		t.Error("an address:", got)
	}
	f.move(window - perAddress*time.Minute)
	f.request(ask(Reset, "victime@mairie.test", "autre"))

	for i := range perNetwork {
		q := ask(Reset, name(i)+"@mairie.test", "a")
		q.From = far
		f.request(q)
	}
	q := ask(Reset, "autre@mairie.test", "a")
	q.From = netip.MustParseAddr("192.0.2.200")
	_, err = f.RequestToken(t.Context(), q)
	wait(err)
	q.From = netip.MustParseAddr("198.51.100.1")
	f.request(q)

	user := f.account("@elodie:vauclair.test")
	for i := range perAccount {
		q := ask(Add, name(i)+"@ailleurs.test", "a")
		q.User = user
		f.request(q)
	}
	q = ask(Add, "autre@ailleurs.test", "a")
	q.User = user
	_, err = f.RequestToken(t.Context(), q)
	wait(err)

	q.User = 0
	for i := 0; err == nil || i == 0; i++ {
		q.Address = "a" + name(i%50) + "@" + strings.Repeat("b", i/50+1) + ".test"
		if _, err = f.RequestToken(t.Context(), q); i > together {
			t.Fatal("no bound for all")
		}
	}
	wait(err)
}

func TestNextLinksLeadHere(t *testing.T) {
	f := start(t)
	for link, want := range map[string]bool{
		base + "/connexion?x=1":                     true,
		"":                                          false,
		"https://ailleurs.test/":                    false,
		"http://matrix.vauclair.test/":              false,
		"https://matrix.vauclair.test.mal.test/":    false,
		"https://matrix.vauclair.test:444/":         false,
		"https://x@matrix.vauclair.test/":           false,
		"https://matrix.vauclair.test@mal.test/":    false,
		"//matrix.vauclair.test/":                   false,
		"/connexion":                                false,
		"javascript:alert(1)//matrix.vauclair.test": false,
		"https:\\\\matrix.vauclair.test":            false,
	} {
		if f.ours(link) != want {
			t.Errorf("%q: %v", link, !want)
		}
	}
	for n, link := range []string{base + "/connexion", "https://ailleurs.test/"} {
		q := ask(Add, "a@mairie.test", link[8:11])
		q.NextLink = link
		f.request(q)
		opened, _, err := f.Confirm(t.Context(), token(f.server.Wait(n+1)))
		if want := map[int]string{0: link}[n]; opened.NextLink != want || err != nil {
			t.Errorf("%s: %q, %v", link, opened.NextLink, err)
		}
	}
}

// settled runs what a stage means, as the write that uses the proof does.
func (f *fixture) settled(p Purpose, user store.Atom, sid string) error {
	return f.db.Write(f.t.Context(), func(tx *store.Tx) error { return f.Stage(p).Settle(tx, user, sid) })
}

func (f *fixture) checked(p Purpose, sid, secret string) bool {
	f.t.Helper()
	auth, err := json.Marshal(map[string]any{"threepid_creds": map[string]string{"sid": sid, "client_secret": secret}})
	if err != nil {
		f.t.Fatal(err)
	}
	proof, ok, err := f.Stage(p).Check(f.t.Context(), auth)
	if err != nil || proof != sid {
		f.t.Fatal(proof, err)
	}
	return ok
}

func TestAStageIsUsedOnce(t *testing.T) {
	f := start(t)
	if err := f.SetDomains(t.Context(), []string{"mairie.test"}); err != nil {
		t.Fatal(err)
	}
	user, other := f.account("@elodie:vauclair.test", "elodie@mairie.test"), f.account("@paul:vauclair.test")
	for n, c := range []struct {
		q    Request
		user store.Atom
	}{{ask(Reset, "elodie@mairie.test", "a"), user}, {ask(Register, "paul@mairie.test", "a"), other}} {
		sid := f.request(c.q)
		if f.checked(c.q.Purpose, sid, "a") {
			t.Error("proven before the click")
		}
		refusedWith(t, "before the click", "M_FORBIDDEN", f.settled(c.q.Purpose, c.user, sid))
		f.confirm(f.server.Wait(n + 1))
		if !f.checked(c.q.Purpose, sid, "a") || f.checked(c.q.Purpose, sid, "b") {
			t.Error("the secret counts")
		}
		for _, purpose := range []Purpose{Add, Reset, Register} {
			if purpose != c.q.Purpose && f.checked(purpose, sid, "a") {
				t.Errorf("%s proves %s", c.q.Purpose, purpose)
			}
		}
		if c.q.Purpose == Reset {
			refusedWith(t, "another's account", "M_FORBIDDEN", f.settled(Reset, other, sid))
			if got, err := f.Account(t.Context(), sid); got != user || err != nil {
				t.Error(got, err)
			}
		}
		if err := f.settled(c.q.Purpose, c.user, sid); err != nil {
			t.Fatal(err)
		}
		refusedWith(t, "twice", "M_FORBIDDEN", f.settled(c.q.Purpose, c.user, sid))
		if f.checked(c.q.Purpose, sid, "a") {
			t.Error("still proven")
		}
	}
	if got := f.addresses(other); got != "paul@mairie.test" {
		t.Error(got)
	}
	_, err := f.Account(t.Context(), "none")
	refusedWith(t, "no session", "M_FORBIDDEN", err)
	for _, auth := range []string{`{}`, `{"threepid_creds":{"sid":"x"}}`, `{"threepid_creds":{"client_secret":"x"}}`} {
		_, _, err := f.Stage(Reset).Check(t.Context(), json.RawMessage(auth))
		refusedWith(t, auth, "M_MISSING_PARAM", err)
	}
	_, _, err = f.Stage(Reset).Check(t.Context(), json.RawMessage(`{"threepid_creds":3}`))
	refusedWith(t, "shape", "M_BAD_JSON", err)
}

// Two who have both proven an address don't both get it.
func TestAnAddressIsOneAccountsOnly(t *testing.T) {
	f := start(t)
	one, two := f.account("@un:vauclair.test"), f.account("@deux:vauclair.test")
	first, second := f.request(ask(Add, "commun@mairie.test", "a")), f.request(ask(Add, "commun@mairie.test", "b"))
	f.confirm(f.server.Wait(1))
	f.confirm(f.server.Wait(2))
	if err := f.Add(t.Context(), one, first, "a"); err != nil {
		t.Fatal(err)
	}
	refusedWith(t, "the other", "M_THREEPID_IN_USE", f.Add(t.Context(), two, second, "b"))
	if got := f.addresses(one) + f.addresses(two); got != "commun@mairie.test" {
		t.Error(got)
	}
}

func TestAnAccountHasSomeAddresses(t *testing.T) {
	f := start(t)
	var many []string
	for i := range maxAddresses {
		many = append(many, strings.Repeat("x", i+1)+"@mairie.test")
	}
	user := f.account("@elodie:vauclair.test", many...)
	sid := f.request(ask(Add, "encore@mairie.test", "a"))
	f.confirm(f.server.Wait(1))
	refusedWith(t, "one more", "M_THREEPID_DENIED", f.Add(t.Context(), user, sid, "a"))
}

func TestAnAddressIsDeleted(t *testing.T) {
	f := start(t)
	user, other := f.account("@elodie:vauclair.test", "a@mairie.test", "b@mairie.test"), f.account("@paul:vauclair.test", "paul@mairie.test")
	for what, err := range map[string]error{
		"another's":          f.Delete(t.Context(), user, Email, "paul@mairie.test"),
		"nobody's":           f.Delete(t.Context(), user, Email, "x@mairie.test"),
		"no address":         f.Delete(t.Context(), user, Email, "x"),
		"a telephone number": f.Delete(t.Context(), user, "msisdn", "a@mairie.test"),
	} {
		refusedWith(t, what, "M_THREEPID_NOT_FOUND", err)
	}
	if err := f.Delete(t.Context(), user, Email, "A@mairie.test"); err != nil {
		t.Fatal(err)
	}
	if got := f.addresses(user) + " " + f.addresses(other); got != "b@mairie.test paul@mairie.test" {
		t.Error(got)
	}
	told := f.server.Wait(1).To + " " + f.server.Wait(2).To
	if told != "a@mairie.test b@mairie.test" || !strings.Contains(f.server.Wait(2).Text, "L’adresse a@mairie.test a été retirée") {
		t.Error(told)
	}
}

// What becomes of an account is told in its write, also where no mail can go.
func TestWhatBecomesOfAnAccount(t *testing.T) {
	f := start(t)
	user := f.account("@elodie:vauclair.test", "a@mairie.test", "b@mairie.test")
	change := func(do func(*store.Tx, store.Atom) error) {
		t.Helper()
		if err := f.db.Write(t.Context(), func(tx *store.Tx) error { return do(tx, user) }); err != nil {
			t.Fatal(err)
		}
	}
	change(f.PasswordChanged)
	if m := f.server.Wait(2); m.To != "b@mairie.test" || m.Subject != "Votre mot de passe a été changé" || !strings.Contains(m.Text, "@elodie:vauclair.test") {
		t.Errorf("%+v", m)
	}
	if err := f.PasswordLink(t.Context(), user, "@elodie:vauclair.test", base+"/lien", f.clock().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if m := f.server.Wait(4); m.Subject != "Choisissez votre mot de passe" || !strings.Contains(m.Text, base+"/lien") {
		t.Errorf("%+v", m)
	}
	if err := f.mails.Configure(t.Context(), mail.Settings{}); err != nil {
		t.Fatal(err)
	}
	change(f.PasswordChanged)
	if err := f.PasswordLink(t.Context(), user, "@elodie:vauclair.test", base+"/lien", f.clock().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	change(f.AccountEnded)
	if got := f.addresses(user); got != "" || len(f.server.Mails()) != 4 {
		t.Error(got, len(f.server.Mails()))
	}
}
