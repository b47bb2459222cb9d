package rooms

import (
	"context"
	"time"

	"beffroi/server/store"
)

// topic is what who looks into a room without being in it waits for. Users' topics are positive.
func topic(room store.RoomRef) int64 { return -int64(room) }

// Await looks, and looks again each time something happens in a room, until look is done, the time is over or the server stops.
func (s *Service) Await(ctx context.Context, room store.RoomRef, within time.Duration, look func() (done bool, err error)) error {
	w := s.hub.Wait(topic(room))
	defer s.hub.Done(w)
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	for over := false; ; {
		if done, err := look(); done || err != nil || over || s.hub.Closed() {
			return err
		}
		select {
		case <-w.C:
		case <-timeout.C:
			over = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
