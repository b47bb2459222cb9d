package server

import (
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"beffroi/server/config"
	"beffroi/server/dial"
	"beffroi/server/push/pusher"
)

// pushWithin is how long a push gateway may take to answer.
const pushWithin = 15 * time.Second

// newPushers makes what tells devices, with connections that go to the public Internet and to where the configuration says.
func (s *Server) newPushers(mail pusher.Mail) (*pusher.Service, error) {
	rule := dial.Rule{}
	var err error
	if rule.Allow, err = config.ParsePrefixes(s.cfg.Push.Allow); err != nil {
		return nil, err
	}
	if rule.Roots, err = moreAuthorities(s.cfg.Push.Authorities); err != nil {
		return nil, err
	}
	client := rule.Client(dial.Limits{Total: pushWithin, Connect: pushWithin / 3})
	return pusher.New(s.db, s.hub, pusher.Config{Push: s.push, Client: client, Site: s.cfg.ClientBaseURL(), Mail: mail, Now: time.Now, Log: s.log}), nil
}

// moreAuthorities are the system's certification authorities and those of a file; nil where none is named.
func moreAuthorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s : aucun certificat", file)
	}
	return pool, nil
}
