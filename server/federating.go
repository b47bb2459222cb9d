package server

import (
	"context"
	"crypto/rand"
	"net"
	"time"

	"beffroi/server/config"
	"beffroi/server/dial"
	"beffroi/server/e2ee"
	"beffroi/server/ephemeral"
	"beffroi/server/federation/discovery"
	"beffroi/server/federation/outbox"
	"beffroi/server/federation/remote"
	"beffroi/server/keys"
)

// wireFederation reads our signing keys and makes, where the configuration says so, what asks other servers.
func (s *Server) wireFederation(ctx context.Context) (err error) {
	if s.keys, err = keys.OpenOwn(ctx, s.db, s.cfg.ServerName, time.Now, rand.Reader); err != nil || !s.cfg.Federation.Enabled {
		return err
	}
	rule, err := federationRule(s.cfg, s.resolver)
	if err != nil {
		return err
	}
	admits := func(server string) bool { return server != s.cfg.ServerName }
	wellKnown := rule.Client(dial.Limits{Total: 10 * time.Second, Connect: 5 * time.Second, Redirects: 5})
	where := discovery.New(discovery.Config{Client: wellKnown, Resolver: s.resolver, Now: time.Now})
	s.remote = remote.New(remote.Config{Own: s.keys, Discovery: where, Rule: rule, Admits: admits, Now: time.Now,
		LongestPause: s.longestPause(), Back: func(server string) { s.outbox.Heard(server) }})
	s.ring = keys.NewRing(s.db, time.Now, keys.Config{Own: s.keys, Fetcher: remote.Keys{Client: s.remote},
		Notaries: config.SplitList(s.cfg.Federation.Notaries), Admits: admits, Heard: s.heard, Log: s.log})
	return nil
}

func (s *Server) e2eeConfig() e2ee.Config {
	c := e2ee.Config{ServerName: s.cfg.ServerName, Log: s.log}
	if s.remote != nil {
		c.Remote = remote.Devices{Client: s.remote}
	}
	return c
}

func (s *Server) longestPause() time.Duration {
	return time.Duration(s.cfg.Federation.LongestPause) * time.Second
}

// wireOutbox makes what sends to other servers.
func (s *Server) wireOutbox() {
	if s.remote == nil {
		return
	}
	s.outbox = outbox.New(s.db, time.Now, outbox.Config{ServerName: s.cfg.ServerName, Client: s.remote, Devices: s.e2ee, Presence: s.cfg.Federation.Presence,
		LongestPause: s.longestPause(), Log: s.log})
}

// heard notes that another server speaks or answers. It is called by requests that are served or made, when everything is wired.
func (s *Server) heard(server string) {
	s.remote.Heard(server)
	s.outbox.Heard(server)
}

// elsewhere is who tells other servers what counts for a moment; nil where there are none.
func (s *Server) elsewhere() ephemeral.Elsewhere {
	if s.outbox == nil {
		return nil
	}
	return s.outbox
}

// federationRule says where connections to other servers may go.
func federationRule(cfg config.Config, resolver *net.Resolver) (rule dial.Rule, err error) {
	rule.Resolver = resolver
	if rule.Allow, err = config.ParsePrefixes(cfg.Federation.Allow); err != nil {
		return rule, err
	}
	rule.Roots, err = moreAuthorities(cfg.Federation.Authorities)
	return rule, err
}
