// Package mailtest is a real mail server on loopback, for tests: it takes mails over plain text, STARTTLS or TLS, wants a password where it is told one, and
// refuses what it is told to refuse.
package mailtest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Mail is what the server received.
type Mail struct {
	From, To string      // of the envelope
	Header   mail.Header // as it came
	Subject  string      // decoded
	Text     string      // the parts, decoded
	HTML     string
	Raw      string
	TLS      bool // it came encrypted
	User     string
}

// Options say how the server behaves.
type Options struct {
	Certificate *tls.Certificate // nil: no TLS
	Implicit    bool             // TLS from the first byte
	Address     string           // to listen on; empty: any port
	User        string           // who may send; empty: anybody
	Password    string

	// What is refused; nil: nothing.
	Sender    func(from string) *smtp.SMTPError
	Recipient func(to string) *smtp.SMTPError
	Content   func(Mail) *smtp.SMTPError
}

// Server is a running mail server.
type Server struct {
	Host string
	Port int

	t       testing.TB
	options Options
	mu      sync.Mutex
	mails   []Mail
	came    chan struct{} // closed and made anew with each mail
}

// Start starts a server, until the test ends.
func Start(t testing.TB, options Options) *Server {
	t.Helper()
	address := options.Address
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().(*net.TCPAddr)
	s := &Server{Host: "127.0.0.1", Port: at.Port, t: t, options: options, came: make(chan struct{})}
	server := smtp.NewServer(smtp.BackendFunc(s.session))
	server.Domain, server.AllowInsecureAuth = "mail.test", true
	server.ErrorLog = quiet{}
	if options.Certificate != nil {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*options.Certificate}, MinVersion: tls.VersionTLS12}
	}
	if options.Implicit {
		l = tls.NewListener(l, server.TLSConfig)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // it ends with the test
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return s
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// Mails gives what came so far.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Wait gives the n-th mail, from 1, when it has come.
func (s *Server) Wait(n int) Mail {
	s.t.Helper()
	limit := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		mails, came := s.mails, s.came
		s.mu.Unlock()
		if len(mails) >= n {
			return mails[n-1]
		}
		select {
		case <-came:
		case <-limit:
			s.t.Fatalf("%d mails came, not %d", len(mails), n)
		}
	}
}

func (s *Server) session(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: c}, nil
}

// session is one connection.
type session struct {
	server *Server
	conn   *smtp.Conn
	user   string
	mail   Mail
}

func (s *session) AuthMechanisms() []string {
	if s.server.options.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.server.options.User || password != s.server.options.Password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Authentication credentials invalid"}
		}
		s.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.user != s.server.options.User {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	if refuse := s.server.options.Sender; refuse != nil {
		if err := refuse(from); err != nil {
			return err
		}
	}
	_, encrypted := s.conn.TLSConnectionState()
	s.mail = Mail{From: from, TLS: encrypted, User: s.user}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if refuse := s.server.options.Recipient; refuse != nil {
		if err := refuse(to); err != nil {
			return err
		}
	}
	s.mail.To = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m := s.mail
	if err := m.read(raw); err != nil {
		return err
	}
	if refuse := s.server.options.Content; refuse != nil {
		if err := refuse(m); err != nil {
			return err
		}
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, m)
	close(s.server.came)
	s.server.came = make(chan struct{})
	return nil
}

func (s *session) Reset()        { s.mail = Mail{} }
func (s *session) Logout() error { return nil }

// read takes a mail of two parts apart, as a mail program does.
func (m *Mail) read(raw []byte) error {
	m.Raw = string(raw)
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	m.Header = parsed.Header
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil {
		return err
	}
	kind, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		return errors.Join(err, errors.New("not multipart/alternative: "+kind))
	}
	for parts := multipart.NewReader(parsed.Body, params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := m.part(part); err != nil {
			return err
		}
	}
}

func (m *Mail) part(part *multipart.Part) error {
	body := io.Reader(part)
	if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	b, err := io.ReadAll(body)
	text := strings.ReplaceAll(string(b), "\r\n", "\n")
	switch part.Header.Get("Content-Type") {
	case "text/plain; charset=UTF-8":
		m.Text = text
	case "text/html; charset=UTF-8":
		m.HTML = text
	default:
		return errors.New("a part of another type: " + part.Header.Get("Content-Type"))
	}
	return err
}
