package preview

import (
	"sync"
	"time"

	"beffroi/server/store"
)

// An account may ask for maxSaved new previews at once, and for one more each interval.
const (
	maxSaved = 60
	interval = 10 * time.Second
)

// pace bounds the new previews of each account.
type pace struct {
	mu   sync.Mutex
	full map[store.Atom]time.Time // when all that an account may ask for will be saved again
}

// take lets a preview be made now, or tells how long to wait for it.
func (p *pace) take(user store.Atom, now time.Time) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full == nil {
		p.full = map[store.Atom]time.Time{}
	}
	for u, full := range p.full {
		if !full.After(now) {
			delete(p.full, u)
		}
	}
	full := p.full[user]
	if full.Before(now) {
		full = now
	}
	full = full.Add(interval)
	if over := full.Sub(now) - maxSaved*interval; over > 0 {
		return over
	}
	p.full[user] = full
	return 0
}
