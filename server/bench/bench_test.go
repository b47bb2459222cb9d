package bench

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// measure makes the tests of this package measure in earnest and print tables. Without it they do a handful of operations.
var measure = flag.Bool("measure", false, "measure and print tables")

// folder is an empty folder, in TMPDIR.
func folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	const tmpfs = 0x01021994 // statfs(2)
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err == nil && fs.Type == tmpfs && *measure {
		fmt.Printf("%s is in memory, where syncs are free: set TMPDIR to a folder on a disk\n", dir)
	}
	return dir
}

func TestRunCountsAProcess(t *testing.T) {
	file := filepath.Join(folder(t), "file")
	const n, size = 40, 64 << 10
	seen := make([]int, n)
	r, err := Load{Name: "write", PID: os.Getpid(), N: n, Clients: 4, Settle: Quiet(time.Millisecond)}.Run(func(client, i int) error {
		seen[i]++
		if i%4 != client {
			t.Errorf("operation %d is done by client %d", i, client)
		}
		f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(make([]byte, size))
		return errors.Join(err, f.Sync(), f.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, times := range seen {
		if times != 1 {
			t.Errorf("operation %d was done %d times", i, times)
		}
	}
	if r.P50 <= 0 || r.P95 < r.P50 || r.Wall < r.P95 || r.After <= 0 {
		t.Errorf("%+v", r)
	}
	if r.Syncs != -1 && r.Syncs < n {
		t.Errorf("%d syncs are counted, %d were made", r.Syncs, n)
	}
	t.Logf("%+v", r)
}

func TestRunTellsWhatFailed(t *testing.T) {
	broken := errors.New("broken")
	if _, err := (Load{PID: os.Getpid(), N: 10, Clients: 2}).Run(func(_, i int) error {
		if i == 5 {
			return broken
		}
		return nil
	}); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := (Load{N: 1, Clients: 1}).Run(func(int, int) error { return nil }); err == nil {
		t.Error("a process that isn't there was counted")
	}
}

func TestPercentile(t *testing.T) {
	var times []time.Duration
	for i := range 100 {
		times = append(times, time.Duration(i+1))
	}
	if p50, p95, one := percentile(times, 50), percentile(times, 95), percentile(times[:1], 95); p50 != 50 || p95 != 95 || one != 1 {
		t.Error(p50, p95, one)
	}
}

// slowly skips what takes minutes with the race detector and gains nothing by it: the same code runs under it elsewhere, and "make test" runs
// this package without it as well.
func slowly(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("with -short: it is run without the race detector")
	}
}
