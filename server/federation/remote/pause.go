package remote

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// firstPause is how long a server is left alone after a failure, doubled for each one after it up to mostPause.
	firstPause, mostPause = 5 * time.Second, time.Hour
	// maxPauses is of how many servers it is known that they failed.
	maxPauses = 10_000
)

// Pause is the error of a request to a server that is left alone because it failed.
type Pause struct {
	Server string
	Until  time.Time
}

func (p *Pause) Error() string {
	return fmt.Sprintf("%s does not answer, and is left alone until %s", p.Server, p.Until.Format(time.RFC3339))
}

// pauses are the servers that failed. A restart forgets them.
type pauses struct {
	now func() time.Time
	mu  *sync.Mutex
	all map[string]pause
}

type pause struct {
	failed int
	until  time.Time
}

func newPauses(now func() time.Time) pauses {
	return pauses{now: now, mu: new(sync.Mutex), all: map[string]pause{}}
}

// of gives the *Pause of a server, where there is one.
func (p pauses) of(server string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one, ok := p.all[server]; ok && p.now().Before(one.until) {
		return &Pause{server, one.until}
	}
	return nil
}

func (p pauses) begin(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one, known := p.all[server]
	if !known && len(p.all) >= maxPauses {
		for other := range p.all {
			delete(p.all, other)
			break
		}
	}
	if known && p.now().Before(one.until) { // another request failed at the same time
		return
	}
	wait := min(firstPause<<min(one.failed, 20), mostPause)
	p.all[server] = pause{one.failed + 1, p.now().Add(wait + rand.N(wait/4))}
}

func (p pauses) end(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, server)
}
