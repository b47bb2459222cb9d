package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/config"
)

// A stop wakes the requests that only wait, and both they and the requests at work answer before Serve returns.
func TestStopLetsRequestsAnswer(t *testing.T) {
	cfg := config.Default()
	cfg.ServerName = "localhost"
	cfg.DataDir = t.TempDir()
	s, err := New(t.Context(), cfg, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	begun, work := make(chan struct{}), make(chan struct{})
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stop := s.hub.Wait(1) // a waiter without topics waits for nothing
		defer s.hub.Done(stop)
		begun <- struct{}{}
		<-stop.C
		if r.URL.Path == "/work" {
			<-work
		}
		_, _ = io.WriteString(w, r.URL.Path)
	})
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, s.handler, l, nil) }()

	answers := make(chan string, 2)
	for _, path := range []string{"/wait", "/work"} {
		go func() { answers <- answerOf(t, "http://"+l.Addr().String()+path) }()
		<-begun
	}
	cancel()
	if got := <-answers; got != "/wait" {
		t.Errorf("first to answer after the stop began: %q", got)
	}
	select {
	case err := <-ended:
		t.Error("the server ended while a request was at work:", err)
	default:
	}
	close(work)
	if got := <-answers; got != "/work" {
		t.Errorf("the request at work: %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A connection that nothing was asked on, as browsers open in advance, doesn't hold the stop up.
func TestStopDoesNotWaitForConnectionsWithoutRequest(t *testing.T) {
	cfg := config.Default()
	cfg.ServerName = "localhost"
	cfg.DataDir = t.TempDir()
	s, err := New(t.Context(), cfg, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, s.Handler(), l, nil) }()
	unused, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer unused.Close()
	_ = answerOf(t, "http://"+l.Addr().String()+"/") // accepted after the unused one
	cancel()
	select {
	case err = <-ended:
	case <-time.After(drainTime / 2):
		t.Error("the server still waits")
		err = <-ended
	}
	if err := errors.Join(err, s.Close()); err != nil {
		t.Error(err)
	}
}

func answerOf(t *testing.T, url string) string {
	req, err := http.NewRequestWithContext(context.Background(), "GET", url, nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}
