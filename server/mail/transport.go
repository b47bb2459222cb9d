package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// Dial opens a connection.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// transport takes mails to the mail server.
type transport struct {
	dial  Dial
	roots *x509.CertPool // nil: the machine's
	hello string         // what this machine is called there
}

// connection is a mail server that is ready for mails.
type connection struct {
	socket   net.Conn
	client   *smtp.Client
	settings Settings
	unwatch  func() bool
}

// open connects as the settings say. Each step with the connection ends with ctx, and within the settings' timeout.
func (t *transport) open(ctx context.Context, s Settings) (*connection, *failure) {
	dialing, cancel := context.WithTimeout(ctx, s.timeout())
	defer cancel()
	socket, err := t.dial(dialing, "tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
	if err != nil {
		return nil, failed(troubleRefused, err)
	}
	c := &connection{socket: socket, settings: s, unwatch: context.AfterFunc(ctx, func() { _ = socket.Close() })}
	if wrong := c.begin(t); wrong != nil {
		c.abort()
		return nil, wrong
	}
	return c, nil
}

func (c *connection) abort() {
	c.unwatch()
	_ = c.socket.Close()
}

// close ends the connection politely: what was sent was acknowledged already.
func (c *connection) close() {
	_ = c.client.Quit()
	c.abort()
}

// hurry gives the next step its time.
func (c *connection) hurry() { _ = c.socket.SetDeadline(time.Now().Add(c.settings.timeout())) } // the kernel's clock

// begin greets the server, encrypts and logs in.
func (c *connection) begin(t *transport) *failure {
	c.hurry()
	if c.settings.TLS == None && !onThisMachine(c.socket.RemoteAddr()) {
		return &failure{trouble: troubleAway, cause: errors.New(c.socket.RemoteAddr().String() + " is not this machine")}
	}
	config := &tls.Config{ServerName: c.settings.Host, RootCAs: t.roots, MinVersion: tls.VersionTLS12}
	conn := c.socket
	if c.settings.TLS == Implicit {
		secure := tls.Client(c.socket, config)
		if err := secure.Handshake(); err != nil { //nolint:noctx // it has its deadline
			return failed(troublePlain, err)
		}
		conn = secure
	}
	var err error
	if c.client, err = smtp.NewClient(conn, c.settings.Host); err != nil {
		return failed(troubleBroken, err)
	}
	if err := c.client.Hello(t.hello); err != nil {
		return failed(troubleBroken, err)
	}
	if c.settings.TLS == StartTLS {
		if err := c.client.StartTLS(config); err != nil {
			return failed(troublePlain, err)
		}
	}
	return c.logIn()
}

// logIn sends user and password, which is done over TLS or within this machine only.
func (c *connection) logIn() *failure {
	s := c.settings
	if s.User == "" {
		return nil
	}
	auth := smtp.PlainAuth("", s.User, s.Password, s.Host, s.TLS == None)
	_, kinds := c.client.Extension("AUTH")
	if kinds := strings.Fields(kinds); !slices.Contains(kinds, "PLAIN") && slices.Contains(kinds, "LOGIN") {
		auth = smtp.LoginAuth(s.User, s.Password, s.Host, s.TLS == None)
	}
	if err := c.client.Auth(auth); err != nil {
		return failed(troubleLogin, err)
	}
	return nil
}

// deliver hands a mail over.
func (c *connection) deliver(from, to string, msg *gomail.Msg) *failure {
	c.hurry()
	if err := c.client.Mail("<" + from + ">"); err != nil {
		return failed(troubleSender, err)
	}
	if err := c.client.Rcpt("<" + to + ">"); err != nil {
		return c.refused(troubleRecipient, err)
	}
	w, err := c.client.Data()
	if err != nil {
		return c.refused(troubleContent, err)
	}
	if _, err := msg.WriteTo(w); err != nil {
		return failed(troubleBroken, err)
	}
	if err := w.Close(); err != nil {
		return c.refused(troubleContent, err)
	}
	return nil
}

// refused makes the connection ready for the next mail.
func (c *connection) refused(step trouble, err error) *failure {
	f := refused(step, err)
	if f.mine && c.client.Reset() != nil {
		_ = c.socket.Close() // the next mail finds it broken
	}
	return f
}

func onThisMachine(address net.Addr) bool {
	ap, err := netip.ParseAddrPort(address.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}
