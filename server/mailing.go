package server

import (
	"context"
	"net/netip"
	"net/url"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/dial"
	"beffroi/server/mail"
	"beffroi/server/mailpage"
	"beffroi/server/push/pusher"
	"beffroi/server/store"
	"beffroi/server/threepid"
)

// mailConnect is how long connecting to the mail server may take; what follows has the settings' time.
const mailConnect = 30 * time.Second

// wireMail makes what writes mails, and what mails are about.
func (s *Server) wireMail(ctx context.Context) (err error) {
	s.mail, err = mail.New(ctx, s.db, mail.Config{ServerName: s.cfg.ServerName, Dial: mailRule().Dialer(mailConnect), Now: time.Now, Log: s.log})
	if err != nil {
		return err
	}
	s.threepids = threepid.New(s.db, s.mail, s.cfg.ClientBaseURL(), time.Now, s.log)
	if s.pushers, err = s.newPushers(digests{s.threepids, s.mail, s.cfg.ClientBaseURL()}); err != nil {
		return err
	}
	s.mailPages, err = mailpage.New(s.db, s.threepids, s.pushers, s.cfg.ServerName)
	return err
}

// mailRule lets mail go to a server in the town hall or on this machine: administrators name it.
func mailRule() dial.Rule {
	var rule dial.Rule
	for _, prefix := range []string{"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7"} {
		rule.Allow = append(rule.Allow, netip.MustParsePrefix(prefix))
	}
	return rule
}

// digests sends the digests of package pusher.
type digests struct {
	*threepid.Service
	mail *mail.Service
	site string // where this server's pages are
}

// SendIn takes a digest that is sent if the write is durable. Where this server sends no mail it is dropped: what it told is old when there is one.
func (d digests) SendIn(tx *store.Tx, digest *pusher.Digest) error {
	if !d.mail.Ready() {
		return nil
	}
	m := mail.Message{To: digest.To, Language: mail.Language(digest.Lang), Template: mail.Digest, Data: mail.Data{UserID: digest.UserID, More: digest.More,
		Link: d.site + "/", Leave: d.site + mailpage.Leave + "?" + url.Values{"jeton": {digest.Token}}.Encode()}}
	for _, room := range digest.Rooms {
		m.Data.Rooms = append(m.Data.Rooms, mail.Room(room))
	}
	return d.mail.SendIn(tx, m)
}

// Mail is the service of mails, for tests. It is there while the server runs.
func (s *Server) Mail() *mail.Service { return s.mail }

// Threepids is the service of addresses, for tests.
func (s *Server) Threepids() *threepid.Service { return s.threepids }

// Accounts is the service of accounts, for tests.
func (s *Server) Accounts() *accounts.Service { return s.accounts }
