package servertest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
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

// Process goes on with a server of the network in a child process, which has its memory for itself: on the same data folder and addresses, so that clients and peers
// find it where it was.
func (n *Network) Process(binary string, s *Server) *Process {
	n.t.Helper()
	s.stop()
	p := &Process{t: n.t, binary: binary, DataDir: s.cfg.DataDir, address: s.cfg.Listen.HTTP, Client: s.Client}
	p.env = []string{
		"BEFFROI_SERVER_NAME=" + s.cfg.ServerName, "BEFFROI_LOG_FORMAT=json", "BEFFROI_LISTEN_TLS=" + s.cfg.Listen.TLS,
		"BEFFROI_LISTEN_TLS_CERTIFICATE=" + s.cfg.Listen.Certificate, "BEFFROI_LISTEN_TLS_KEY=" + s.cfg.Listen.Key, "BEFFROI_FEDERATION_ENABLED=true",
		"BEFFROI_FEDERATION_ALLOW=" + s.cfg.Federation.Allow, "BEFFROI_FEDERATION_AUTHORITIES=" + s.cfg.Federation.Authorities,
	}
	p.Start()
	n.t.Cleanup(p.Kill)
	return p
}

// Resident is how much memory a process has now, and the most that it had since Forget, in bytes.
func (p *Process) Resident() (now, most int64) {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			now = kib << 10
		}
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			most = kib << 10
		}
	}
	return now, most
}

// Forget lets Resident count anew.
func (p *Process) Forget() {
	p.t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.PID()), []byte("5"), 0); err != nil {
		p.t.Fatal(err)
	}
}
