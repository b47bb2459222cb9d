package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"
)

// keepTasks is how long it is known how a task ended, and maxTasks how many are known at most.
const (
	keepTasks = 24 * time.Hour
	maxTasks  = 1000
)

// tasks is what runs in the background for administrators. It lives in memory: what a restart cuts off is asked for again.
type tasks struct {
	mu      sync.Mutex
	ctx     context.Context //nolint:containedctx // it is what ends the tasks
	stop    context.CancelFunc
	closed  bool
	running sync.WaitGroup
	list    []*Task
}

// Task is how something stands that was begun in the background.
type Task struct {
	ID      string
	Subject string // the room or user that it concerns
	Kind    string
	Begun   time.Time
	Status  string // "active", "complete" or "failed"
	Error   string // why it failed
	Result  any    // as far as it is known; never changed once it is here
}

func newTasks() *tasks {
	ctx, stop := context.WithCancel(context.Background())
	return &tasks{ctx: ctx, stop: stop}
}

var errStopping = errors.New("the server stops")

// start runs something that tells nobody how it went.
func (t *tasks) start(do func(ctx context.Context)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return errStopping
	}
	t.running.Go(func() { do(t.ctx) })
	return nil
}

// begin runs something whose course can be asked for; report puts forward what is known so far.
func (t *tasks) begin(kind, subject string, now time.Time, do func(ctx context.Context, report func(any)) error) (id string, err error) {
	task := &Task{ID: rand.Text(), Kind: kind, Subject: subject, Begun: now, Status: "active"}
	err = t.start(func(ctx context.Context) {
		failure := do(ctx, func(result any) { t.change(task, func() { task.Result = result }) })
		t.change(task, func() {
			if task.Status = "complete"; failure != nil {
				task.Status, task.Error = "failed", failure.Error()
			}
		})
	})
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(now)
	t.list = append(t.list, task)
	return task.ID, nil
}

func (t *tasks) change(_ *Task, f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

// forget drops what ended long ago, and the oldest of too many.
func (t *tasks) forget(now time.Time) {
	kept := t.list[:0]
	for i, task := range t.list {
		if task.Status == "active" || now.Sub(task.Begun) < keepTasks && len(t.list)-i < maxTasks {
			kept = append(kept, task)
		}
	}
	clear(t.list[len(kept):])
	t.list = kept
}

// find gives the tasks of a kind by their id, or by their subject.
func (t *tasks) find(kind string, match func(Task) bool) (found []Task) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, task := range t.list {
		if task.Kind == kind && match(*task) {
			found = append(found, *task)
		}
	}
	return found
}

// run waits for the end, and then for the tasks.
func (t *tasks) run(ctx context.Context) error {
	<-ctx.Done()
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.stop()
	t.running.Wait()
	return nil
}
