// Package notify wakes those who wait for something new: long polls of /sync, later pushers and queues.
// It carries no data: who is woken reads the database.
package notify

import (
	"slices"
	"sync"
)

// Hub tells waiters that a topic has changed. A topic is any comparable number, here a user's atom.
type Hub struct {
	mu      sync.Mutex
	waiting map[int64][]*Waiter
	wakes   map[int64]uint64 // how often, by topic
	closed  bool
}

// Everything is the topic of who follows all that happens: woken with every other topic, and by a wake without any.
const Everything int64 = -1

// Waiter waits for any of its topics. C receives once for any number of wakes.
type Waiter struct {
	C      chan struct{}
	topics []int64
}

// New makes a hub.
func New() *Hub {
	return &Hub{waiting: map[int64][]*Waiter{}, wakes: map[int64]uint64{}}
}

// Wait registers a waiter. Register first, then look whether there is something new, then wait: nothing is missed.
// The waiter must be given back with Done.
func (h *Hub) Wait(topics ...int64) *Waiter {
	w := &Waiter{C: make(chan struct{}, 1), topics: topics}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		w.C <- struct{}{}
		return w
	}
	for _, t := range topics {
		h.waiting[t] = append(h.waiting[t], w)
	}
	return w
}

// Done forgets a waiter.
func (h *Hub) Done(w *Waiter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range w.topics {
		rest := slices.DeleteFunc(h.waiting[t], func(other *Waiter) bool { return other == w })
		if h.waiting[t] = rest; len(rest) == 0 {
			delete(h.waiting, t)
		}
	}
}

// Wake wakes the waiters of the topics.
func (h *Hub) Wake(topics ...int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range topics {
		h.wakes[t]++
		for _, w := range h.waiting[t] {
			w.Wake()
		}
	}
	for _, w := range h.waiting[Everything] {
		w.Wake()
	}
}

// Wakes counts how often a topic was woken. Where the count stands still, nothing happened: who keeps it with what they
// read need not look again. Take it before reading.
func (h *Hub) Wakes(topic int64) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wakes[topic]
}

// Close wakes everybody, now and from now on: the server stops.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, waiters := range h.waiting {
		for _, w := range waiters {
			w.Wake()
		}
	}
}

// Closed tells whether the server stops.
func (h *Hub) Closed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// Wake wakes this one only.
func (w *Waiter) Wake() {
	select {
	case w.C <- struct{}{}:
	default:
	}
}

// Waiting counts the waiters of all topics: for tests and for the operator's figures.
func (h *Hub) Waiting() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[*Waiter]bool{}
	for _, waiters := range h.waiting {
		for _, w := range waiters {
			all[w] = true
		}
	}
	return len(all)
}
