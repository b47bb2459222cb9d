package servertest

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// A Process is a server in a child process, on a data folder that outlives it. It is killed at the end of the test.
type Process struct {
	Client
	DataDir string

	t       testing.TB
	binary  string
	env     []string
	address string
	cmd     *exec.Cmd
	drained chan struct{} // closed when all that the child logged is read
}

// Build builds the project's binary into a folder of the test and gives its path.
func Build(t testing.TB) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	binary := filepath.Join(t.TempDir(), "beffroi")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", binary, ".")
	cmd.Dir = filepath.Join(filepath.Dir(here), "..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// StartProcess runs a binary of Build and returns when it listens. env adds variables such as "BEFFROI_LOG_LEVEL=debug".
func StartProcess(t testing.TB, binary string, env ...string) *Process {
	t.Helper()
	p := &Process{t: t, binary: binary, DataDir: t.TempDir(), address: "127.0.0.1:0"}
	p.env = append([]string{
		"BEFFROI_SERVER_NAME=beffroi.test", "BEFFROI_REGISTRATION_SHARED_SECRET=" + sharedSecret, "BEFFROI_LOG_FORMAT=json",
		"BEFFROI_REGISTRATION_ENABLED=true", "BEFFROI_REGISTRATION_ALLOW_DUMMY=true",
		"BEFFROI_PASSWORD_MEMORY_KIB=8", "BEFFROI_PASSWORD_ITERATIONS=1", "BEFFROI_LIMITS_ENABLED=false",
	}, env...)
	p.Start()
	p.Client = NewClient(t, "http://"+p.address, "beffroi.test", sharedSecret)
	t.Cleanup(p.Kill)
	return p
}

// Start starts the server again, at the address it had, after Kill or Stop.
func (p *Process) Start() {
	p.t.Helper()
	p.cmd = exec.Command(p.binary, "serve", "--data", p.DataDir, "--listen", p.address)
	p.cmd.Env = append(os.Environ(), p.env...)
	logged, err := p.cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.drained = make(chan struct{})
	listening := make(chan string, 1)
	go func() {
		defer close(p.drained)
		defer close(listening)
		for lines := bufio.NewScanner(logged); lines.Scan(); {
			p.t.Log(lines.Text())
			announce(lines.Bytes(), listening)
		}
		_, _ = io.Copy(io.Discard, logged) // after a line too long for the scanner, the child must not block
	}()
	address, ok := <-listening
	if !ok {
		p.t.Fatal("the server ended before it listened:", p.wait())
	}
	p.address = address
}

// announce tells the address when a line of the log says that the server listens.
func announce(line []byte, listening chan<- string) {
	var entry struct{ Message, Address string }
	if json.Unmarshal(line, &entry) == nil && entry.Message == "listening" {
		select {
		case listening <- entry.Address:
		default: // the second listener
		}
	}
}

// PID is the child's process id, for /proc.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the server by SIGKILL, as a crash or a power cut does to a process. It does nothing to one that has ended.
func (p *Process) Kill() { _ = p.end(syscall.SIGKILL) }

// Stop ends the server by SIGTERM and gives how it ended: nil after an ordered stop.
func (p *Process) Stop() error { return p.end(syscall.SIGTERM) }

func (p *Process) end(signal os.Signal) error {
	if p.cmd.ProcessState != nil {
		return nil
	}
	p.http.CloseIdleConnections()
	if err := p.cmd.Process.Signal(signal); err != nil {
		return err
	}
	return p.wait()
}

func (p *Process) wait() error {
	<-p.drained
	return p.cmd.Wait()
}
