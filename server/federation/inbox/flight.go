package inbox

import (
	"maps"
	"net/http"
	"sync"
	"time"

	"beffroi/server/merr"
	"beffroi/server/rooms"
)

// flight is a transaction that is being worked on. Who sends it again meanwhile waits for the same.
type flight struct {
	origin *origin
	key    txnKey
	jobs   []*job

	mu      sync.Mutex
	left    int // jobs
	results map[string]Result
	failed  error // of ours: the transaction is to be sent again

	settled  chan struct{} // closed when all events are
	answered chan struct{} // closed when answer and err stand
	answer   Answer
	err      error
}

func newFlight(o *origin, key txnKey) *flight {
	return &flight{origin: o, key: key, results: map[string]Result{}, settled: make(chan struct{}), answered: make(chan struct{})}
}

// landed is a flight that is over.
func landed(answer Answer) *flight {
	f := &flight{answer: answer, answered: make(chan struct{})}
	close(f.answered)
	return f
}

// done notes what became of the events of a job.
func (f *flight) done(outcomes []rooms.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range outcomes {
		if o.Err != nil && merr.From(o.Err).Status == http.StatusInsufficientStorage {
			f.failed = o.Err // it would be so for all of them
		}
		if o.EventID != "" {
			f.results[o.EventID] = Result{words(o.Err)}
		}
	}
	if f.left--; f.left == 0 {
		close(f.settled)
	}
}

func (f *flight) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = err
}

// fly does what is to be done for a transaction beside its events, waits for these as long as there is time, and answers.
func (s *Service) fly(f *flight, t transaction) {
	timer := time.NewTimer(s.Hold)
	defer timer.Stop()
	edus := s.sorted(f.origin.name, t.edus)
	s.deliver(f.origin.name, edus.anywhere)
	select {
	case <-f.settled:
	case <-timer.C:
		if err := s.keep(f); err != nil {
			f.fail(err)
		}
	case <-s.living.Done():
		f.fail(stopping())
	}
	s.deliver(f.origin.name, edus.ofRooms) // receipts name events
	f.settle()
	if f.err == nil {
		s.answers.put(f.key, f.answer)
	}
	s.land(f)
	close(f.answered)
}

// settle makes the answer of what is known by now. Events that are kept are not in it: what became of them nobody knows yet.
func (f *flight) settle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer.PDUs, f.err = maps.Clone(f.results), f.failed
}
