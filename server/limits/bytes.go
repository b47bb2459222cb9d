package limits

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

// Bytes bounds what bodies hold in memory at a time: of requests that come, of answers that are read. A nil Bytes bounds nothing.
type Bytes struct {
	all, each int64         // the most, of all and of one who sends
	patience  time.Duration // how long one may wait for its turn

	mu     sync.Mutex
	unused [][]byte // pieces
	held   int64
	of     map[string]int64
	freed  chan struct{} // closed when something is given back
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

// ReadAll reads a body to its end, or until the reader fails. What that takes in memory is asked for as it comes: who announces much and sends little holds little. It is
// read into pieces that are used again, so that what is refused for its length leaves nothing behind.
func (s *Share) ReadAll(ctx context.Context, body io.Reader) ([]byte, error) {
	var pieces [][]byte
	defer func() { s.bytes.giveBack(pieces) }()
	for {
		if err := s.Grow(ctx, piece); err != nil {
			return nil, err
		}
		p := s.bytes.piece()
		pieces = append(pieces, p)
		n, err := io.ReadFull(body, p)
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		pieces[len(pieces)-1] = p[:n]
		return slices.Concat(pieces...), nil
	}
}

// piece is how many bytes are read at a time.
const piece = 16 << 10

func (b *Bytes) piece() []byte {
	if b == nil {
		return make([]byte, piece)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if last := len(b.unused) - 1; last >= 0 {
		p := b.unused[last]
		b.unused = b.unused[:last]
		return p
	}
	return make([]byte, piece)
}

// giveBack keeps pieces for others: 1 MiB at most.
func (b *Bytes) giveBack(pieces [][]byte) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range pieces {
		if len(b.unused) < 64 {
			b.unused = append(b.unused, p[:piece])
		}
	}
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
