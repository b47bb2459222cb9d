package rooms

import (
	"beffroi/server/merr"
	"beffroi/server/store"
)

// How many events around the place where the clock passes the time are compared: senders' clocks differ, so the order of the timeline is
// not quite that of the times.
const timeWindow = 100

// AtTime gives the event that the user may see whose origin_server_ts is closest to a time (milliseconds), not before it where forward, else
// not after it: M_NOT_FOUND where there is none.
//
// Spec: client-server API, "GET /_matrix/client/v1/rooms/{roomId}/timestamp_to_event".
func AtTime(r *store.Reader, room store.Room, v *Viewer, ts int64, forward bool) (store.Event, error) {
	ord, err := r.OrdAtTime(room.Ref, ts)
	if err != nil {
		return store.Event{}, err
	}
	from, err := r.EventsBackward(room.Ref, ord, store.OrdMin, timeWindow)
	if err != nil {
		return store.Event{}, err
	}
	q := PageQuery{From: ord, To: store.OrdMax, Limit: timeWindow, Match: func(e *store.Event) (bool, error) { return fits(e, ts, forward), nil }}
	if len(from) > 0 && forward {
		q.From = from[len(from)-1].Ord - 1
	}
	if !forward {
		q.Backward, q.To = true, store.OrdMin
		if q.From, err = ahead(r, room.Ref, ord); err != nil {
			return store.Event{}, err
		}
	}
	page, err := Messages(r, room, v, q)
	if err != nil {
		return store.Event{}, err
	}
	return closest(page.Events, ts)
}

// ahead is the place that lies a window after another one.
func ahead(r *store.Reader, room store.RoomRef, ord int64) (int64, error) {
	after, err := r.EventsForward(room, ord, store.OrdMax, timeWindow)
	if err != nil || len(after) == 0 {
		return ord, err
	}
	return after[len(after)-1].Ord, nil
}

func fits(e *store.Event, ts int64, forward bool) bool {
	return forward && e.TS >= ts || !forward && e.TS <= ts
}

// closest picks the event nearest to a time, and among equals the one that was met first.
func closest(events []Seen, ts int64) (best store.Event, err error) {
	if len(events) == 0 {
		return best, merr.NotFound("No event lies on that side of the time")
	}
	best = events[0].Event
	for _, e := range events[1:] {
		if distance(e.TS, ts) < distance(best.TS, ts) {
			best = e.Event
		}
	}
	return best, nil
}

func distance(a, b int64) int64 { return max(a-b, b-a) }
