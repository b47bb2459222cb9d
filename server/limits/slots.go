package limits

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// How many may wait for a slot. The whole queue takes some seconds of two cores.
const (
	maxWaiting     = 512
	waitingAddress = 200 // from one address: a town hall at nine
	waitingSecret  = 8   // for one secret, from where nobody is known to know it
)

// Slots lets few do at a time what costs much. Who is suspect waits behind everybody else, and until nobody else works.
type Slots struct {
	all     int
	mu      sync.Mutex
	free    int
	waiting []*waiter // by their turn
}

// A claim is who wants a slot.
type claim struct {
	suspect bool
	addr    netip.Prefix // invalid: not counted
	secret  string       // empty: not counted
}

type waiter struct {
	claim
	turn chan struct{} // closed when the slot is theirs
}

// NewSlots makes n slots. With two, who is not suspect never waits for who is.
func NewSlots(n int) *Slots { return &Slots{all: n, free: n} }

// Hold waits for a slot of somebody who is not suspect. Release gives it back. It refuses with 429 where too many wait.
func (s *Slots) Hold(ctx context.Context) error { return s.acquire(ctx, claim{}) }

func (s *Slots) acquire(ctx context.Context, c claim) error {
	w, err := s.enqueue(c)
	if err != nil {
		return err
	}
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
		s.leave(w)
		return ctx.Err()
	}
}

func (s *Slots) enqueue(c claim) (*waiter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.admits(c) {
		return nil, Exceeded(5 * time.Second)
	}
	w := &waiter{claim: c, turn: make(chan struct{})}
	place := len(s.waiting)
	if !c.suspect {
		if first := slices.IndexFunc(s.waiting, func(o *waiter) bool { return o.suspect }); first >= 0 {
			place = first
		}
	}
	s.waiting = slices.Insert(s.waiting, place, w)
	s.serve()
	return w, nil
}

// admits tells whether one more may wait. Half of the queue is for those who are not suspect.
func (s *Slots) admits(c claim) bool {
	address, secret := 0, 0
	for _, w := range s.waiting {
		if c.addr.IsValid() && w.addr == c.addr && w.suspect == c.suspect {
			address++
		}
		if c.secret != "" && w.secret == c.secret {
			secret++
		}
	}
	return address < waitingAddress && secret < waitingSecret && (len(s.waiting) < maxWaiting && !c.suspect || len(s.waiting) < maxWaiting/2)
}

// serve gives free slots to those whose turn it is. s.mu is held.
func (s *Slots) serve() {
	for len(s.waiting) > 0 && s.free > 0 && (s.free == s.all || !s.waiting[0].suspect) {
		s.free--
		close(s.waiting[0].turn)
		s.waiting = slices.Delete(s.waiting, 0, 1)
	}
}

// crowded tells whether many wait for a secret already.
func (s *Slots) crowded(secret string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, w := range s.waiting {
		if w.secret == secret {
			n++
		}
	}
	return n >= waitingSecret/2
}

// leave ends a wait, or gives the slot back that came just then.
func (s *Slots) leave(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, w); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
		return
	}
	s.free++
	s.serve()
}

// Release gives a slot back.
func (s *Slots) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	s.serve()
}
