package rooms

import (
	"context"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
)

const (
	// timeAsked is how many servers are asked for an event at a time, each for timeServerTime, and all that follows takes timeWhole.
	timeAsked                 = 3
	timeServerTime, timeWhole = 5 * time.Second, 30 * time.Second
	// maxTimeFills is how many pieces of history are fetched to come to the event: an event that lies further away is not shown, since nobody could read around it.
	maxTimeFills = 10
)

// EventAtTime is AtTime for a user, which looks further where a gap lies between the answer and the time: where another server knows an event that is closer, the gap is filled from its end
// until the event is here.
func (s *Service) EventAtTime(ctx context.Context, user store.Atom, roomID string, ts int64, forward bool) (store.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, timeWhole)
	defer cancel()
	e, gap, err := s.nearest(ctx, user, roomID, ts, forward)
	if gap == store.OrdMin || s.Remote == nil || !s.closerElsewhere(ctx, roomID, e, ts, forward) {
		return e, err
	}
	for range maxTimeFills {
		filled, failed := s.FillGap(ctx, roomID, gap)
		if failed != nil || !filled {
			break
		}
		if e, gap, err = s.nearest(ctx, user, roomID, ts, forward); gap == store.OrdMin {
			break
		}
	}
	return e, err
}

// nearest is AtTime, with the place where a gap ends that lies between the event and the time; store.OrdMin where there is none. An error that is M_NOT_FOUND goes with a gap, too.
func (s *Service) nearest(ctx context.Context, user store.Atom, roomID string, ts int64, forward bool) (e store.Event, gap int64, err error) {
	gap = store.OrdMin
	var missing error
	err = s.db.Read(ctx, func(r *store.Reader) error {
		room, v, err := Look(r, roomID, user)
		if err != nil {
			return err
		}
		if e, err = AtTime(r, room, v, ts, forward); err != nil && !merr.Is(err, "M_NOT_FOUND") {
			return err
		}
		missing = err
		gap, err = gapBeside(r, room.Ref, e.Ord, missing == nil, ts, forward)
		return err
	})
	if err == nil {
		err = missing
	}
	return e, gap, err
}

// gapBeside finds the highest gap between the place of an event, where there is one, and that of a time.
func gapBeside(r *store.Reader, room store.RoomRef, ord int64, found bool, ts int64, forward bool) (int64, error) {
	at, err := r.OrdAtTime(room, ts)
	if err != nil {
		return store.OrdMin, err
	}
	from, to := at-1, ord
	switch {
	case forward && !found:
		return store.OrdMin, nil // nothing is missing after the last event
	case !forward:
		if from = store.OrdMin; found {
			from = ord
		}
		next, err := r.EventsForward(room, at, store.OrdMax, 1)
		if to = at; err != nil {
			return store.OrdMin, err
		}
		if len(next) > 0 {
			to = next[0].Ord
		}
	}
	gap, ok, err := r.GapWithin(room, from, to)
	if !ok {
		gap = store.OrdMin
	}
	return gap, err
}

// closerElsewhere asks servers in the room whether they know an event that is closer to a time than the one that is known here, if any.
func (s *Service) closerElsewhere(ctx context.Context, roomID string, e store.Event, ts int64, forward bool) bool {
	servers, err := store.Get(ctx, s.db, func(r *store.Reader) ([]string, error) {
		room, err := Find(r, roomID)
		if err != nil {
			return nil, err
		}
		return r.LargestServers(room.Ref, timeAsked+1)
	})
	if err != nil {
		return false
	}
	for _, server := range servers {
		if server == s.ServerName {
			continue
		}
		one, cancel := context.WithTimeout(ctx, timeServerTime)
		_, at, err := s.Remote.EventAtTime(one, server, roomID, ts, forward)
		cancel()
		if err == nil {
			there := store.Event{TS: at}
			return fits(&there, ts, forward) && (e.ID == "" || distance(at, ts) < distance(e.TS, ts))
		}
	}
	return false
}
