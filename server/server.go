// Package server is one homeserver: it wires the packages together, listens, and stops in order.
// Many can live in one process; nothing here is shared between them.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/config"
)

// How long the stop waits for running requests before it cuts them off; with what follows it stays below five seconds.
const drainTime = 4 * time.Second

// A Server is one homeserver on one data folder.
type Server struct {
	cfg     config.Config
	log     zerolog.Logger
	lock    *os.File     // held on the data folder until Close
	secure  *tls.Config  // nil without a TLS listener
	handler http.Handler // the whole API
	services
	loops loops
	ready chan struct{} // closed once Run or Serve listens

	mu    sync.Mutex
	addrs []net.Addr
}

// New opens the data folder and everything in it. Who calls it calls Close, after Run has returned.
func New(ctx context.Context, cfg config.Config, log zerolog.Logger) (*Server, error) {
	s := &Server{cfg: cfg, log: log, loops: newLoops(log), ready: make(chan struct{})}
	var err error
	if s.secure, err = serverTLS(cfg.Listen); err != nil {
		return nil, err
	}
	if s.lock, err = openDataDir(cfg.DataDir); err != nil {
		return nil, err
	}
	if err := s.wire(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.handler = s.routes()
	s.loops.start("last seen", s.accounts.Run)
	s.loops.start("transaction ids", s.rooms.Run)
	return s, nil
}

// Handler is the whole API, as both listeners serve it.
func (s *Server) Handler() http.Handler { return s.handler }

// Addrs are the addresses that Run or Serve listens on: the plain one, then the TLS one, where configured.
func (s *Server) Addrs() []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addrs
}

// Ready is closed once Run or Serve listens on all addresses.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Run listens where the configuration says and serves until ctx ends; then it stops in order.
func (s *Server) Run(ctx context.Context) error {
	plain, err := listen(ctx, "listen.http", s.cfg.Listen.HTTP)
	if err != nil {
		return err
	}
	secure, err := listen(ctx, "listen.tls", s.cfg.Listen.TLS)
	if err != nil {
		closeAll(plain)
		return err
	}
	return s.Serve(ctx, plain, secure)
}

// Serve is Run on listeners that are open already; either may be nil. It closes them. A server serves once.
func (s *Server) Serve(ctx context.Context, plain, secure net.Listener) error {
	web := s.httpServer()
	web.RegisterOnShutdown(func() { s.hub.Close() }) // Shutdown closes the listeners first
	failed := make(chan error, 2)
	var serving sync.WaitGroup
	start := func(l net.Listener, scheme string, serve func() error) {
		s.mu.Lock()
		s.addrs = append(s.addrs, l.Addr())
		s.mu.Unlock()
		s.log.Info().Str("address", l.Addr().String()).Str("scheme", scheme).Msg("listening")
		serving.Go(func() { failed <- serve() })
	}
	if plain != nil {
		start(plain, "http", func() error { return web.Serve(plain) })
	}
	if secure != nil {
		start(secure, "https", func() error { return web.ServeTLS(secure, "", "") })
	}
	close(s.ready)
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.stop(web)
	serving.Wait()
	return err
}

// The order of stopping, the first half: nothing new is accepted, requests that only wait are woken and answer, and
// running requests finish or are cut off. Close is the second half.
func (s *Server) stop(web *http.Server) {
	s.log.Info().Msg("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := web.Shutdown(ctx); err != nil {
		s.log.Warn().Err(err).Msg("requests were cut off")
		_ = web.Close() // what it could say was said by Shutdown
	}
}

// Close is the second half of the order of stopping: background loops, queues, the database, and last the lock, so that
// whoever gets the data folder finds it at rest.
func (s *Server) Close() error {
	s.loops.stop()
	if s.talk != nil {
		s.talk.Close()
	}
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	return errors.Join(err, s.lock.Close())
}

// httpServer has no limit on a whole request or answer: a long poll lasts minutes, an upload over a bad line longer.
// Bodies are limited where they are read.
func (s *Server) httpServer() *http.Server {
	return &http.Server{
		Handler:           s.handler,
		TLSConfig:         s.secure,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          serverLog(s.log),
	}
}

func listen(ctx context.Context, key, address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s = %q : impossible d'écouter à cette adresse : %w", key, address, err)
	}
	return l, nil
}

func closeAll(listeners ...net.Listener) {
	for _, l := range listeners {
		if l != nil {
			_ = l.Close()
		}
	}
}
