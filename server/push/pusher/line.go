package pusher

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"time"

	"beffroi/server/push"
	"beffroi/server/store"
)

// How many events wait for one pusher, how many of them are still told after a failure, and for how long.
const (
	maxWaiting   = 100
	afterFailure = 10
	tellWithin   = 24 * time.Hour
)

// The first and the longest pause after failures; it doubles in between.
const (
	firstPause = 10 * time.Second
	longPause  = time.Hour
)

// unknownBadge is the count of a device of which nobody knows what it was told.
const unknownBadge = 1 << 30

// note is an event of which a pusher is to tell.
type note struct {
	room    store.RoomRef
	nid     store.NID
	pos     int64
	ord     int64
	came    time.Time
	actions []push.Action
}

// line is a pusher in memory.
type line struct {
	store.Pusher
	about about
	data  pusherData
	host  string

	from     int64  // events up to here are nothing to it
	notes    []note // what waits, by position
	badge    int    // the count that the device was told
	stale    bool   // that may be less now
	activate bool   // the token is to be sent
	busy     bool   // a message is on its way
	failures int    // in a row
	retry    time.Time
}

// take takes over what the database says.
func (ln *line) take(row *store.Pusher, now time.Time) {
	anew := row.Since != ln.Since
	ln.activate = isWebPush(row.Kind) && !row.Activated && row.Token != "" && (ln.activate || row.Token != ln.Token)
	ln.Pusher, ln.about, ln.data, ln.host = *row, about{}, pusherData{}, row.Kind
	_ = json.Unmarshal(row.About, &ln.about) // it was checked when it was set; what can't be read is no address
	_ = json.Unmarshal(ln.about.Data, &ln.data)
	if to, err := url.Parse(ln.data.URL); err == nil && row.Kind != kindEmail {
		ln.host = to.Host
	}
	if !ln.on() {
		ln.notes, ln.stale = nil, false
	}
	if anew {
		ln.failures, ln.retry = 0, time.Time{}
		ln.plan(now)
	}
}

// plan says when a digest is sent: no sooner than a while after what it tells of came, and once a day.
func (ln *line) plan(now time.Time) {
	if ln.Kind == kindEmail {
		ln.retry = now.Add(digestAfter)
		if next := time.UnixMilli(ln.Told).Add(digestEvery); next.After(ln.retry) {
			ln.retry = next
		}
	}
}

// on tells whether the pusher is told of events.
func (ln *line) on() bool { return ln.Enabled && ln.Activated }

// add lets an event wait.
func (ln *line) add(n *note, now time.Time) {
	if !ln.on() || n.pos <= ln.from {
		return
	}
	if len(ln.notes) == 0 {
		ln.plan(now)
	}
	if len(ln.notes) == maxWaiting && ln.Kind != kindEmail {
		ln.notes = ln.notes[1:]
	}
	if len(ln.notes) < maxWaiting { // a digest counts what is unread anyway
		ln.notes = append(ln.notes, *n)
	}
}

// forget drops what it is too late for.
func (ln *line) forget(now time.Time) {
	if ln.Kind == kindEmail {
		return
	}
	for len(ln.notes) > 0 && now.Sub(ln.notes[0].came) > tellWithin {
		ln.notes = ln.notes[1:]
	}
	if ln.activate && now.Sub(time.UnixMilli(ln.Since)) > activateWithin {
		ln.activate = false
	}
}

// work is what a message of it would be about.
func (ln *line) work() work {
	switch {
	case ln.activate:
		return activation
	case len(ln.notes) > 0 && ln.Kind == kindEmail:
		return digest
	case len(ln.notes) > 0:
		return event
	case ln.stale && ln.on() && ln.Kind != kindEmail && ln.badge > 0:
		return counts
	}
	return nothing
}

func (ln *line) job() job {
	j := job{what: ln.work(), pusher: ln.Pusher, about: ln.about, data: ln.data, host: ln.host, badge: ln.badge}
	if len(ln.notes) > 0 {
		j.note, j.last = ln.notes[0], ln.notes[len(ln.notes)-1].pos
	}
	if j.what == counts {
		ln.stale = false
	}
	return j
}

// settle notes what became of a message.
func (ln *line) settle(o *outcome, now time.Time) {
	if o.verdict == failed {
		ln.failures++
		ln.retry = now.Add(max(pause(ln.failures), o.after))
		ln.stale = ln.stale || o.what == counts
		if n := len(ln.notes); n > afterFailure && ln.Kind != kindEmail {
			ln.notes = ln.notes[n-afterFailure:]
		}
		return
	}
	ln.failures, ln.retry = 0, time.Time{}
	if o.badge >= 0 {
		ln.badge = o.badge
	}
	switch o.what {
	case activation:
		ln.activate = false
	case event:
		ln.settleUpto(o.note.pos)
	case digest:
		ln.Told = o.told
		ln.settleUpto(o.last)
		ln.plan(now)
	case counts, nothing:
	}
}

func (ln *line) settleUpto(pos int64) {
	for len(ln.notes) > 0 && ln.notes[0].pos <= pos {
		ln.notes = ln.notes[1:]
	}
}

// pause is how long to wait after some failures in a row; half of it is chance, so that those who failed together don't come back together.
func pause(failures int) time.Duration {
	whole := longPause
	if failures < 10 {
		whole = min(longPause, firstPause<<(failures-1))
	}
	return whole/2 + rand.N(whole/2)
}
