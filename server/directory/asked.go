package directory

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	askTime       = 20 * time.Second // for one question to another server
	askedFor      = 5 * time.Minute  // how long an answer counts
	failedFor     = time.Minute      // how long a failure does
	maxAnswers    = 2000
	maxAnswerSize = 8 << 20 // of all answers, in bytes
)

// asked are the last answers of other servers, so that what many look at is asked for once. A restart forgets them.
type asked struct {
	flights singleflight.Group
	mu      sync.Mutex
	last    map[string]answer
	bytes   int
}

type answer struct {
	body  []byte
	err   error
	until time.Time
}

// get gives what was answered a moment ago, or asks. All who want to know the same share a question, which outlives who put it first.
func (a *asked) get(ctx context.Context, now time.Time, key string, ask func(ctx context.Context) ([]byte, error)) ([]byte, error) {
	a.mu.Lock()
	known, ok := a.last[key]
	a.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.body, known.err
	}
	flight := a.flights.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
		defer cancel()
		body, err := ask(ctx)
		a.put(key, answer{body, err, now.Add(askedFor)}, now)
		return body, err
	})
	select {
	case landed := <-flight:
		body, _ := landed.Val.([]byte)
		return body, landed.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *asked) put(key string, one answer, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if one.err != nil {
		one.until = now.Add(failedFor)
	}
	a.bytes -= len(a.last[key].body)
	if a.last == nil || len(a.last) >= maxAnswers || a.bytes+len(one.body) > maxAnswerSize {
		a.last, a.bytes = map[string]answer{}, 0
	}
	a.last[key] = one
	a.bytes += len(one.body)
}
