package server

import (
	"context"
	"net/netip"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/dial"
	"beffroi/server/mail"
	"beffroi/server/mailpage"
	"beffroi/server/threepid"
)

// mailConnect is how long connecting to the mail server may take; what follows has the settings' time.
const mailConnect = 30 * time.Second

func (s *Server) wireMail(ctx context.Context) (err error) {
	s.mail, err = mail.New(ctx, s.db, mail.Config{ServerName: s.cfg.ServerName, Dial: mailRule().Dialer(mailConnect), Now: time.Now, Log: s.log})
	if err != nil {
		return err
	}
	s.threepids = threepid.New(s.db, s.mail, s.cfg.ClientBaseURL(), time.Now, s.log)
	s.mailPages, err = mailpage.New(s.db, s.threepids, s.cfg.ServerName)
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

// Mail is the service of mails, for tests. It is there while the server runs.
func (s *Server) Mail() *mail.Service { return s.mail }

// Threepids is the service of addresses, for tests.
func (s *Server) Threepids() *threepid.Service { return s.threepids }

// Accounts is the service of accounts, for tests.
func (s *Server) Accounts() *accounts.Service { return s.accounts }
