package accounts

import (
	"context"
	"net"
	"sync"
	"time"

	"beffroi/server/store"
)

// flushEvery is how often last_seen is written: devices are told with some minutes' delay, and no request waits for it.
const flushEvery = time.Minute

// seen notes when and from where devices were seen, until the next flush.
type seen struct {
	mu      sync.Mutex
	devices map[int64]sighting
}

type sighting struct {
	ts int64
	ip string
}

func newSeen() *seen { return &seen{devices: map[int64]sighting{}} }

func (s *seen) note(device int64, now time.Time, addr string) {
	ip, _, err := net.SplitHostPort(addr)
	if err != nil {
		ip = addr
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.devices[device] = sighting{ts: store.Millis(now.Truncate(time.Minute)), ip: ip}
}

func (s *seen) take() map[int64]sighting {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.devices
	s.devices = map[int64]sighting{}
	return taken
}

// giveBack keeps what could not be written, unless the device was seen again.
func (s *seen) giveBack(taken map[int64]sighting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for device, at := range taken {
		if _, again := s.devices[device]; !again {
			s.devices[device] = at
		}
	}
}

// Run writes every minute when devices were seen last, and once more when ctx ends. What a faulty database does not take is kept for
// the next time; only the last failure is told.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = s.flushSeen(ctx) // tried again
		case <-ctx.Done():
			return s.flushSeen(context.WithoutCancel(ctx))
		}
	}
}

func (s *Service) flushSeen(ctx context.Context) error {
	devices := s.seen.take()
	if len(devices) == 0 {
		return nil
	}
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		for device, at := range devices {
			if err := tx.SetLastSeen(device, at.ts, at.ip); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.seen.giveBack(devices)
	}
	return err
}
