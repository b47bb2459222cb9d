package rooms

import (
	"context"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

const (
	// gapTime is how long servers are asked for one piece of history, and gapServerTime how long each of them.
	gapTime, gapServerTime = 25 * time.Second, 10 * time.Second
	// maxAskedForHistory is how many servers are asked for it, maxGapEvents how many events they may give.
	maxAskedForHistory, maxGapEvents = 4, 100
	// maxMissingNamed is how many missing events a server is asked for at a time, with those before them.
	maxMissingNamed = 20
)

// FillGap asks the servers in a room for the events below a place where a gap ends, and puts them there. It tells whether the timeline has changed there; where nobody
// gives anything it stays as it is.
//
// Spec: server-server API, "Backfilling and retrieving missing events".
func (s *Service) FillGap(ctx context.Context, roomID string, above int64) (bool, error) {
	if s.Remote == nil {
		return false, nil
	}
	if in, err := s.participates(ctx, roomID); err != nil || !in {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, gapTime)
	defer cancel()
	leave, err := s.filling.enter(ctx, roomID)
	if err != nil {
		return false, nil //nolint:nilerr // who waited too long gets what there is
	}
	defer leave()
	g, err := s.gap(ctx, roomID, above)
	if err != nil || g.filled {
		return g.filled, err
	}
	for _, server := range g.servers.list {
		if s.fillFrom(ctx, server, roomID, above, g.missing) {
			return true, nil
		}
	}
	return false, nil
}

// gap is what is known of the end of a gap.
type gap struct {
	filled  bool     // by somebody else meanwhile
	missing []string // events
	servers entrances
}

func (s *Service) gap(ctx context.Context, roomID string, above int64) (g gap, err error) {
	g.servers = entrances{own: s.ServerName, most: maxAskedForHistory}
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		room, err := Find(r, roomID)
		if err != nil {
			return err
		}
		if _, ok, err := r.GapBelow(room.Ref, above); err != nil || !ok {
			g.filled = !ok
			return err
		}
		if g.missing, err = r.MissingAround(room.Ref, above, maxMissingNamed); err != nil || len(g.missing) == 0 {
			return err
		}
		return g.ask(r, room, above)
	})
	return g, err
}

// ask lists the servers to ask: that of who sent the event above the gap, then those with most members.
func (g *gap) ask(r *store.Reader, room store.Room, above int64) error {
	place, _, err := r.PlaceAt(room.Ref, above)
	if err != nil {
		return err
	}
	sender, err := r.Text(place.Sender)
	if err != nil {
		return err
	}
	inside, err := r.LargestServers(room.Ref, maxAskedForHistory+1)
	g.servers.add(pdu.ServerOf(sender))
	g.servers.add(inside...)
	return err
}

// fillFrom tells whether a server gave something that was missing.
func (s *Service) fillFrom(ctx context.Context, server, roomID string, above int64, missing []string) bool {
	ctx, cancel := context.WithTimeout(ctx, gapServerTime)
	defer cancel()
	raws, err := s.Remote.Older(ctx, server, roomID, missing, maxGapEvents)
	n := 0
	if err == nil {
		n, err = s.Backfill(ctx, server, roomID, above, raws)
	}
	if err != nil {
		s.Log.Info().Err(err).Str("room", roomID).Str("server", server).Msg("history was not given")
	}
	return err == nil && n > 0
}
