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
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/config"
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/notify"
	"beffroi/server/store"
)

// How long the stop waits for running requests before it cuts them off; with what follows it stays below five seconds.
const drainTime = 4 * time.Second

// A Server is one homeserver on one data folder.
type Server struct {
	cfg      config.Config
	log      zerolog.Logger
	lock     *os.File    // held on the data folder until Close
	secure   *tls.Config // nil without a TLS listener
	hub      *notify.Hub
	db       *store.DB
	pages    Pages
	gate     httpx.Gate
	version  string          // of this program
	guesses  *limits.Guesses // nil: whoever asks may guess
	conns    *limits.Conns   // nil: as many as the machine can
	resolver *net.Resolver   // for the names of other servers; nil: the system's
	broken   chan error      // an error after which the process is better started again

	mu      sync.Mutex
	handler http.Handler // the whole API and the pages; nil while the data folder is nobody's
	services
	loops  loops
	addrs  []net.Addr
	closed bool
}

// An Option adds to a server what does not come from the configuration.
type Option func(*Server)

// WithVersion tells administrators which version of the program this is.
func WithVersion(version string) Option { return func(s *Server) { s.version = version } }

// WithResolver looks up the names of other servers by another DNS than the system's: for tests.
func WithResolver(r *net.Resolver) Option { return func(s *Server) { s.resolver = r } }

// New opens the data folder. Where that is a server's, by the configuration or because it was before, it opens everything in it;
// otherwise Found does. Who calls it calls Close, after Serve has returned.
func New(ctx context.Context, cfg config.Config, log zerolog.Logger, options ...Option) (*Server, error) {
	s := &Server{cfg: cfg, log: log, loops: newLoops(log), hub: notify.New(), broken: make(chan error, 1)}
	for _, option := range options {
		option(s)
	}
	var err error
	if err = s.makeGate(); err != nil {
		return nil, err
	}
	if s.secure, err = serverTLS(cfg.Listen); err != nil {
		return nil, err
	}
	if s.lock, err = openDataDir(cfg.DataDir); err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// open opens the database, and the homeserver in it where there is one.
func (s *Server) open(ctx context.Context) (err error) {
	if s.db, err = store.Open(ctx, filepath.Join(s.cfg.DataDir, store.FileName), s.log); err != nil {
		return err
	}
	s.tellMissing()
	if err := s.claim(ctx); err != nil || s.cfg.ServerName == "" {
		return err
	}
	return s.start(ctx)
}

// start makes the homeserver of a claimed database.
func (s *Server) start(ctx context.Context) error {
	if err := s.wire(ctx); err != nil {
		return err
	}
	handler, err := s.withPages(ctx, s.routes())
	if err != nil {
		return err
	}
	s.handler = handler
	s.loops.start("last seen", s.accounts.Run)
	s.loops.start("messages of deleted devices", s.e2ee.Run)
	s.loops.start("other servers' device lists", s.e2ee.Resync)
	s.loops.start("transaction ids", s.rooms.Run)
	s.loops.start("delayed events", s.delayed.Run)
	s.loops.start("application services", s.bridges.Run)
	s.loops.start("presence", s.talk.Run)
	if s.outbox != nil {
		s.loops.start("other servers", s.outbox.Run)
		s.loops.start("events that waited", s.inbox.Run)
	}
	s.loops.start("pushers", s.pushers.Run)
	s.loops.start("use of other servers' media", s.media.Run)
	s.loops.start("jobs", s.runJobs)
	s.loops.start("full-text index", s.index.Run)
	s.loops.start("rooms in memory", s.rooms.Rest)
	s.loops.start("mail", s.mail.Run)
	s.loops.start("what administrators began", s.admin.Run)
	if s.cfg.Federation.Enabled {
		s.loops.start("server ACLs of rooms", s.renewACLs)
	}
	return nil
}

// Handler is the whole API and the pages beside it; nil while the data folder is no server's, see Found.
func (s *Server) Handler() http.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handler
}

// DB is the database, open from New to Close.
func (s *Server) DB() *store.DB { return s.db }

// Waiting counts the requests that wait for something new.
func (s *Server) Waiting() int { return s.hub.Waiting() }

// Addrs are the addresses that Serve listens on: the plain one, then the TLS one, where configured.
func (s *Server) Addrs() []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addrs
}

// Listen opens what the configuration says; either may be nil. Serve closes them.
func (s *Server) Listen(ctx context.Context) (plain, secure net.Listener, err error) {
	if plain, err = listen(ctx, "listen.http", s.cfg.Listen.HTTP); err != nil {
		return nil, nil, err
	}
	if secure, err = listen(ctx, "listen.tls", s.cfg.Listen.TLS); err != nil {
		closeAll(plain)
		return nil, nil, err
	}
	return plain, secure, nil
}

// Serve serves front, which is Handler or stands before it, until ctx ends; then it stops in order. Either listener may be nil; it closes
// both. A server serves once.
func (s *Server) Serve(ctx context.Context, front http.Handler, plain, secure net.Listener) error {
	web := s.httpServer(front)
	var unused fresh
	web.ConnState = func(c net.Conn, state http.ConnState) {
		unused.track(c, state)
		s.conns.Track(c, state)
	}
	web.RegisterOnShutdown(func() { // Shutdown closes the listeners first
		unused.close()
		s.hub.Close()
	})
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
	managed, stopping := context.WithCancel(ctx)
	defer stopping()
	serving.Go(func() { tellManager(managed, s.log) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	case err = <-s.broken:
	}
	stopping()
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
	s.mu.Lock() // a request that was cut off may still be founding
	defer s.mu.Unlock()
	s.closed = true
	s.loops.stop()
	if s.talk != nil {
		s.talk.Close()
	}
	if s.previews != nil {
		s.previews.Close()
	}
	if s.media != nil {
		s.media.Close()
	}
	if s.inbox != nil {
		s.inbox.Close()
	}
	if s.policy != nil {
		s.policy.Close()
	}
	if s.ring != nil {
		s.ring.Close()
		s.remote.Close()
	}
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	return errors.Join(err, s.lock.Close())
}

// httpServer has no limit on a whole request or answer: a long poll lasts minutes, an upload over a bad line longer.
// Bodies are limited where they are read.
func (s *Server) httpServer(front http.Handler) *http.Server {
	return &http.Server{
		Handler:           front,
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
