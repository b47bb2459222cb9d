//go:build interop

package federation

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// A process is a server in a child process, which can be ended and started again on what it left.
type process struct {
	t       testing.TB
	name    string
	ready   string // the URL that answers 200 once it serves
	command func() *exec.Cmd
	log     *os.File

	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
}

// startProcess runs a command until the test ends. What it logs is in a file of the folder of logs, of which a failed test tells.
func startProcess(t testing.TB, name, ready string, command func() *exec.Cmd) *process {
	t.Helper()
	log, err := os.Create(filepath.Join(logs(t), name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, name: name, ready: ready, command: command, log: log}
	t.Cleanup(func() {
		p.end(syscall.SIGKILL)
		_ = log.Close()
		if t.Failed() {
			t.Logf("%s logged into %s", name, log.Name())
		}
	})
	p.Start()
	return p
}

// logs is the folder where servers log: INTEROP_LOGS, which outlives the test, or one that does not.
func logs(t testing.TB) string {
	folder := os.Getenv("INTEROP_LOGS")
	if folder == "" {
		return t.TempDir()
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	return folder
}

// Start starts it and returns when it serves.
func (p *process) Start() {
	p.t.Helper()
	p.cmd = p.command()
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(p.name, err)
	}
	p.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		defer close(ended)
		_ = cmd.Wait() // ended by us, or it is missed
	}(p.cmd, p.ended)
	within(p.t, 2*patience, p.name+" serves", func() bool {
		select {
		case <-p.ended:
			p.t.Fatalf("%s ended: see %s\n%s", p.name, p.log.Name(), p.tail())
		default:
		}
		return p.serves()
	})
}

func (p *process) serves() bool {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, p.ready, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// tail is the end of what it logged.
func (p *process) tail() []byte {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return nil
	}
	return text[max(0, len(text)-4000):]
}

// Stop ends it in order.
func (p *process) Stop() { p.end(syscall.SIGTERM) }

func (p *process) end(signal os.Signal) {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	_ = p.cmd.Process.Signal(signal) // it may have ended
	<-p.ended
}

// until waits for what another server has to bring about.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	within(t, patience, what, ok)
}

func within(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	step(t, 50*time.Millisecond, limit, what, ok)
}

// step is within, looking less often: where looking is work.
func step(t testing.TB, pause, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(pause)
	defer again.Stop()
	for end := time.Now().Add(limit); !ok(); <-again.C {
		if time.Now().After(end) {
			t.Fatalf("after %v, still not: %s", limit, what)
		}
	}
}
