package rooms

import (
	"container/heap"
	"encoding/json"
	"slices"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

const (
	// maxGiven is how many events of a room's history a server gets at once, maxWalked how many are looked at for them.
	maxGiven, maxWalked = 100, 500
	// maxFrom is how many events a server may name to walk from, or to.
	maxFrom = 100
)

// Older gives events and those before them, the latest first.
//
// Spec: server-server API, "GET /_matrix/federation/v1/backfill/{roomId}".
func (v *ServerView) Older(from []string, limit int) ([]json.RawMessage, error) {
	w := newWalk(v, nil, 0)
	if err := w.push(from[:min(len(from), maxFrom)]); err != nil {
		return nil, err
	}
	return w.take(limit)
}

// Between gives the events before some that come after others, which are left out like these, the oldest first.
//
// Spec: server-server API, "POST /_matrix/federation/v1/get_missing_events/{roomId}".
func (v *ServerView) Between(q MissingQuery) ([]json.RawMessage, error) {
	w := newWalk(v, q.Earliest[:min(len(q.Earliest), maxFrom)], q.MinDepth)
	for _, id := range q.Latest[:min(len(q.Latest), maxFrom)] {
		e, err := v.Event(id)
		if merr.Is(err, "M_NOT_FOUND") {
			continue
		}
		if err != nil {
			return nil, err
		}
		w.seen[id] = true
		if err := w.pushBefore(&e); err != nil {
			return nil, err
		}
	}
	events, err := w.take(q.Limit)
	slices.Reverse(events)
	return events, err
}

// walk goes through a room's graph backwards, the deepest events first.
type walk struct {
	*ServerView
	seen     map[string]bool
	minDepth int64
	queue    byDepth
	walked   int
}

func newWalk(v *ServerView, stop []string, minDepth int64) *walk {
	w := &walk{ServerView: v, seen: map[string]bool{}, minDepth: minDepth}
	for _, id := range stop {
		w.seen[id] = true
	}
	return w
}

// step is an event on the way.
type step struct {
	store.Event
	depth int64
}

type byDepth []step

func (b byDepth) Len() int           { return len(b) }
func (b byDepth) Less(i, j int) bool { return b[i].depth > b[j].depth }
func (b byDepth) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }
func (b *byDepth) Push(x any)        { *b = append(*b, x.(step)) }
func (b *byDepth) Pop() any {
	old := *b
	last := old[len(old)-1]
	*b = old[:len(old)-1]
	return last
}

// push adds the events that are known. What is not given to others is walked through.
func (w *walk) push(ids []string) error {
	for _, id := range ids {
		if w.seen[id] || w.walked == maxWalked {
			continue
		}
		w.seen[id] = true
		w.walked++
		e, ok, err := w.r.EventByID(id)
		if err != nil {
			return err
		}
		if !ok || e.Room != w.Room.Ref || e.Status&store.StatusOutlier != 0 {
			continue
		}
		if depth, _ := pdu.StoredObject(e.JSON).Int("depth"); depth < w.minDepth {
			continue
		} else if given(&e) {
			heap.Push(&w.queue, step{e, depth})
		} else if err := w.pushBefore(&e); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) pushBefore(e *store.Event) error {
	whole, err := e.PDU(w.rules)
	if err != nil {
		return err
	}
	return w.push(whole.PrevEvents())
}

func (w *walk) take(limit int) ([]json.RawMessage, error) {
	events := []json.RawMessage{}
	for limit = min(limit, maxGiven); len(events) < limit && w.queue.Len() > 0; {
		s := heap.Pop(&w.queue).(step)
		raw, err := w.Give(&s.Event)
		if err != nil {
			return nil, err
		}
		events = append(events, raw)
		if err := w.pushBefore(&s.Event); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// AtTime gives the event that the server may see whose origin_server_ts is closest to a time, as the function AtTime does for users, among those around it.
//
// Spec: server-server API, "GET /_matrix/federation/v1/timestamp_to_event/{roomId}".
func (v *ServerView) AtTime(ts int64, forward bool) (store.Event, error) {
	ord, err := v.r.OrdAtTime(v.Room.Ref, ts)
	if err != nil {
		return store.Event{}, err
	}
	before, err := v.r.EventsBackward(v.Room.Ref, ord, store.OrdMin, timeWindow)
	if err != nil {
		return store.Event{}, err
	}
	after, err := v.r.EventsForward(v.Room.Ref, ord, store.OrdMax, timeWindow)
	if err != nil {
		return store.Event{}, err
	}
	var found []Seen
	for _, e := range slices.Concat(before, after) {
		if !fits(&e, ts, forward) {
			continue
		}
		sees, err := v.Sees(&e)
		if err != nil {
			return store.Event{}, err
		}
		if sees {
			found = append(found, Seen{Event: e})
		}
	}
	return closest(found, ts)
}
