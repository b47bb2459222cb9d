package jobs

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// often is due again and again. The tests run on a clock that goes on when everybody waits (testing/synctest).
type often time.Duration

func (o often) Next(t time.Time) time.Time { return t.Add(time.Duration(o)) }

// logged is what the jobs logged, to be read while they run.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs jobs until the test ends, and gives how to end them and wait.
func start(t *testing.T, jobs ...scheduled) (stop func(), log *logged) {
	ctx, cancel := context.WithCancel(t.Context())
	log = &logged{}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx, zerolog.New(log), jobs)
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return stop, log
}

func TestAJobComesAgainAfterAFailureAndAPanic(t *testing.T) {
	synctest.Test(t, aJobComesAgainAfterAFailureAndAPanic)
}

func aJobComesAgainAfterAFailureAndAPanic(t *testing.T) {
	var runs int
	enough := make(chan struct{})
	stop, log := start(t, scheduled{Job{Name: "night", Spread: time.Millisecond, Run: func(context.Context) error {
		switch runs++; runs {
		case 1:
			return errors.New("no luck")
		case 2:
			panic("no sense")
		case 4:
			close(enough)
		}
		return nil
	}}, often(time.Millisecond)})
	<-enough
	stop()
	for _, want := range []string{`"job":"night","error":"no luck"`, "panic: no sense", "job done"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, log)
		}
	}
}

func TestOneJobRunsAtATime(t *testing.T) { synctest.Test(t, oneJobRunsAtATime) }

func oneJobRunsAtATime(t *testing.T) {
	var running, runs atomic.Int32
	enough := make(chan struct{})
	work := func(context.Context) error {
		if running.Add(1) > 1 {
			t.Error("two jobs run at once")
		}
		time.Sleep(2 * time.Millisecond) // long enough to be due again
		running.Add(-1)
		if runs.Add(1) == 6 {
			close(enough)
		}
		return nil
	}
	start(t, scheduled{Job{Name: "a", Run: work}, often(time.Millisecond)}, scheduled{Job{Name: "b", Run: work}, often(time.Millisecond)})
	<-enough
}

// The stop ends the context of the job that runs, waits for it, and calls its end no failure.
func TestTheStopWaitsForTheJobThatRuns(t *testing.T) { synctest.Test(t, theStopWaitsForTheJobThatRuns) }

func theStopWaitsForTheJobThatRuns(t *testing.T) {
	begun := make(chan struct{})
	var ended atomic.Bool
	stop, log := start(t, scheduled{Job{Name: "long", Run: func(ctx context.Context) error {
		close(begun)
		<-ctx.Done()
		ended.Store(true)
		return ctx.Err()
	}}, often(time.Millisecond)})
	<-begun
	stop()
	if !ended.Load() || log.String() != "" {
		t.Errorf("ended %v, logged %s", ended.Load(), log)
	}
}

func TestADelayedJobIsCutShortByTheStop(t *testing.T) {
	synctest.Test(t, aDelayedJobIsCutShortByTheStop)
}

func aDelayedJobIsCutShortByTheStop(t *testing.T) {
	stop, _ := start(t, scheduled{Job{Name: "late", Spread: 1 << 62, Run: func(context.Context) error {
		t.Error("it ran")
		return nil
	}}, often(time.Millisecond)})
	time.Sleep(10 * time.Millisecond) // it was due, and is late
	stop()
}

func TestAScheduleThatCannotBeUnderstood(t *testing.T) {
	err := Run(t.Context(), zerolog.Nop(), Job{Name: "never", When: "at night"})
	if err == nil || !strings.Contains(err.Error(), `job "never"`) {
		t.Error(err)
	}
}
