package remote

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// firstPause is how long a server is left alone after a failure, doubled for each one after it, up to usualPause or a quarter of the time for which it
	// has failed, whichever is more, and up to longestPause at most unless the configuration says otherwise.
	firstPause, usualPause, longestPause = 5 * time.Second, 30 * time.Second, time.Hour
	// maxPauses is of how many servers it is known that they failed.
	maxPauses = 10_000
)

// Pause is that a server is left alone because it failed, and the error of a request to it.
type Pause struct {
	Server string
	Failed int       // how often in succession
	Since  time.Time // the first of these failures
	Until  time.Time
}

func (p *Pause) Error() string {
	return fmt.Sprintf("%s does not answer, and is left alone until %s", p.Server, p.Until.Format(time.RFC3339))
}

// pauses are the servers that failed. The outbox keeps them over restarts.
type pauses struct {
	now     func() time.Time
	longest time.Duration
	ended   func(server string) // told of pauses that end early
	mu      *sync.Mutex
	all     map[string]Pause
}

func newPauses(c Config) pauses {
	return pauses{now: c.Now, longest: c.LongestPause, ended: c.Back, mu: new(sync.Mutex), all: map[string]Pause{}}
}

// of gives the *Pause of a server that is left alone now.
func (p pauses) of(server string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one, ok := p.all[server]; ok && p.now().Before(one.Until) {
		return &one
	}
	return nil
}

func (p pauses) begin(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	one, known := p.all[server]
	if !known {
		p.makeRoom()
		one = Pause{Server: server, Since: now}
	}
	if known && now.Before(one.Until) { // another request failed at the same time
		return
	}
	one.Until = now.Add(Backoff(one.Failed, now.Sub(one.Since), p.longest))
	one.Failed++
	p.all[server] = one
}

// Backoff is how long to wait after a failure, with chance in it: after so many before it, over a time, and so long at most (0: an hour).
func Backoff(failed int, lasting, longest time.Duration) time.Duration {
	if longest <= 0 {
		longest = longestPause
	}
	wait := min(firstPause<<min(failed, 20), max(usualPause, lasting/4), longest)
	return wait/4*3 + rand.N(wait/4)
}

// makeRoom forgets any pause where there are too many.
func (p pauses) makeRoom() {
	if len(p.all) < maxPauses {
		return
	}
	for other := range p.all {
		delete(p.all, other)
		return
	}
}

func (p pauses) end(server string) {
	p.mu.Lock()
	_, known := p.all[server]
	delete(p.all, server)
	p.mu.Unlock()
	if known && p.ended != nil {
		p.ended(server)
	}
}

// Paused tells how it stands with a server that failed the last time it was asked, and whether it did.
func (c *Client) Paused(server string) (Pause, bool) {
	c.pauses.mu.Lock()
	defer c.pauses.mu.Unlock()
	one, known := c.pauses.all[server]
	return one, known
}

// Pause leaves a server alone: as it was before a restart.
func (c *Client) Pause(one Pause) {
	c.pauses.mu.Lock()
	defer c.pauses.mu.Unlock()
	c.pauses.makeRoom()
	c.pauses.all[one.Server] = one
}
