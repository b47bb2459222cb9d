package inbox

import (
	"time"

	"beffroi/server/limits"
	"beffroi/server/merr"
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

// The most that waits in the lanes of one server.
const (
	maxWaiting      = 2000
	maxWaitingBytes = 8 << 20
)

// board begins to work on a transaction, or finds it where it is being worked on already.
func (s *Service) board(server string, key txnKey, t transaction) (*flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.living.Err() != nil {
		return nil, merr.New(503, "M_UNKNOWN", "This server is stopping")
	}
	o := s.origins[server]
	if o == nil {
		o = &origin{name: server, flights: map[txnKey]*flight{}, lanes: map[string]*lane{}, slots: make(chan struct{}, maxLanes)}
		s.origins[server] = o
	}
	if f := o.flights[key]; f != nil {
		return f, nil
	}
	if len(o.flights) >= maxTransactions {
		return nil, limits.Exceeded(time.Second)
	}
	f := newFlight(o, key, t)
	o.flights[key] = f
	for _, b := range t.pdus {
		s.enqueue(o, &job{batch: b, flight: f})
	}
	s.running.Go(func() { s.fly(f, t) })
	return f, nil
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
