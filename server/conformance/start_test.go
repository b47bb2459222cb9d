// Package conformance_test shows that start.sh keeps the start-up contract of black-box suites.
package conformance_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"beffroi/server/servertest"
)

// Contract: it serves the client API on CS_PORT and TLS on FED_PORT soon after the start, SIGTERM ends it cleanly within
// five seconds, and after SIGKILL it starts again on the same DATA_DIR.
func TestStart(t *testing.T) {
	certificate, key, trusted := servertest.Certificate(t, "127.0.0.1")
	env := []string{
		"BEFFROI=" + servertest.Build(t), "SERVER_NAME=hs1", "BIND_IP=127.0.0.1", "CS_PORT=" + freePort(t), "FED_PORT=" + freePort(t),
		"DATA_DIR=" + t.TempDir(), "TLS_CRT=" + certificate, "TLS_KEY=" + key,
		"CA_CRT=" + certificate, "REGISTRATION_SHARED_SECRET=a secret of the suite", "APPSERVICE_DIR=" + t.TempDir(),
	}
	log := filepath.Join(t.TempDir(), "log")
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		process := start(t, env, log)
		await(t, "http://127.0.0.1:"+value(env, "CS_PORT"), trusted, log)
		await(t, "https://127.0.0.1:"+value(env, "FED_PORT"), trusted, log)
		begun := time.Now()
		if err := process.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		err := process.Wait()
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%v: ended after %v", signal, took)
		}
		if signal == syscall.SIGTERM && err != nil {
			t.Errorf("SIGTERM: %v\n%s", err, read(log))
		}
	}
	if config, err := os.Stat(filepath.Join(value(env, "DATA_DIR"), "beffroi.toml")); err != nil || config.Mode().Perm() != 0o600 {
		t.Errorf("the file with the secret: %v, %v", config, err)
	}
}

func start(t *testing.T, env []string, log string) *exec.Cmd {
	t.Helper()
	process := exec.CommandContext(t.Context(), "./start.sh")
	process.Env = append(os.Environ(), env...)
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	process.Stderr = file
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	return process
}

func read(log string) string {
	content, _ := os.ReadFile(log) // only to be shown
	return string(content)
}

// await asks until the server answers, for ten seconds: the contract's one second is for a machine at rest.
func await(t *testing.T, url string, trusted *x509.CertPool, log string) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, "GET", url+"/_matrix/client/versions", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: transport}).Do(req)
		if err == nil {
			resp.Body.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v\n%s", url, err, read(log))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func value(env []string, name string) string {
	for _, variable := range env {
		if v, found := strings.CutPrefix(variable, name+"="); found {
			return v
		}
	}
	return ""
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
