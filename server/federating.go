package server

import (
	"context"
	"crypto/rand"
	"net"
	"strings"
	"time"

	"beffroi/server/config"
	"beffroi/server/dial"
	"beffroi/server/e2ee"
	"beffroi/server/ephemeral"
	"beffroi/server/federation/discovery"
	"beffroi/server/federation/outbox"
	"beffroi/server/federation/remote"
	"beffroi/server/keys"
	"beffroi/server/policy"
	"beffroi/server/rooms"
)

// wireFederation reads our signing keys and with whom we speak, and makes, where the configuration says so, what asks other servers.
func (s *Server) wireFederation(ctx context.Context) (err error) {
	if s.keys, err = keys.OpenOwn(ctx, s.db, s.cfg.ServerName, time.Now, rand.Reader); err != nil {
		return err
	}
	rule, err := federationRule(s.cfg, s.resolver)
	if err != nil {
		return err
	}
	if err = s.wirePolicy(ctx, rule); err != nil || !s.cfg.Federation.Enabled {
		return err
	}
	wellKnown := rule.Client(dial.Limits{Total: 10 * time.Second, Connect: 5 * time.Second, Redirects: 5})
	where := discovery.New(discovery.Config{Client: wellKnown, Resolver: s.resolver, Now: time.Now})
	s.remote = remote.New(remote.Config{Own: s.keys, Discovery: where, Rule: rule, Admits: s.policy.Admits, Now: time.Now,
		LongestPause: s.longestPause(), Back: func(server string) { s.outbox.Heard(server) }})
	s.ring = keys.NewRing(s.db, time.Now, keys.Config{Own: s.keys, Fetcher: remote.Keys{Client: s.remote},
		Notaries: s.notaries, Admits: s.policy.Admits, Pinned: s.policy.Pinned, Heard: s.heard, Log: s.log})
	return nil
}

// wirePolicy makes the policy. Lists are fetched by connections of their own.
func (s *Server) wirePolicy(ctx context.Context, rule dial.Rule) (err error) {
	lists := rule.Client(dial.Limits{Total: 30 * time.Second, Redirects: 3})
	s.policy, err = policy.New(ctx, s.db, time.Now, policy.Config{ServerName: s.cfg.ServerName, Mode: policy.Mode(s.cfg.Federation.Mode), Client: lists, Log: s.log})
	return err
}

// notaries are the servers that are asked for the keys of others: those of the configuration, then those of lists.
func (s *Server) notaries() []string {
	return append(config.SplitList(s.cfg.Federation.Notaries), s.policy.Notaries()...)
}

// entered warns who entered a room with members of servers with whom this one does not speak.
func (s *Server) entered(u rooms.User, roomID string, servers []string) {
	if _, unlisted := s.policy.RoomVerdict(servers); len(unlisted) > 0 {
		s.admin.Warn(u.ID, "Dans le salon où vous venez d'entrer ("+roomID+"), il y a des personnes de communes ou d'organismes que votre mairie n'a pas admis : "+
			firstOf(unlisted)+". Elles peuvent lire ce que vous y écrivez.")
	}
}

// firstOf names servers, and not too many.
func firstOf(servers []string) string {
	const most = 5
	if len(servers) <= most {
		return strings.Join(servers, ", ")
	}
	return strings.Join(servers[:most], ", ") + ", …"
}

// renewACLs gives rooms the server ACL that follows from the policy, whenever that changes; after a start, what a stop left.
func (s *Server) renewACLs(ctx context.Context) error {
	for {
		if err := s.rooms.RenewACLs(ctx); err != nil && ctx.Err() == nil {
			s.log.Error().Err(err).Msg("rooms keep the server ACL of before until the policy changes again, or the next start")
		}
		if s.outbox != nil {
			s.outbox.RetryRefused()
		}
		select {
		case <-s.policy.Changed():
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Server) e2eeConfig() e2ee.Config {
	c := e2ee.Config{ServerName: s.cfg.ServerName, NamesTold: s.cfg.Federation.DeviceNames, Log: s.log}
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
