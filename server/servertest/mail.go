package servertest

import (
	"beffroi/server/accounts"
	"beffroi/server/mail"
	"beffroi/server/mail/mailtest"
)

// SendMailTo lets the server send its mails to a mail server of the test, and people of some domains register with their address.
func (s *Server) SendMailTo(box *mailtest.Server, domains ...string) {
	s.t.Helper()
	settings := mail.Settings{Host: box.Host, Port: box.Port, TLS: mail.None, From: "messagerie@beffroi.test"}
	if err := s.home.Mail().Configure(s.t.Context(), settings); err != nil {
		s.t.Fatal(err)
	}
	if err := s.home.Threepids().SetDomains(s.t.Context(), domains); err != nil {
		s.t.Fatal(err)
	}
	if len(domains) == 0 {
		return
	}
	if err := s.home.Accounts().SetRegistration(s.t.Context(), [][]string{{accounts.TypeEmail}}); err != nil {
		s.t.Fatal(err)
	}
}
