package outbox

import (
	"encoding/json"
	"time"

	"beffroi/server/store"
)

type state int

const (
	idle state = iota
	queued
	sending
)

// destination is another server, while there is something to be known of it. Its fields are guarded by Service.mu; its goroutine alone moves the cursors.
type destination struct {
	store.NamedServer
	state state
	tries bool // it is being sent something although it failed
	again bool // something came while it was being sent other things

	waits  bool  // there is something after pos, or it missed something
	pos    int64 // everything of the stream up to here is done
	edus   int64 // its own EDUs up to here were sent
	unsent bool  // and some of those are to be removed
	missed int64 // what came after it was not kept; 0: nothing
	catch  *catchUp

	failed      int
	since       time.Time // zero: it does not fail
	until       time.Time // when it is tried again
	away        bool      // it did not answer: that ends when it speaks
	lastSuccess time.Time
	lastError   string
	dropped     int64

	said    map[string]json.RawMessage // typing and presence, by what they replace
	most    int                        // how much a transaction may hold; 0: as much as usual
	refused int                        // how often it failed over the present one, though it works
	left    int                        // how much was left out since the last success

	stored store.Destination // as it stands in the database
}

// meet begins to know destinations that are not known. The loop alone calls it, and alone forgets them.
func (s *Service) meet(r *store.Reader, servers []store.NamedServer) error {
	for _, n := range servers {
		s.mu.Lock()
		_, known := s.all[n.Name]
		s.mu.Unlock()
		if known {
			continue
		}
		row, _, err := r.Destination(n.Server)
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.restore(n, row)
		s.mu.Unlock()
	}
	return nil
}

// wait says that after a position there is something for a server.
func (s *Service) wait(d *destination, after int64) {
	if !d.waits {
		d.waits, d.pos = true, max(d.pos, after)
	}
	d.again = d.state == sending
	s.enqueue(d)
}

// enqueue gives a destination its turn, unless it is to be left alone.
func (s *Service) enqueue(d *destination) {
	if d.state == idle && !s.now().Before(d.until) {
		d.state = queued
		s.ready = append(s.ready, d)
	}
}

// change says that something is to be written down soon.
func (s *Service) change() {
	if !s.changed {
		s.changed, s.saveAt = true, s.now().Add(saveAfter)
	}
}

// holds tells whether what comes after pos must be kept for it.
func (d *destination) holds() bool {
	return d.waits && d.missed == 0 || d.state == sending || d.catch != nil
}

// row is what is written down.
func (d *destination) row() store.Destination {
	return store.Destination{Server: d.Server, Pos: d.pos, Behind: d.holds() && d.missed == 0, Missed: d.missed, Failed: d.failed, Since: millis(d.since), Until: millis(d.until),
		LastSuccess: millis(d.lastSuccess), LastError: d.lastError, Dropped: d.dropped}
}

// differs tells whether the row must be written: not for each success, nor for a cursor that moved along with the others.
func (d *destination) differs(row store.Destination) bool {
	was := d.stored
	if !row.Behind && !was.Behind {
		was.Pos = row.Pos
	}
	if row.LastSuccess-was.LastSuccess < successEvery.Milliseconds() && was.LastSuccess > 0 {
		was.LastSuccess = row.LastSuccess
	}
	was.Server = row.Server
	return was != row
}

// successEvery is how exact the last success is after a crash.
const successEvery = 10 * time.Minute

// atRest tells whether nothing must be known of it any more.
func (d *destination) atRest() bool {
	return d.state == idle && !d.waits && d.failed == 0 && d.missed == 0 && !d.unsent && len(d.said) == 0
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
