// Package notify wakes those who wait for something new: long polls of /sync, later pushers and queues.
// It carries no data: who is woken reads the database.
package notify

import "sync"

// Hub tells waiters that a topic has changed. A topic is any comparable number, here a user's atom.
type Hub struct {
	mu      sync.Mutex
	waiting map[int64]map[*Waiter]struct{}
	all     map[*Waiter]struct{}
	wakes   map[int64]uint64 // how often, by topic
	closed  bool
}

// Waiter waits for any of its topics. C receives once for any number of wakes.
type Waiter struct {
	C      <-chan struct{}
	c      chan struct{}
	topics []int64
}

// New makes a hub.
func New() *Hub {
	return &Hub{waiting: map[int64]map[*Waiter]struct{}{}, all: map[*Waiter]struct{}{}, wakes: map[int64]uint64{}}
}

// Wait registers a waiter. Register first, then look whether there is something new, then wait: nothing is missed.
// The waiter must be given back with Done.
func (h *Hub) Wait(topics ...int64) *Waiter {
	c := make(chan struct{}, 1)
	w := &Waiter{C: c, c: c, topics: topics}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		w.c <- struct{}{}
		return w
	}
	h.all[w] = struct{}{}
	for _, t := range topics {
		if h.waiting[t] == nil {
			h.waiting[t] = map[*Waiter]struct{}{}
		}
		h.waiting[t][w] = struct{}{}
	}
	return w
}

// Done forgets a waiter.
func (h *Hub) Done(w *Waiter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, w)
	for _, t := range w.topics {
		delete(h.waiting[t], w)
		if len(h.waiting[t]) == 0 {
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
		for w := range h.waiting[t] {
			w.wake()
		}
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
	for w := range h.all {
		w.wake()
	}
}

// Closed tells whether the server stops.
func (h *Hub) Closed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

func (w *Waiter) wake() {
	select {
	case w.c <- struct{}{}:
	default:
	}
}

// Waiting counts the waiters of all topics: for tests and for the operator's figures.
func (h *Hub) Waiting() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all)
}
