package discovery

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// maxBody is how many bytes /.well-known/matrix/server may have.
	maxBody = 16 << 10
	// How long an answer is kept: where it does not say, at least and at most.
	usualLife, leastLife, mostLife = 24 * time.Hour, 5 * time.Minute, 48 * time.Hour
	// How long a failure is kept, doubled for each one after it.
	firstFailure, mostFailure = time.Minute, time.Hour
	// wellKnownTime is how long a server may take to answer.
	wellKnownTime = 15 * time.Second
	// maxKnown is of how many host names the answer is in memory.
	maxKnown = 5000
)

// wellKnown is what a host name answered, and until when that counts.
type wellKnown struct {
	server string // "": nothing that counts
	err    error
	until  time.Time
	failed int // how often in a row
}

// flight is a request that runs; all who ask for the same name wait for it.
type flight struct {
	done chan struct{}
	wellKnown
}

// delegated is the server that a host name delegates to.
func (r *Resolver) delegated(ctx context.Context, host string) (string, error) {
	r.mu.Lock()
	known, ok := r.known[host]
	if ok && r.Now().Before(known.until) {
		r.mu.Unlock()
		return known.server, known.err
	}
	f := r.flights[host]
	if f == nil && r.living.Err() == nil {
		f = &flight{done: make(chan struct{})}
		r.flights[host] = f
		r.running.Go(func() { r.fly(r.living, host, f, known.failed) })
	}
	r.mu.Unlock()
	if f == nil {
		return "", r.living.Err()
	}
	select {
	case <-f.done:
		return f.server, f.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (r *Resolver) fly(ctx context.Context, host string, f *flight, failed int) {
	ctx, cancel := context.WithTimeout(ctx, wellKnownTime)
	defer cancel()
	server, life, err := r.ask(ctx, host)
	f.wellKnown = wellKnown{server: server, err: err}
	if err != nil {
		f.failed = failed + 1
		life = min(firstFailure<<min(failed, 10), mostFailure)
	}
	f.until = r.Now().Add(life)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, there := r.known[host]; !there && len(r.known) >= maxKnown {
		for other := range r.known {
			delete(r.known, other)
			break
		}
	}
	r.known[host] = f.wellKnown
	delete(r.flights, host)
	close(f.done)
}

// ask gives the answer of a host name, and how long it counts.
//
// Spec: server-server API, "GET /.well-known/matrix/server".
func (r *Resolver) ask(ctx context.Context, host string) (server string, life time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/.well-known/matrix/server", nil)
	if err != nil {
		return "", 0, err
	}
	resp, err := r.Client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", 0, fmt.Errorf("%s answers %d", host, resp.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return "", 0, err
	}
	if len(b) > maxBody {
		return "", 0, fmt.Errorf("%s answers more than %d bytes", host, maxBody)
	}
	var body struct {
		Server string `json:"m.server"`
	}
	if err := json.Unmarshal(b, &body); err != nil {
		return "", 0, err
	}
	if !valid(body.Server) {
		return "", 0, fmt.Errorf("%s delegates to %q, which is no server name", host, body.Server)
	}
	return body.Server, lifeOf(resp.Header, r.Now()), nil
}

// lifeOf is how long an answer counts. Source: RFC 9111, 4.2.1 and 5.2.2.
func lifeOf(h http.Header, now time.Time) time.Duration {
	life := usualLife
	if expires := h.Get("Expires"); expires != "" {
		at, err := http.ParseTime(expires)
		if life = at.Sub(now); err != nil { // such a date is past
			life = 0
		}
	}
	for _, directive := range strings.Split(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return leastLife
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if life = time.Duration(seconds) * time.Second; err != nil {
				life = 0
			}
		}
	}
	return min(max(life, leastLife), mostLife)
}
