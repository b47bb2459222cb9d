package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"beffroi": main})
}

// The command line is a contract: testdata/script shows it.
func TestCommandLine(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await":    await,
			"onlyline": onlyLine,
		},
	})
}

// await FILE TEXT waits until a process has written TEXT to FILE.
func await(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs(args[0])
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		if content, err := os.ReadFile(file); err == nil && strings.Contains(string(content), args[1]) {
			return
		}
	}
	ts.Fatalf("%s never had %q: %s", args[0], args[1], ts.ReadFile(args[0]))
}

// onlyline checks that the last command wrote exactly one line to standard error.
func onlyLine(ts *testscript.TestScript, _ bool, _ []string) {
	if errs := ts.ReadFile("stderr"); strings.Count(errs, "\n") != 1 || !strings.HasSuffix(errs, "\n") {
		ts.Fatalf("standard error is not one line: %q", errs)
	}
}

// The service manager hears READY=1 when the server answers, WATCHDOG=1 as often as it asks, and STOPPING=1.
func TestServiceManagerIsTold(t *testing.T) {
	manager := serviceManager(t)
	t.Setenv("WATCHDOG_USEC", "20000")
	t.Setenv("BEFFROI_LOG_LEVEL", "error")
	address := freeAddress(t)
	ended := make(chan error, 1)
	go func() { ended <- serve([]string{"--data", t.TempDir(), "--listen", address}, io.Discard) }()

	hear(t, manager, "READY=1", "WATCHDOG=1")
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+"/_matrix/client/versions", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal("ready, but it does not answer: ", err)
	}
	resp.Body.Close()
	for range 3 {
		hear(t, manager, "WATCHDOG=1", "")
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	hear(t, manager, "STOPPING=1", "WATCHDOG=1")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// serviceManager is the socket that this process, as a service, speaks to.
func serviceManager(t *testing.T) *net.UnixConn {
	address := &net.UnixAddr{Net: "unixgram", Name: filepath.Join(t.TempDir(), "notify")}
	socket, err := net.ListenUnixgram(address.Net, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	if err := socket.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", address.Name)
	return socket
}

// hear waits for one message; until then only others may come.
func hear(t *testing.T, manager *net.UnixConn, want, others string) {
	t.Helper()
	message := make([]byte, 256)
	for {
		n, err := manager.Read(message)
		if err != nil {
			t.Fatalf("waiting for %s: %v", want, err)
		}
		if got := string(message[:n]); got == want {
			return
		} else if got != others {
			t.Fatalf("%s came before %s", got, want)
		}
	}
}

func freeAddress(t *testing.T) string {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
