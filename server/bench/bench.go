// Package bench counts what the server's work costs: latency, CPU, bytes written, syncs, memory. Bytes, syncs and CPU are
// what to compare, times depend on who else uses the machine.
//
// "make bench" prints the tables; the package's tests run the same code with a handful of operations.
package bench

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// Cost is what a process used between two moments.
type Cost struct {
	CPU     time.Duration // user and system
	Written int64         // bytes handed to the disk, in whole pages of the kernel
	Syncs   int64         // fsync and fdatasync; -1 where the kernel doesn't tell
	Before  int64         // resident bytes at the beginning
	After   int64         // resident bytes at the end
}

// Result is what n operations cost, one by one.
type Result struct {
	Name     string
	N        int // how many were asked for
	P50, P95 time.Duration
	Wall     time.Duration // for all of them together
	Cost                   // for all of them together, the quiet after them included
}

// Operation does one operation as one of the clients, which each do theirs one after the other. i counts over all clients.
type Operation func(client, i int) error

// Load is how often an operation is done, and by how many.
type Load struct {
	Name    string
	PID     int // of the process that is counted
	N       int
	Clients int          // at once
	Settle  func() error // ends when the work is done that follows the last answer; it counts; nil for none
}

// Quiet is a Settle that watches the process for a while.
func Quiet(d time.Duration) func() error {
	return func() error {
		time.Sleep(d)
		return nil
	}
}

// Run does the operations and counts what the process used for them.
func (l Load) Run(do Operation) (Result, error) {
	meter, err := Count(l.PID)
	if err != nil {
		return Result{}, err
	}
	begin := time.Now()
	times, err := spread(l.N, l.Clients, do)
	r := Result{Name: l.Name, N: l.N, Wall: time.Since(begin)}
	if err == nil && l.Settle != nil {
		err = l.Settle()
	}
	cost, stopped := meter.Stop()
	r.Cost = cost
	r.rank(times)
	return r, errors.Join(err, stopped)
}

// spread does n operations with some clients at once and gives how long each took.
func spread(n, clients int, do Operation) (times []time.Duration, failed error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for i := client; i < n; i += clients {
				begin := time.Now()
				err := do(client, i)
				took := time.Since(begin)
				mu.Lock()
				times = append(times, took)
				if err != nil && failed == nil {
					failed = err
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return times, failed
}

// rank sets the percentiles.
func (r *Result) rank(times []time.Duration) {
	slices.Sort(times)
	r.P50, r.P95 = percentile(times, 50), percentile(times, 95)
}

// percentile is the nearest rank in sorted times.
func percentile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}
