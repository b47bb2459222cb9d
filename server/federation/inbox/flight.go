package inbox

import (
	"sync"
	"time"

	"beffroi/server/merr"
	"beffroi/server/rooms"
)

// flight is a transaction that is being worked on. Who sends it again meanwhile waits for the same.
type flight struct {
	origin *origin
	key    txnKey

	mu      sync.Mutex
	left    int // batches
	results map[string]Result
	failed  error // of ours: the transaction is to be sent again

	settled  chan struct{} // closed when all events are
	answered chan struct{} // closed when answer and err stand
	answer   Answer
	err      error
}

func newFlight(o *origin, key txnKey, t transaction) *flight {
	f := &flight{origin: o, key: key, left: len(t.pdus), results: map[string]Result{}, settled: make(chan struct{}), answered: make(chan struct{})}
	if f.left == 0 {
		close(f.settled)
	}
	return f
}

// done notes what became of the events of a batch.
func (f *flight) done(outcomes []rooms.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range outcomes {
		if o.Err != nil && merr.From(o.Err).Status == 507 {
			f.failed = o.Err // the disk is full for all of them
		}
		if o.EventID != "" {
			f.results[o.EventID] = Result{words(o.Err)}
		}
	}
	if f.left--; f.left == 0 {
		close(f.settled)
	}
}

// fly does what is to be done for a transaction beside its events, waits for these as long as there is time, and answers.
func (s *Service) fly(f *flight, t transaction) {
	edus := s.sorted(f.origin.name, t.edus)
	s.deliver(f.origin.name, edus.anywhere)
	timer := time.NewTimer(s.Hold)
	defer timer.Stop()
	select {
	case <-f.settled:
	case <-timer.C:
	case <-s.living.Done():
	}
	s.deliver(f.origin.name, edus.ofRooms) // receipts name events
	f.settle()
	if f.err == nil {
		s.answers.put(f.key, f.answer)
	}
	s.land(f)
	close(f.answered)
}

// settle makes the answer of what is known by now.
func (f *flight) settle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = f.failed
	f.answer.PDUs = make(map[string]Result, len(f.results))
	for id, r := range f.results {
		f.answer.PDUs[id] = r
	}
}
