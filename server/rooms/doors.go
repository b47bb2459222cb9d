package rooms

import (
	"context"
	"sync"
	"time"
)

// doors let one at a time bring a room in from other servers.
type doors struct {
	mu     sync.Mutex
	closed map[string]chan struct{} // by room id; closed channels tell that the door is open again
}

// enter waits until nobody else brings the room in. Who gets in calls leave.
func (d *doors) enter(ctx context.Context, roomID string) (leave func(), err error) {
	for {
		closed := d.shut(roomID)
		if closed == nil {
			return func() { d.open(roomID) }, nil
		}
		select {
		case <-closed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// shut closes a door that is open, or tells when the one who closed it is done.
func (d *doors) shut(roomID string) (closed chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if closed = d.closed[roomID]; closed != nil {
		return closed
	}
	if d.closed == nil {
		d.closed = map[string]chan struct{}{}
	}
	d.closed[roomID] = make(chan struct{})
	return nil
}

// wait waits until nobody brings the room in, or for some time.
func (d *doors) wait(ctx context.Context, roomID string, most time.Duration) {
	d.mu.Lock()
	closed := d.closed[roomID]
	d.mu.Unlock()
	if closed == nil {
		return
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (d *doors) open(roomID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.closed[roomID])
	delete(d.closed, roomID)
}
