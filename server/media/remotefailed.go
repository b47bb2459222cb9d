package media

import (
	"sync"
	"time"

	"beffroi/server/merr"
)

// What could not be fetched is not asked for again for a minute: a room with a picture that is gone would have each of its readers ask.
const (
	failedFor = time.Minute
	maxFailed = 10_000
)

type failure struct {
	err   error
	until time.Time
}

// failures are the fetches that failed last. A restart forgets them.
type failures struct {
	mu   sync.Mutex
	last map[remoteName]failure
}

// of gives the error of a fetch that failed a moment ago.
func (f *failures) of(name remoteName, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one, ok := f.last[name]; ok && now.Before(one.until) {
		return one.err
	}
	return nil
}

// note remembers a failure, but of what is only not there yet.
func (f *failures) note(name remoteName, err error, now time.Time) {
	if merr.Is(err, "M_NOT_YET_UPLOADED") {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.last) >= maxFailed {
		clear(f.last)
	}
	f.last[name] = failure{err, now.Add(failedFor)}
}
