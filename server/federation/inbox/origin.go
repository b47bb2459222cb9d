package inbox

import (
	"time"

	"beffroi/server/limits"
)

// origin is what is being worked on for one server. It is there only as long as there is something.
type origin struct {
	name    string
	flights map[txnKey]*flight
	lanes   map[string]*lane // by room id
	waiting int              // events in the lanes, those being worked on among them
	bytes   int              // of them
	slots   chan struct{}    // one for each room that is worked on
}

// The most that waits in the lanes of one server, and in all.
const (
	maxWaiting      = 2000
	maxWaitingBytes = 8 << 20
	maxAllBytes     = 32 << 20
)

// board begins to work on a transaction, or finds it where it is being worked on already.
func (s *Service) board(server string, key txnKey, t transaction) (*flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.living.Err() != nil {
		return nil, stopping()
	}
	o := s.origin(server)
	if f := o.flights[key]; f != nil {
		return f, nil
	}
	if a, ok := s.answers.find(key); ok { // it landed since Take looked
		s.forget(o)
		return landed(a), nil
	}
	if len(o.flights) >= maxTransactions || s.bytes > maxAllBytes {
		s.forget(o)
		return nil, limits.Exceeded(time.Second)
	}
	f := newFlight(o, key)
	o.flights[key] = f
	for _, b := range t.pdus {
		j := &job{batch: b, flight: f}
		if o.full(j) { // other events will name those that are left out: they are asked for then
			s.Log.Warn().Str("server", server).Str("room", j.room).Msg("too many events of a server wait: more are left out")
			continue
		}
		f.jobs = append(f.jobs, j)
		s.enqueue(o, j)
	}
	if f.left = len(f.jobs); f.left == 0 {
		close(f.settled)
	}
	s.running.Go(func() { s.fly(f, t) })
	return f, nil
}

// origin finds what is being done for a server, or begins to do something. s.mu is held.
func (s *Service) origin(server string) *origin {
	o := s.origins[server]
	if o == nil {
		o = &origin{name: server, flights: map[txnKey]*flight{}, lanes: map[string]*lane{}, slots: make(chan struct{}, maxLanes)}
		s.origins[server] = o
	}
	return o
}

// land ends the work on a transaction but for what is left in the lanes.
func (s *Service) land(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(f.origin.flights, f.key)
	s.forget(f.origin)
}

// forget drops a server for which nothing is being done.
func (s *Service) forget(o *origin) {
	if len(o.flights) == 0 && len(o.lanes) == 0 && s.origins[o.name] == o {
		delete(s.origins, o.name)
	}
}
