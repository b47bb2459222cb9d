package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Meter counts what a process uses, from Count to Stop.
type Meter struct {
	pid    int
	before usage
	syncs  *syncCounter // nil where they can't be counted
}

// usage is what a process has used so far.
type usage struct {
	cpu      time.Duration
	written  int64
	resident int64
}

// Count begins to count what a process uses, which may be the one that asks.
func Count(pid int) (*Meter, error) {
	m := &Meter{pid: pid, syncs: countSyncs(pid)}
	var err error
	m.before, err = used(pid)
	return m, err
}

// Stop tells what was used since Count.
func (m *Meter) Stop() (Cost, error) {
	after, err := used(m.pid)
	c := Cost{CPU: after.cpu - m.before.cpu, Written: after.written - m.before.written,
		Before: m.before.resident, After: after.resident, Syncs: -1}
	if m.syncs != nil {
		c.Syncs = m.syncs.stop()
	}
	return c, err
}

// used reads the kernel's account of a process. Source: proc_pid_stat(5), proc_pid_io(5), proc_pid_status(5).
func used(pid int) (u usage, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third on: names may have spaces
	if len(fields) < 13 {
		return u, errors.New("/proc: stat has too few fields")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	u.cpu = time.Duration(user+system) * (time.Second / userHz)
	written, err3 := field(pid, "io", "write_bytes:")
	resident, err4 := field(pid, "status", "VmRSS:")
	u.written, u.resident = written, resident<<10
	return u, errors.Join(err1, err2, err3, err4)
}

// userHz is the unit of times in /proc, the same on every Linux that Go runs on.
const userHz = 100

// field reads a number behind its name in a file of /proc.
func field(pid int, file, name string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut("\n"+string(b), "\n"+name)
	words := strings.Fields(rest)
	if !found || len(words) == 0 {
		return 0, fmt.Errorf("/proc: %s has no %s", file, name)
	}
	return strconv.ParseInt(words[0], 10, 64)
}

// syncCounter is a perf stat on the system calls that make writes durable.
type syncCounter struct {
	cmd    *exec.Cmd
	result bytes.Buffer
}

// countSyncs begins to count; nil where perf is not there or may not.
func countSyncs(pid int) *syncCounter {
	s := &syncCounter{}
	control, enable, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer control.Close()
	defer enable.Close()
	acknowledged, acknowledge, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer acknowledged.Close()
	s.cmd = exec.CommandContext(context.Background(), "perf", "stat", "-x", ",", "-D", "-1", "--control", "fd:3,4", "-p", strconv.Itoa(pid),
		"-e", "syscalls:sys_enter_fsync", "-e", "syscalls:sys_enter_fdatasync")
	s.cmd.ExtraFiles = []*os.File{control, acknowledge}
	s.cmd.Stderr = &s.result
	err = s.cmd.Start()
	_ = acknowledge.Close() // so that the end of perf ends the reading below
	if err != nil {
		return nil
	}
	if _, err := enable.WriteString("enable\n"); err == nil {
		_, err = bufio.NewReader(acknowledged).ReadString('\n')
		if err == nil {
			return s
		}
	}
	_ = s.cmd.Wait() // it ended by itself, with the reason on its standard error
	return nil
}

// stop gives how many there were, -1 where perf didn't say.
func (s *syncCounter) stop() int64 {
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return -1
	}
	_ = s.cmd.Wait() // perf ends by the signal, which counts as a failure
	total := int64(-1)
	for line := range strings.Lines(s.result.String()) {
		count, _, _ := strings.Cut(line, ",")
		if n, err := strconv.ParseInt(count, 10, 64); err == nil {
			total = max(total, 0) + n
		}
	}
	return total
}
