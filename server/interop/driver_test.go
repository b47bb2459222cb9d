package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// No answer of a client and no change that it waits for takes longer.
const deadline = 30 * time.Second

// An implementation is a client library with its driver.
type implementation struct {
	name    string
	sliding bool // it syncs by sliding sync
	command func(testing.TB) *exec.Cmd
}

// javascript is matrix-js-sdk with its Rust crypto, under Node. Where `make web` has not installed what package-lock.json
// names, npm does now.
func javascript(t testing.TB) implementation {
	t.Helper()
	node := nodeWith(t, "js", "matrix-js-sdk")
	return implementation{name: "matrix-js-sdk", command: func(t testing.TB) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), node, "driver.mjs")
		cmd.Dir = "js"
		return cmd
	}}
}

// nodeWith gives Node, with what a folder's package-lock.json names installed there.
func nodeWith(t testing.TB, folder, what string) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("this test drives %s: it needs Node 20 or newer (the commands node and npm) in PATH: %v", what, err)
	}
	if _, err := os.Stat(folder + "/node_modules/.package-lock.json"); err != nil {
		install := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
		install.Dir = folder
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("this test drives %s, and npm ci in server/interop/%s does not install it: %v\n%s", what, folder, err, out)
		}
	}
	return node
}

// mautrix builds the driver of mautrix-go, in pure Go.
func mautrix(t testing.TB) implementation {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "mautrix")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "goolm", "-buildvcs=false", "-o", binary, "./mautrix")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build.Args, err, out)
	}
	return implementation{name: "mautrix-go", command: func(t testing.TB) *exec.Cmd {
		return exec.CommandContext(t.Context(), binary)
	}}
}

// A driver is a client in a child process, told what to do by lines of JSON.
type driver struct {
	name string
	in   io.WriteCloser
	log  tail

	mu      sync.Mutex
	last    int
	pending map[int]chan reply // nil once the process has ended
}

type reply struct {
	ID     int
	Result json.RawMessage
	Error  string
}

// startDriver starts a client that ends with the test.
func startDriver(t testing.TB, impl implementation, name string) *driver {
	t.Helper()
	d := &driver{name: name + " (" + impl.name + ")", pending: map[int]chan reply{}}
	cmd := impl.command(t)
	cmd.Stderr = &d.log
	var err error
	if d.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.read(out)
		_ = cmd.Wait() // ended by us, or its replies are missed
	}()
	t.Cleanup(func() {
		_ = d.in.Close()
		<-ended
		if t.Failed() {
			t.Logf("%s logged:\n%s", d.name, d.log.String())
		}
	})
	return d
}

func (d *driver) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r reply
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			_, _ = fmt.Fprintf(&d.log, "not a reply: %s\n", lines.Text())
			continue
		}
		d.mu.Lock()
		if to := d.pending[r.ID]; to != nil {
			to <- r
			delete(d.pending, r.ID)
		}
		d.mu.Unlock()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, to := range d.pending {
		close(to)
	}
	d.pending = nil
}

// do runs a command and decodes its result into out, unless out is nil.
func (d *driver) do(command string, args map[string]any, out any) error {
	to, err := d.ask(command, args)
	if err != nil {
		return err
	}
	timer := time.NewTimer(deadline)
	defer timer.Stop()
	select {
	case r, ok := <-to:
		if !ok {
			return fmt.Errorf("%s ended during %s", d.name, command)
		}
		if r.Error != "" {
			return fmt.Errorf("%s: %s: %s", d.name, command, r.Error)
		}
		if out == nil {
			return nil
		}
		return json.Unmarshal(r.Result, out)
	case <-timer.C:
		return fmt.Errorf("%s: %s has no result after %v", d.name, command, deadline)
	}
}

func (d *driver) ask(command string, args map[string]any) (<-chan reply, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pending == nil {
		return nil, fmt.Errorf("%s has ended", d.name)
	}
	d.last++
	line, err := json.Marshal(map[string]any{"id": d.last, "do": command, "args": args})
	if err != nil {
		return nil, err
	}
	to := make(chan reply, 1)
	d.pending[d.last] = to
	_, err = d.in.Write(append(line, '\n'))
	return to, err
}

// A tail keeps the end of a log.
type tail struct {
	mu  sync.Mutex
	log string
}

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	const most = 16 << 10
	l.log += string(p)
	if extra := len(l.log) - most; extra > 0 {
		l.log = l.log[extra:]
	}
	return len(p), nil
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(l.log)
}
