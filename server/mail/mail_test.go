package mail

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/rs/zerolog"

	"beffroi/server/mail/mailtest"
	"beffroi/server/merr"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// A clock that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// fixture is a service on a database of its own.
type fixture struct {
	*Service
	t     *testing.T
	db    *store.DB
	clock *clock
}

func start(t *testing.T, roots *x509.CertPool) *fixture {
	t.Helper()
	db := storetest.Open(t).DB
	err := db.Write(t.Context(), func(tx *store.Tx) error {
		return tx.PutMeta(store.MetaCommuneName, "Mairie de Saint-Aubin-d’Aubigné")
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, db: db, clock: &clock{at: time.Date(2026, 11, 23, 9, 5, 0, 0, time.Local)}}
	f.Service, err = New(t.Context(), db, Config{ServerName: "matrix.saint-aubin.test", Dial: new(net.Dialer).DialContext, Roots: roots, Now: f.clock.now,
		Log: zerolog.New(zerolog.NewTestWriter(t))})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) configure(s Settings) {
	f.t.Helper()
	s.From = "messagerie@saint-aubin.test"
	if s.Timeout == 0 {
		s.Timeout = 60 // machines of tests are busy
	}
	if err := f.Configure(f.t.Context(), s); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) send(m Message) {
	f.t.Helper()
	if err := f.Send(f.t.Context(), m); err != nil {
		f.t.Fatal(err)
	}
}

// work works the queue off once and tells what kept all mail from going.
func (f *fixture) work() trouble {
	f.t.Helper()
	_, wrong, err := f.round(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	if wrong == nil {
		return ""
	}
	return wrong.trouble
}

func (f *fixture) health() Health {
	f.t.Helper()
	h, err := f.Health(f.t.Context(), "fr")
	if err != nil {
		f.t.Fatal(err)
	}
	return h
}

func plain(s *mailtest.Server) Settings { return Settings{Host: s.Host, Port: s.Port, TLS: None} }

func hello(to string) Message {
	return Message{To: to, Template: PasswordChanged, Data: Data{UserID: "@élodie:saint-aubin.test"}}
}

func certificate(t *testing.T, name string) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name}}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestAMailArrives(t *testing.T) {
	cert, pool := certificate(t, "127.0.0.1")
	for name, c := range map[string]struct {
		options mailtest.Options
		mode    TLSMode
	}{
		"plain, on this machine": {mailtest.Options{}, None},
		"starttls":               {mailtest.Options{Certificate: cert}, StartTLS},
		"implicit":               {mailtest.Options{Certificate: cert, Implicit: true}, Implicit},
		"plain, with a password": {mailtest.Options{User: "mairie", Password: "s3cret é"}, None},
		"starttls, password":     {mailtest.Options{Certificate: cert, User: "mairie", Password: "s3cret"}, StartTLS},
		"implicit, password":     {mailtest.Options{Certificate: cert, Implicit: true, User: "mairie", Password: "s3cret"}, Implicit},
	} {
		t.Run(name, func(t *testing.T) {
			server := mailtest.Start(t, c.options)
			f := start(t, pool)
			f.configure(Settings{Host: server.Host, Port: server.Port, TLS: c.mode, User: c.options.User, Password: c.options.Password})
			f.send(hello("Agent@Mairie.TEST"))
			if wrong := f.work(); wrong != "" {
				t.Fatal(wrong)
			}
			m := server.Wait(1)
			if m.From != "messagerie@saint-aubin.test" || m.To != "agent@mairie.test" || m.TLS != (c.mode != None) || m.User != c.options.User {
				t.Errorf("envelope: %+v", m)
			}
			if h := f.health(); h.Waiting != 0 || h.Trouble != "" || !h.LastSent.Equal(f.clock.now()) {
				t.Errorf("health: %+v", h)
			}
		})
	}
}

// What a mail program sees.
func TestWhatAMailIsMadeOf(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	f := start(t, nil)
	f.configure(plain(server))
	f.send(Message{To: "agent@mairie.test", Template: ResetPassword, Data: Data{UserID: "@elodie:saint-aubin.test",
		Link: "https://matrix.saint-aubin.test/_beffroi/courriel/x?a=1&b=<2>", Until: f.clock.now().Add(time.Hour)}})
	f.work()
	m := server.Wait(1)
	for header, want := range map[string]string{"Auto-Submitted": "auto-generated", "Mime-Version": "1.0", "To": "<agent@mairie.test>",
		"Date": f.clock.now().Format(time.RFC1123Z)} {
		if got := m.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if from, err := m.Header.AddressList("From"); err != nil || from[0].Name != "Mairie de Saint-Aubin-d’Aubigné" || from[0].Address != "messagerie@saint-aubin.test" {
		t.Errorf("From: %v, %v", from, err)
	}
	if id := m.Header.Get("Message-Id"); !strings.HasSuffix(id, "@saint-aubin.test>") {
		t.Errorf("Message-ID: %s", id)
	}
	if m.Header.Get("X-Mailer") != "" || m.Header.Get("User-Agent") != "" {
		t.Error("it tells what wrote it")
	}
	if m.Subject != "Votre nouveau mot de passe" {
		t.Errorf("subject: %s", m.Subject)
	}
	for _, want := range []string{"Le lundi 23 novembre 2026 à 9\u00a0h\u00a005, quelqu’un", "@elodie:saint-aubin.test", "x?a=1&b=<2>\n", "jusqu’au lundi 23 novembre 2026 à 10\u00a0h\u00a005"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("text lacks %q:\n%s", want, m.Text)
		}
	}
	for _, want := range []string{`href="https://matrix.saint-aubin.test/_beffroi/courriel/x?a=1&amp;b=%3c2%3e"`, "Confirmer que c’est moi", `lang="fr"`} {
		if !strings.Contains(m.HTML, want) {
			t.Errorf("html lacks %q:\n%s", want, m.HTML)
		}
	}
	for _, never := range []string{"<img", "<script", "url(", "src="} {
		if strings.Contains(m.HTML, never) {
			t.Errorf("html has %s", never)
		}
	}
	for _, line := range strings.Split(m.Raw, "\r\n") {
		if len(line) > 998 || strings.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
			t.Errorf("a line that not every mail server takes: %q", line)
		}
	}
}

// A name is a name, whatever characters it has: it ends no header and keeps no mail from going.
func TestNamesOfSenders(t *testing.T) {
	for _, name := range []string{`Mairie "Les Lilas"`, `A\`, `x" <evil@evil.test>, "y`, "a, b; c", "<b>", "=?utf-8?q?x?=", "(x)"} {
		server := mailtest.Start(t, mailtest.Options{})
		f := start(t, nil)
		settings := plain(server)
		settings.Name = name
		f.configure(settings)
		f.send(hello("agent@mairie.test"))
		if trouble := f.work(); trouble != "" || len(server.Mails()) != 1 {
			t.Errorf("%s: %s", name, trouble)
			continue
		}
		m := server.Wait(1)
		if from, err := m.Header.AddressList("From"); err != nil || len(from) != 1 || from[0].Name != name || from[0].Address != "messagerie@saint-aubin.test" {
			t.Errorf("%s: %v, %v", name, from, err)
		}
	}
}

// What keeps all mail from going keeps it in the queue, and is told in words; then it goes.
func TestTrouble(t *testing.T) {
	cert, pool := certificate(t, "127.0.0.1")
	other, _ := certificate(t, "mail.autre.test")
	wrong := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "not yours"}
	for name, c := range map[string]struct {
		options  mailtest.Options
		settings Settings
		want     trouble
		words    string
	}{
		"wrong password":    {mailtest.Options{Certificate: cert, User: "a", Password: "b"}, Settings{TLS: StartTLS, User: "a", Password: "c"}, troubleLogin, "mot de passe"},
		"password missing":  {mailtest.Options{User: "a", Password: "b"}, Settings{TLS: None}, troubleSender, "expéditeur"},
		"wrong certificate": {mailtest.Options{Certificate: other}, Settings{TLS: StartTLS}, troubleCertificate, "certificat"},
		"the same, TLS":     {mailtest.Options{Certificate: other, Implicit: true}, Settings{TLS: Implicit}, troubleCertificate, "certificat"},
		"no starttls":       {mailtest.Options{}, Settings{TLS: StartTLS}, troublePlain, "ne chiffre pas"},
		"no tls":            {mailtest.Options{}, Settings{TLS: Implicit}, troublePlain, "ne chiffre pas"},
		"refused sender":    {mailtest.Options{Sender: func(string) *smtp.SMTPError { return wrong }}, Settings{TLS: None}, troubleSender, "expéditeur"},
	} {
		t.Run(name, func(t *testing.T) {
			server := mailtest.Start(t, c.options)
			f := start(t, pool)
			c.settings.Host, c.settings.Port = server.Host, server.Port
			f.configure(c.settings)
			f.send(hello("agent@mairie.test"))
			if got := f.work(); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			h := f.health()
			if h.Waiting != 1 || h.Dropped != 0 || !strings.Contains(h.Trouble, c.words) || !strings.Contains(h.Trouble, "127.0.0.1") {
				t.Errorf("health: %+v", h)
			}
			if err := f.Try(t.Context(), "agent@mairie.test", "fr"); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("try: %v", err)
			}
			good := mailtest.Start(t, mailtest.Options{})
			f.configure(plain(good))
			if got := f.work(); got != "" || good.Wait(1).To != "agent@mairie.test" {
				t.Errorf("then: %s", got)
			}
			if h := f.health(); h.Trouble != "" || h.Waiting != 0 {
				t.Errorf("health afterwards: %+v", h)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	f := start(t, nil)
	f.configure(Settings{Host: "127.0.0.1", Port: port, TLS: None})
	f.send(hello("agent@mairie.test"))
	if got := f.work(); got != troubleRefused {
		t.Error(got)
	}
	f.configure(Settings{Host: "nulle-part.invalid", Port: port, TLS: StartTLS})
	if got := f.work(); got != troubleLookup {
		t.Error(got)
	}
}

func TestAServerThatNeverAnswersIsGivenUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	f := start(t, nil)
	f.configure(Settings{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: None, Timeout: 1})
	f.send(hello("agent@mairie.test"))
	if got := f.work(); got != troubleSilent {
		t.Error(got)
	}
	if h := f.health(); !strings.Contains(h.Trouble, "ne répond pas") {
		t.Errorf("%+v", h)
	}
}

// The stop does not wait for a mail server.
func TestTheStopCutsOff(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	f := start(t, nil)
	f.configure(Settings{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: None, Timeout: 300})
	f.send(hello("agent@mairie.test"))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if h := f.health(); h.Waiting != 1 || h.Trouble != "" {
		t.Errorf("%+v", h)
	}
}

// A mail that alone is refused does not keep the others.
func TestARecipientIsRefused(t *testing.T) {
	answers := make(chan *smtp.SMTPError, 10)
	server := mailtest.Start(t, mailtest.Options{Recipient: func(to string) *smtp.SMTPError {
		if to == "parti@mairie.test" {
			return <-answers
		}
		return nil
	}})
	f := start(t, nil)
	f.configure(plain(server))
	f.send(hello("parti@mairie.test"))
	f.send(hello("agent@mairie.test"))
	answers <- &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 2, 1}, Message: "greylisted"}
	if got := f.work(); got != "" || server.Wait(1).To != "agent@mairie.test" {
		t.Error(got)
	}
	if h := f.health(); h.Waiting != 1 || h.Dropped != 0 {
		t.Errorf("after 451: %+v", h)
	}
	f.clock.move(firstWait)
	answers <- nil
	f.work()
	if m := server.Wait(2); m.To != "parti@mairie.test" {
		t.Errorf("%+v", m)
	}
	f.send(hello("parti@mairie.test"))
	answers <- &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	f.work()
	if h := f.health(); h.Waiting != 0 || h.Dropped != 1 || !strings.Contains(h.Trouble, "destinataire") {
		t.Errorf("after 550: %+v", h)
	}
}

// A mail that breaks each connection does not stand before the others for ever.
func TestAMailThatBreaksTheConnection(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	f := start(t, nil)
	f.cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return fragile{conn}, err
	}
	f.configure(plain(server))
	f.send(hello("fragile@mairie.test"))
	f.send(hello("agent@mairie.test"))
	if got := f.work(); got != troubleBroken || len(server.Mails()) != 0 {
		t.Error(got)
	}
	if got := f.work(); got != "" || server.Wait(1).To != "agent@mairie.test" {
		t.Error(got)
	}
	f.clock.move(firstWait)
	if got := f.work(); got != troubleBroken || f.health().Waiting != 1 {
		t.Error(got)
	}
}

// fragile is a connection that breaks at one mail.
type fragile struct{ net.Conn }

func (f fragile) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "fragile@") {
		_ = f.Close()
	}
	return f.Conn.Write(b)
}

func TestAMessageIsRefused(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{Content: func(mailtest.Mail) *smtp.SMTPError {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "spam"}
	}})
	f := start(t, nil)
	f.configure(plain(server))
	f.send(hello("agent@mairie.test"))
	f.work()
	if h := f.health(); h.Waiting != 0 || h.Dropped != 1 || !strings.Contains(h.Trouble, "refuse un message") {
		t.Errorf("%+v", h)
	}
}

// A mail that never goes is dropped in its time, and that is told.
func TestAMailThatNeverGoesIsDropped(t *testing.T) {
	f := start(t, nil)
	f.configure(Settings{Host: "nulle-part.invalid", Port: 25, TLS: StartTLS})
	f.send(hello("agent@mairie.test"))
	f.send(Message{To: "agent@mairie.test", Template: ResetPassword, Data: Data{Link: "https://x.test/", Until: f.clock.now().Add(time.Hour)}})
	f.work()
	f.clock.move(time.Hour)
	f.work()
	if h := f.health(); h.Waiting != 1 || h.Dropped != 1 { // what is about a link has the link's time
		t.Errorf("%+v", h)
	}
	f.clock.move(Lifetime)
	if got := f.work(); got != "" {
		t.Error(got)
	}
	if h := f.health(); h.Waiting != 0 || h.Dropped != 2 || !strings.Contains(h.Trouble, "abandonné") {
		t.Errorf("%+v", h)
	}
}

func TestRunSendsWhatComesAndTriesAgainWithNewSettings(t *testing.T) {
	first, second := mailtest.Start(t, mailtest.Options{}), mailtest.Start(t, mailtest.Options{})
	f := start(t, nil)
	if err := f.Send(t.Context(), hello("agent@mairie.test")); !merr.Is(err, "M_UNKNOWN") {
		t.Errorf("without settings: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	f.configure(plain(first))
	f.send(hello("un@mairie.test"))
	first.Wait(1)
	f.configure(Settings{Host: first.Host, Port: first.Port, TLS: StartTLS}) // which it has not
	f.send(hello("deux@mairie.test"))
	for f.health().Trouble == "" {
		time.Sleep(time.Millisecond)
	}
	f.configure(plain(second))
	if m := second.Wait(1); m.To != "deux@mairie.test" {
		t.Errorf("%+v", m)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTry(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	f := start(t, nil)
	if err := f.Try(t.Context(), "agent@mairie.test", "en"); err == nil || !strings.Contains(err.Error(), "not set up") {
		t.Errorf("without settings: %v", err)
	}
	f.configure(plain(server))
	if err := f.Try(t.Context(), "agent@mairie.test", "en"); err != nil || server.Wait(1).Subject != "Test mail" {
		t.Error(err)
	}
	if err := f.Try(t.Context(), "agent", "en"); !merr.Is(err, "M_INVALID_PARAM") {
		t.Error(err)
	}
}

// Without encryption the password and the mails stay on this machine.
func TestPlainTextStaysHere(t *testing.T) {
	f := start(t, nil)
	here, there := net.Pipe()
	t.Cleanup(func() { _ = there.Close() })
	f.cfg.Dial = func(context.Context, string, string) (net.Conn, error) { return elsewhere{here}, nil }
	f.configure(Settings{Host: "mail.test", Port: 25, TLS: None, User: "a", Password: "b"})
	f.send(hello("agent@mairie.test"))
	if got := f.work(); got != troubleAway {
		t.Error(got)
	}
}

type elsewhere struct{ net.Conn }

func (elsewhere) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 25} }
