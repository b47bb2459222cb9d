package limits

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// Bytes bounds what bodies hold in memory at a time: of requests that come, of answers that are read. A nil Bytes bounds nothing.
type Bytes struct {
	all, each int64         // the most, of all and of one who sends
	patience  time.Duration // how long one may wait for its turn

	mu    sync.Mutex
	held  int64
	of    map[string]int64
	freed chan struct{} // closed when something is given back
}

// NewBytes makes a bound for all, and for those of one who sends.
func NewBytes(all, each int64, patience time.Duration) *Bytes {
	return &Bytes{all: all, each: each, patience: patience, of: map[string]int64{}, freed: make(chan struct{})}
}

// Share is what one body holds. It must be given back.
type Share struct {
	bytes *Bytes
	from  string
	n     int64
}

// Share begins with nothing. from names who sends.
func (b *Bytes) Share(from string) *Share { return &Share{bytes: b, from: from} }

// Grow takes more, and waits for others where there is not as much: 429 M_LIMIT_EXCEEDED where that takes too long.
func (s *Share) Grow(ctx context.Context, n int64) error {
	b := s.bytes
	if b == nil {
		return nil
	}
	timer := time.NewTimer(b.patience)
	defer timer.Stop()
	for {
		freed, ok := b.take(s, n)
		if ok {
			return nil
		}
		select {
		case <-freed:
		case <-timer.C:
			return Exceeded(time.Second)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *Bytes) take(s *Share, n int64) (freed <-chan struct{}, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held+n > b.all || b.of[s.from]+n > b.each {
		return b.freed, false
	}
	b.held += n
	b.of[s.from] += n
	s.n += n
	return nil, true
}

// ReadAll reads a body. What that takes in memory is asked for as it comes: who announces much and sends little holds little. announced is how long it is said to be,
// negative where that is not known.
func (s *Share) ReadAll(ctx context.Context, body io.Reader, announced int64) ([]byte, error) {
	var b []byte
	for {
		if len(b) == cap(b) {
			more := nextCapacity(int64(cap(b)), announced)
			if err := s.Grow(ctx, more-int64(cap(b))); err != nil {
				return nil, err
			}
			b = append(make([]byte, 0, more), b...)
		}
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

const leastCapacity = 4 << 10

// nextCapacity is twice what there is, and no more than is announced; one byte beside that sees the end.
func nextCapacity(have, announced int64) int64 {
	n := max(leastCapacity, 2*have)
	if announced >= have {
		n = min(n, announced+1)
	}
	return n
}

// Leave gives everything back.
func (s *Share) Leave() {
	b := s.bytes
	if b == nil || s.n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= s.n
	if b.of[s.from] -= s.n; b.of[s.from] == 0 {
		delete(b.of, s.from)
	}
	s.n = 0
	close(b.freed)
	b.freed = make(chan struct{})
}
