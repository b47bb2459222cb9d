// Package servertest starts real homeservers on loopback for tests, in the test's process (Start) or as a child that can
// be killed (StartProcess), and speaks to them as a client does.
package servertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"

	"beffroi/server"
	"beffroi/server/config"
	"beffroi/server/specschema"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// The shared secret of the servers that are started here, see Client.Register.
const sharedSecret = "servertest shared secret"

// An Option changes the configuration before the server starts.
type Option func(*config.Config)

// A Server runs in the test's own process until the test ends. Its server name is its address, so servers find each other.
type Server struct {
	Client

	t      testing.TB
	cfg    config.Config
	beside []server.Option
	home   *server.Server
	cancel context.CancelFunc
	done   chan error // what Serve and Close gave
}

// Start starts a server with a data folder of its own on a free port, with cheap passwords and open registration.
// It logs warnings to the test. At the end of the test it is stopped, and nothing of it is left running.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	return start(t, nil, opts...)
}

func start(t testing.TB, beside []server.Option, opts ...Option) *Server {
	t.Helper()
	l := listenOn(t, "127.0.0.1:0")
	address := l.Addr().String()
	cfg := config.Default()
	cfg.ServerName, cfg.Listen.HTTP, cfg.PublicURL = address, address, "http://"+address
	cfg.DataDir = t.TempDir()
	cfg.Registration = config.Registration{Enabled: true, AllowDummy: true, SharedSecret: sharedSecret}
	cfg.Password = config.Password{MemoryKiB: 8, Iterations: 1}
	cfg.Federation.Enabled = false // Network switches it on
	cfg.Limits.Enabled = false     // all clients have one address here; Limited switches them on
	for _, opt := range opts {
		opt(&cfg)
	}
	s := &Server{t: t, cfg: cfg, beside: beside, Client: NewClient(t, "http://"+address, cfg.ServerName, cfg.Registration.SharedSecret)}
	storetest.Prepare(t, filepath.Join(cfg.DataDir, store.FileName))
	s.run(l)
	t.Cleanup(s.stop)
	return s
}

// Restart stops the server in order and starts it again on the same address and data folder.
func (s *Server) Restart() {
	s.t.Helper()
	s.stop()
	s.run(listenOn(s.t, s.cfg.Listen.HTTP))
}

// Stop stops the server in order, until Again.
func (s *Server) Stop() {
	s.t.Helper()
	s.stop()
}

// Again starts a server that was stopped.
func (s *Server) Again() {
	s.t.Helper()
	s.run(listenOn(s.t, s.cfg.Listen.HTTP))
}

// RestartWith is Restart with another configuration. It gives the error of a server that does not start; that one stays stopped.
func (s *Server) RestartWith(opts ...Option) error {
	s.t.Helper()
	s.stop()
	for _, opt := range opts {
		opt(&s.cfg)
	}
	l := listenOn(s.t, s.cfg.Listen.HTTP)
	err := s.start(l)
	if err != nil {
		_ = l.Close()
	}
	return err
}

// DataDir is the server's data folder.
func (s *Server) DataDir() string { return s.cfg.DataDir }

// DB is the server's database, until it is stopped.
func (s *Server) DB() *store.DB { return s.home.DB() }

// Waiting counts the requests that wait for something new.
func (s *Server) Waiting() int { return s.home.Waiting() }

func (s *Server) run(l net.Listener) {
	s.t.Helper()
	if err := s.start(l); err != nil {
		_ = l.Close()
		s.t.Fatal(err)
	}
}

func (s *Server) start(l net.Listener) error {
	ctx, cancel := context.WithCancel(context.Background())
	log := zerolog.New(zerolog.NewTestWriter(s.t)).Level(zerolog.WarnLevel)
	homeserver, err := server.New(ctx, s.cfg, log, s.beside...)
	if err != nil {
		cancel()
		return err
	}
	var secure net.Listener
	if s.cfg.Listen.TLS != "" {
		secure = listenOn(s.t, s.cfg.Listen.TLS)
	}
	s.home, s.cancel, s.done = homeserver, cancel, make(chan error, 1)
	go func() {
		err := homeserver.Serve(ctx, specschema.Open(s.t).Handler(s.t, homeserver.Handler()), l, secure)
		if closed := homeserver.Close(); err == nil {
			err = closed
		}
		s.done <- err
	}()
	return nil
}

func (s *Server) stop() {
	s.t.Helper()
	s.http.CloseIdleConnections()
	s.cancel()
	if err := <-s.done; err != nil {
		s.t.Error("the server ended with:", err)
	}
	s.done <- nil // a second stop, after a Restart that failed, finds it stopped
}

func listenOn(t testing.TB, address string) net.Listener {
	t.Helper()
	l, err := listen(address)
	for tries := 0; address == anyPort && tries < 100 && err != nil; tries++ {
		l, err = listen(address)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// anyPort asks for a port that stays free while a server is stopped: none of those that the system gives to connections.
const anyPort = "127.0.0.1:0"

func listen(address string) (net.Listener, error) {
	if address == anyPort {
		address = fmt.Sprint("127.0.0.1:", 10_000+rand.N(22_000))
	}
	return new(net.ListenConfig).Listen(context.Background(), "tcp", address)
}
