package pusher

import (
	"context"
	"sync"
	"time"

	"beffroi/server/notify"
	"beffroi/server/store"
)

// When a failure of ours is tried again, and how many messages are on their way at a time: in all, and to one host and one user, so that neither a slow
// gateway nor somebody with many of them holds up others.
const (
	tryAgain   = 5 * time.Second
	maxRunning = 64
	maxPerHost = 8
	maxPerUser = 4
)

// loop is what Run knows. Only Run touches it.
type loop struct {
	*Service
	pos     int64                            // events up to here were looked at
	saved   int64                            // the common cursor in the database
	moved   bool                             // something was told or waits since the cursors were written
	saveAt  time.Time                        // when they are written; zero: there is nothing to write
	failed  bool                             // something of ours failed: it is tried again
	waiter  *notify.Waiter                   // for all users with pushers
	lines   map[int64]*line                  // by pusher
	of      map[store.Atom][]*line           // by user
	hearers map[store.RoomRef][]store.Hearer // of the rooms in which something happened lately
	ready   map[int64]*line                  // those with something to tell
	running int
	hosts   map[string]int     // how many messages are on their way, by host
	users   map[store.Atom]int // and by user
	done    chan outcome
	jobs    sync.WaitGroup
}

func newLoop(s *Service) *loop {
	return &loop{Service: s, lines: map[int64]*line{}, of: map[store.Atom][]*line{}, hearers: map[store.RoomRef][]store.Hearer{},
		ready: map[int64]*line{}, hosts: map[string]int{}, users: map[store.Atom]int{}, done: make(chan outcome, maxRunning)}
}

// Run tells pushers until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	l := newLoop(s)
	defer l.end(ctx)
	for reload := true; ctx.Err() == nil; {
		l.step(ctx, reload)
		reload = l.wait(ctx)
	}
	return nil
}

// step does what there is to do.
func (l *loop) step(ctx context.Context, reload bool) {
	l.failed = false
	if reload || l.waiter == nil {
		l.try(ctx, "pushers could not be read", l.load)
	}
	if l.waiter != nil {
		l.try(ctx, "events could not be read for pushers", l.look)
	}
	l.dispatch(ctx)
	l.plan()
	if !l.saveAt.IsZero() && !l.Now().Before(l.saveAt) {
		l.try(ctx, "cursors of pushers could not be written", l.save)
	}
}

func (l *loop) try(ctx context.Context, what string, do func(context.Context) error) {
	if err := do(ctx); err != nil && ctx.Err() == nil {
		l.failed = true
		l.Log.Warn().Err(err).Msg(what)
	}
}

// wait waits until there is something to do. reload: pushers are other than they were.
func (l *loop) wait(ctx context.Context) (reload bool) {
	timer := time.NewTimer(l.rest())
	defer timer.Stop()
	var woken chan struct{}
	if l.waiter != nil {
		woken = l.waiter.C
	}
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-woken:
	case o := <-l.done:
		l.finish(o)
	case <-l.changed:
		return true
	}
	return false
}

// rest is how long nothing is due.
func (l *loop) rest() time.Duration {
	now, rest := l.Now(), time.Hour
	soonest := func(t time.Time) { rest = min(rest, max(t.Sub(now), 0)) }
	if l.failed {
		rest = tryAgain
	}
	if !l.saveAt.IsZero() {
		soonest(l.saveAt)
	}
	for _, ln := range l.ready {
		if !ln.busy && now.Before(ln.retry) {
			soonest(ln.retry)
		}
	}
	return rest
}

// load reads the pushers anew. What is on its way and waits stays; who set a pusher anew is tried at once.
func (l *loop) load(ctx context.Context) error {
	var rows []store.Pusher
	var common int64
	err := l.db.Read(ctx, func(r *store.Reader) (err error) {
		if rows, err = r.Pushers(); err == nil {
			common, err = r.PushCursor()
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(l.lines) == 0 { // nobody was there to whom anything would have been told
		l.pos, l.saved = l.db.Visible(), common
	}
	lines, first := make(map[int64]*line, len(rows)), l.pos
	for i := range rows {
		ln := l.lines[rows[i].ID]
		if ln == nil {
			ln = &line{badge: unknownBadge, from: from(&rows[i], common, l.db.Visible())}
			first = min(first, ln.from)
		} else {
			ln.from = max(ln.from, l.pos)
		}
		ln.take(&rows[i], l.Now())
		lines[rows[i].ID] = ln
	}
	l.adopt(lines)
	l.pos = first
	return nil
}

// from is the position from which on a pusher is told. A cursor ahead of the stream is one of another life of this database.
func from(p *store.Pusher, common, visible int64) int64 {
	pos := p.Pos
	if !p.Behind {
		pos = max(pos, common)
	}
	return min(pos, visible)
}

// adopt makes lines the known ones, and waits for their users.
func (l *loop) adopt(lines map[int64]*line) {
	l.lines, l.of, l.ready = lines, map[store.Atom][]*line{}, map[int64]*line{}
	clear(l.hearers)
	var topics []int64
	for id, ln := range lines {
		if l.of[ln.User] == nil {
			topics = append(topics, int64(ln.User))
		}
		l.of[ln.User] = append(l.of[ln.User], ln)
		if ln.work() != nothing {
			l.ready[id] = ln
		}
	}
	old := l.waiter
	l.waiter = l.hub.Wait(topics...)
	if old != nil {
		l.hub.Done(old)
	}
}

// dispatch sends what can be sent now.
func (l *loop) dispatch(ctx context.Context) {
	now := l.Now()
	for id, ln := range l.ready {
		if ln.busy || now.Before(ln.retry) || l.running >= maxRunning || l.hosts[ln.host] >= maxPerHost || l.users[ln.User] >= maxPerUser {
			continue
		}
		ln.forget(now)
		job := ln.job()
		if job.what == nothing {
			delete(l.ready, id)
			continue
		}
		ln.busy = true
		l.running++
		l.hosts[job.host]++
		l.users[job.pusher.User]++
		l.jobs.Go(func() { l.done <- l.run(ctx, job) })
	}
}

// finish notes what became of a message.
func (l *loop) finish(o outcome) {
	l.running--
	if l.hosts[o.host]--; l.hosts[o.host] == 0 {
		delete(l.hosts, o.host)
	}
	if l.users[o.pusher.User]--; l.users[o.pusher.User] == 0 {
		delete(l.users, o.pusher.User)
	}
	ln := l.lines[o.pusher.ID]
	if ln == nil {
		return // it ended meanwhile
	}
	ln.busy = false
	if o.verdict == gone {
		l.drop(ln)
		return
	}
	if o.verdict == failed && ln.failures == 0 {
		l.Log.Info().Err(o.err).Str("host", o.host).Str("user", ln.UserID).Msg("a push could not be delivered: it is tried again")
	}
	ln.settle(&o, l.Now())
	l.moved = true
	if ln.work() == nothing {
		delete(l.ready, ln.ID)
	}
}

// drop forgets a pusher that has ended.
func (l *loop) drop(ln *line) {
	delete(l.lines, ln.ID)
	delete(l.ready, ln.ID)
	rest := l.of[ln.User][:0:0]
	for _, other := range l.of[ln.User] {
		if other != ln {
			rest = append(rest, other)
		}
	}
	l.of[ln.User] = rest
}

// end waits for what is on its way, and writes the cursors, so that a start in order repeats nothing.
func (l *loop) end(ctx context.Context) {
	if l.waiter != nil {
		l.hub.Done(l.waiter)
	}
	go func() {
		l.jobs.Wait()
		close(l.done)
	}()
	for o := range l.done {
		l.finish(o)
	}
	if l.waiter != nil && (l.moved || l.pos != l.saved) {
		l.try(context.WithoutCancel(ctx), "cursors of pushers could not be written", l.save)
	}
}
