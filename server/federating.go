package server

import (
	"context"
	"crypto/rand"
	"net"
	"time"

	"beffroi/server/config"
	"beffroi/server/dial"
	"beffroi/server/e2ee"
	"beffroi/server/federation/discovery"
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
	s.remote = remote.New(remote.Config{Own: s.keys, Discovery: where, Rule: rule, Admits: admits, Now: time.Now})
	s.ring = keys.NewRing(s.db, time.Now, keys.Config{Own: s.keys, Fetcher: remote.Keys{Client: s.remote},
		Notaries: config.SplitList(s.cfg.Federation.Notaries), Admits: admits, Heard: s.remote.Heard, Log: s.log})
	return nil
}

func (s *Server) e2eeConfig() e2ee.Config {
	c := e2ee.Config{ServerName: s.cfg.ServerName, Log: s.log}
	if s.remote != nil {
		c.Remote = remote.Devices{Client: s.remote}
	}
	return c
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
