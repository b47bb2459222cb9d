package server_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"beffroi/server"
	"beffroi/server/config"
	"beffroi/server/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestUnknownPathIsUnrecognized(t *testing.T) {
	s := servertest.Start(t)
	for _, path := range []string{"/", "/_matrix/client/v3/nothing", "/_matrix/nothing?a=b"} {
		s.Anonymous(t).MustFail(404, "M_UNRECOGNIZED", "GET", path, nil)
		s.Anonymous(t).MustFail(404, "M_UNRECOGNIZED", "POST", path, map[string]any{})
	}
}

func TestRestartKeepsAddressAndFolder(t *testing.T) {
	s := servertest.Start(t)
	s.Restart()
	s.Anonymous(t).MustFail(404, "M_UNRECOGNIZED", "GET", "/", nil)
}

func TestDataFolderIsPrivateAndLocked(t *testing.T) {
	cfg := config.Default()
	cfg.ServerName = "localhost"
	cfg.DataDir = filepath.Join(t.TempDir(), "a", "data")
	first, err := server.New(t.Context(), cfg, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(cfg.DataDir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", info, err)
	}
	if _, err := server.New(t.Context(), cfg, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), cfg.DataDir) {
		t.Errorf("a second server on the same folder: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := server.New(t.Context(), cfg, zerolog.Nop())
	if err != nil {
		t.Fatal("the lock outlived Close:", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNewAndRunNameTheKey(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("not PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for key, wrong := range map[string]func(*config.Config){
		"data_dir":               func(c *config.Config) { c.DataDir = file },
		"listen.http":            func(c *config.Config) { c.Listen.HTTP = taken.Addr().String() },
		"listen.tls_certificate": func(c *config.Config) { c.Listen = config.Listen{TLS: "127.0.0.1:0", Certificate: file, Key: file} },
		"listen.tls_key": func(c *config.Config) {
			c.Listen = config.Listen{TLS: "127.0.0.1:0", Certificate: "/none", Key: "/none"}
		},
	} {
		cfg := config.Default()
		cfg.ServerName = "localhost"
		cfg.DataDir = t.TempDir()
		wrong(&cfg)
		if err := newAndRun(t, cfg); err == nil || !strings.Contains(err.Error(), key+" = ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", key, err)
		}
	}
}

func newAndRun(t *testing.T, cfg config.Config) error {
	s, err := server.New(t.Context(), cfg, zerolog.Nop())
	if err != nil {
		return err
	}
	defer s.Close()
	plain, secure, err := s.Listen(t.Context())
	if err != nil {
		return err
	}
	return s.Serve(t.Context(), s.Handler(), plain, secure)
}

// Both listeners serve the same API; TLS speaks HTTP/2 and nothing below TLS 1.2.
func TestPlainAndTLS(t *testing.T) {
	cfg := config.Default()
	cfg.ServerName = "localhost"
	cfg.DataDir = t.TempDir()
	certificate, key, trusted := servertest.Certificate(t, "127.0.0.1")
	cfg.Listen = config.Listen{HTTP: "127.0.0.1:0", TLS: "127.0.0.1:0", Certificate: certificate, Key: key}
	listening := started{make(chan struct{})}
	s, err := server.New(t.Context(), cfg, zerolog.New(listening))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	plain, secure, err := s.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- s.Serve(ctx, s.Handler(), plain, secure) }()
	<-listening.done

	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, ForceAttemptHTTP2: true}
	for i, want := range []string{"http HTTP/1.1", "https HTTP/2.0"} {
		scheme, protocol, _ := strings.Cut(want, " ")
		if got := get(t, transport, scheme+"://"+s.Addrs()[i].String()+"/"); got != protocol+" 404" {
			t.Errorf("%s: got %s", scheme, got)
		}
	}
	_, err = (&tls.Dialer{Config: &tls.Config{RootCAs: trusted, MaxVersion: tls.VersionTLS11}}).DialContext(ctx, "tcp", s.Addrs()[1].String())
	if err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	transport.CloseIdleConnections()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func get(t *testing.T, transport *http.Transport, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.Proto + " " + resp.Status[:3]
}

// A started waits in the log for the line of the TLS listener, the last one to be told.
type started struct{ done chan struct{} }

func (s started) Write(line []byte) (int, error) {
	if strings.Contains(string(line), `"scheme":"https"`) {
		close(s.done)
	}
	return len(line), nil
}
