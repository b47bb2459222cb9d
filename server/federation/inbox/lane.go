package inbox

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"beffroi/server/keys"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
)

// lane is the events of one room that one server sent: worked on in their order, beside those of other rooms and of other servers.
type lane struct{ jobs []*job }

// job is the events of one room in one transaction. What is below batch is guarded by Service.mu.
type job struct {
	batch
	flight *flight // nil: it was kept over a restart
	ended  bool
	rows   []int64 // its events in the database, where they were kept there
}

func (j *job) size() (bytes int) {
	for _, raw := range j.pdus {
		bytes += len(raw)
	}
	return bytes
}

// full tells whether a server has too much waiting to be given more. s.mu is held.
func (o *origin) full(j *job) bool {
	return o.waiting+len(j.pdus) > maxWaiting || o.bytes+j.size() > maxWaitingBytes
}

// enqueue puts events into their lane, which begins to work where it did not. s.mu is held.
func (s *Service) enqueue(o *origin, j *job) {
	o.waiting, o.bytes, s.bytes = o.waiting+len(j.pdus), o.bytes+j.size(), s.bytes+j.size()
	l := o.lanes[j.room]
	if l != nil {
		l.jobs = append(l.jobs, j)
		return
	}
	l = &lane{jobs: []*job{j}}
	o.lanes[j.room] = l
	s.running.Go(func() { s.work(o, j.room, l) })
}

// work does the jobs of a lane until there are none.
func (s *Service) work(o *origin, room string, l *lane) {
	for j := s.next(o, room, l); j != nil; j = s.next(o, room, l) {
		select {
		case o.slots <- struct{}{}:
			s.do(o, j)
			<-o.slots
		case <-s.living.Done():
		}
	}
}

func (s *Service) do(o *origin, j *job) {
	outcomes := s.receive(o.name, j)
	if s.living.Err() != nil && slices.ContainsFunc(outcomes, func(o rooms.Outcome) bool { return errors.Is(o.Err, context.Canceled) }) {
		return // it was cut off: what is kept of it is for the next start
	}
	if j.flight != nil {
		j.flight.done(outcomes)
	}
	if rows := s.ended(o, j); len(rows) > 0 {
		s.endKept(rows)
	}
}

// ended notes that a job is done, and gives its rows.
func (s *Service) ended(o *origin, j *job) []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.waiting, o.bytes, s.bytes = o.waiting-len(j.pdus), o.bytes-j.size(), s.bytes-j.size()
	j.ended = true
	return j.rows
}

// next takes the first job of a lane; where there is none the lane ends.
func (s *Service) next(o *origin, room string, l *lane) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(l.jobs) == 0 || s.living.Err() != nil {
		delete(o.lanes, room)
		s.forget(o)
		return nil
	}
	j := l.jobs[0]
	l.jobs = l.jobs[1:]
	return j
}

// receive gives events to the room core. Where that panics over one it is told, and the others are given one by one.
func (s *Service) receive(server string, j *job) []rooms.Outcome {
	ctx, cancel := context.WithTimeout(s.living, patience)
	defer cancel()
	all, err := s.guarded(ctx, server, j.pdus...)
	if err == nil {
		return all
	}
	for _, raw := range j.pdus {
		one, err := s.guarded(ctx, server, raw)
		if err != nil {
			one = []rooms.Outcome{{Err: err}}
		}
		all = append(all, one...)
	}
	return all
}

func (s *Service) guarded(ctx context.Context, server string, pdus ...[]byte) (all []rooms.Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error().Any("panic", p).Bytes("stack", debug.Stack()).Str("server", server).Msg("an event made the room core panic")
			all, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	return s.Rooms.Receive(ctx, server, pdus...), nil
}

// words says for the sender's administrators why an event was not taken.
func words(err error) string {
	var public *merr.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &public):
		return public.Text
	case errors.Is(err, keys.ErrNoKey):
		return "A key that signed it could not be had"
	case errors.Is(err, pdu.ErrSignature):
		return "The signatures do not hold"
	case errors.Is(err, rooms.ErrLacks):
		return "What comes before it could not be had"
	}
	return "It could not be taken"
}
