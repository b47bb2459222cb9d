package server

import (
	"fmt"
	"time"

	"beffroi/server/httpx"
	"beffroi/server/limits"
)

// makeGate makes what stands before the routes: who is believed about addresses, and how often clients may ask.
func (s *Server) makeGate() error {
	proxies, err := limits.ParseProxies(s.cfg.Listen.Proxies)
	if err != nil {
		return fmt.Errorf("listen.proxies = %q : adresses ou réseaux inutilisables : %w", s.cfg.Listen.Proxies, err)
	}
	s.gate = httpx.Gate{Proxies: proxies, Bodies: limits.NewBytes(bodiesAll, bodiesEach, 10*time.Second)}
	if s.cfg.Limits.Enabled {
		s.gate.Limits, s.guesses = limits.New(time.Now), limits.NewGuesses(time.Now)
		s.conns = limits.NewConns(proxies)
	}
	return nil
}

// What the bodies of other servers' requests may hold in memory, in all and from one address: two and one of the largest.
const (
	bodiesAll  = 12 << 20
	bodiesEach = 6 << 20
)
