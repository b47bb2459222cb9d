// Package outbox brings other servers what concerns them: the events of the rooms that they are in, and what is said beside them. What is to be sent
// lies in the database, once for all (store.Outgoing) or for one server (store.EDU); each server has a cursor. One goroutine works for a server while
// there is something for it, and none while there is nothing or while it fails.
//
// Source: server-server API, "Transactions". The way and its reasons: ARCHITECTURE.md, "Other servers".
package outbox

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/e2ee"
	"beffroi/server/federation/remote"
	"beffroi/server/store"
)

const (
	// maxPDUs and maxEDUs are what a transaction may hold. Source: server-server API, "Transactions".
	maxPDUs, maxEDUs = 50, 100
	// maxBytes is from where on nothing is added to a transaction.
	maxBytes = 2 << 20
	// atATime is with how many servers this one speaks at a time, and with how many of those that failed the last time.
	atATime, tryingAtATime = 64, 32
	// inARow is how many transactions a server gets before others have their turn.
	inARow = 20
	// refusedOften is how often a server may fail over a transaction, though it works, before that is sent in halves.
	refusedOften = 5
	// mostLeftOut is how much a server may refuse, and is left out, without taking anything in between.
	mostLeftOut = 10
	// longOutage and longQueue are after which time, or with how much waiting, a failing server is not kept the rest.
	longOutage, longQueue = time.Hour, 1000
	// dead is after which time a server is tried only each probe.
	dead, probe = 3 * 7 * 24 * time.Hour, 7 * 24 * time.Hour
	// saveAfter is how long after something was sent that is written down; a crash repeats it.
	saveAfter = time.Second
	// grace is how long a stop waits for what is on its way.
	grace = 500 * time.Millisecond
	// keptFor is how long messages to devices wait for their server.
	keptFor = 30 * 24 * time.Hour
)

// Client sends. *remote.Client is one.
type Client interface {
	Put(ctx context.Context, server, uri string, body []byte) ([]byte, error)
	// Paused tells since when and until when a server is left alone that did not answer; Pause leaves it alone again after a restart.
	Paused(server string) (remote.Pause, bool)
	Pause(one remote.Pause)
	// Heard ends that.
	Heard(server string)
}

// Devices reads what other servers may have of a user's devices. *e2ee.Service does.
type Devices interface {
	UserDevices(ctx context.Context, userID string) (*e2ee.UserDevices, error)
}

// Config is what the outbox works with.
type Config struct {
	ServerName   string
	Client       Client
	Devices      Devices
	Presence     bool          // servers are told who is here
	LongestPause time.Duration // how long a server that fails is left alone at most; 0: an hour
	Log          zerolog.Logger
}

// Service is the outbox of one server.
type Service struct {
	Config
	db   *store.DB
	now  func() time.Time
	boot string // names this run in the ids of transactions

	poke chan struct{} // there is something to look at
	jobs sync.WaitGroup

	mu      sync.Mutex
	all     map[string]*destination // those at work, in trouble, or not written down yet
	ready   []*destination          // whose turn it is next
	running int
	trying  int   // of these, those that failed the last time
	looked  int64 // everything up to here was handed to the destinations
	written int64 // this position in the database
	changed bool  // something is to be written down
	saveAt  time.Time
	spoken  []spoken // typing and presence, not handed over yet
	said    int64    // how many transactions had any

	pruned time.Time
}

// New makes the outbox. It sends while Run runs.
func New(db *store.DB, now func() time.Time, c Config) *Service {
	return &Service{Config: c, db: db, now: now, boot: rand.Text(), poke: make(chan struct{}, 1), all: map[string]*destination{}}
}

// Run sends what is queued until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	if err := s.load(ctx); err != nil {
		return err
	}
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		if err := s.round(ctx, work); err != nil && ctx.Err() == nil {
			s.Log.Warn().Err(err).Msg("other servers get nothing for the moment")
			timer.Reset(saveAfter)
		} else {
			timer.Reset(s.rest())
		}
		select {
		case <-s.db.Outgoing():
		case <-s.poke:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	defer time.AfterFunc(grace, cut).Stop()
	s.jobs.Wait()
	return s.save(context.WithoutCancel(ctx))
}

// round hands out what is new, starts those whose turn it is, and writes down what was done.
func (s *Service) round(ctx, work context.Context) error {
	if err := s.look(ctx); err != nil {
		return err
	}
	if err := s.handOver(ctx); err != nil {
		return err
	}
	for _, d := range s.next() {
		s.jobs.Go(func() { s.deliver(ctx, work, d) })
	}
	if !s.toSave() {
		return nil
	}
	if err := s.save(ctx); err != nil {
		return err
	}
	return s.prune(ctx)
}

// look hands what was queued since the last look to the servers that it goes to.
func (s *Service) look(ctx context.Context) error {
	upto := s.db.Visible()
	if upto == s.looked {
		return nil
	}
	var names []store.NamedServer
	err := s.db.Read(ctx, func(r *store.Reader) error {
		servers, err := r.Destinations(s.looked, upto)
		if err != nil {
			return err
		}
		if names, err = r.Named(servers); err != nil {
			return err
		}
		return s.meet(r, names)
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range names {
		s.wait(s.all[n.Name], s.looked)
	}
	s.looked = upto
	if len(names) > 0 {
		s.change()
	}
	return nil
}

// next takes those whose turn it is.
func (s *Service) next() (started []*destination) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, d := range s.all {
		if d.waits && !now.Before(d.until) {
			s.enqueue(d)
		}
	}
	var later []*destination
	for _, d := range s.ready {
		if s.running >= atATime || d.failed > 0 && s.trying >= tryingAtATime {
			later = append(later, d)
			continue
		}
		d.state = sending
		s.running++
		if d.tries = d.failed > 0; d.tries {
			s.trying++
		}
		started = append(started, d)
	}
	s.ready = later
	return started
}

// rest is how long nothing is to be done unless something happens.
func (s *Service) rest() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.now().Add(time.Hour)
	if s.changed && s.saveAt.Before(next) {
		next = s.saveAt
	}
	for _, d := range s.all {
		if d.waits && d.state == idle && d.until.Before(next) {
			next = d.until
		}
	}
	return max(next.Sub(s.now()), time.Millisecond)
}

func (s *Service) wake() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// Heard notes that a server spoke to this one, or answered: if it was away it is not any more.
func (s *Service) Heard(server string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.all[server]; d != nil && d.away {
		d.until, d.away = time.Time{}, false
		s.wake()
	}
}

// RetryRefused tries those again that answered with a refusal, or that the policy refused: it may be another one now.
func (s *Service) RetryRefused() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.all {
		if d.failed > 0 && !d.away {
			d.until = time.Time{}
		}
	}
	s.wake()
}

// Retry sends what waits for a server at once, whatever it answered. It tells whether anything waits.
func (s *Service) Retry(server string) bool {
	s.Client.Heard(server)
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.all[server]
	if d == nil {
		return false
	}
	d.until, d.away = time.Time{}, false
	s.wake()
	return d.waits
}
