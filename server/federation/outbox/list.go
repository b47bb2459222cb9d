package outbox

import (
	"context"
	"time"

	"beffroi/server/store"
)

// Standing is how it stands with another server.
type Standing struct {
	Server      string
	Failed      int       // attempts in succession that failed
	Since       time.Time // since when it fails; zero: it does not
	Until       time.Time // when it is tried again
	LastSuccess time.Time // zero: never, as far as is known
	LastError   string    // in French; "": none since the last success
	Missed      bool      // something was not kept for it: it will be told the newest of each room
	Waiting     int       // events and messages that wait, longQueue+1 for more; in Standings only where it fails
	Dropped     int64     // what it refused and that was left out
}

// Standings gives, by name, the servers that share rooms with this one or did, whose names hold a text: limit of them from one on, and how many there are.
func (s *Service) Standings(ctx context.Context, holds string, from, limit int, wanted func(Standing) bool) (page []Standing, total int, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		names, err := r.DestinationNames(holds)
		if err != nil {
			return err
		}
		for _, n := range names {
			one, d, err := s.standing(r, n)
			if err != nil {
				return err
			}
			if wanted != nil && !wanted(one) {
				continue
			}
			if total++; total <= from || len(page) == limit {
				continue
			}
			if one.Waiting, err = waiting(r, d, s.cursor(n.Name)); err != nil {
				return err
			}
			page = append(page, one)
		}
		return nil
	})
	return page, total, err
}

// Standing gives one of them; found is false where nothing is known of it.
func (s *Service) Standing(ctx context.Context, server string) (one Standing, found bool, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		names, err := r.DestinationNames(server)
		if err != nil {
			return err
		}
		for _, n := range names {
			if n.Name != server {
				continue
			}
			found = true
			var row store.Destination
			if one, row, err = s.standing(r, n); err != nil {
				return err
			}
			one.Waiting, err = waiting(r, row, s.cursor(server))
		}
		return err
	})
	return one, found, err
}

// Rooms gives up to limit rooms that a server is in, in the order of their numbers after one.
func (s *Service) Rooms(ctx context.Context, server string, after store.RoomRef, limit int) (rooms []store.Room, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		atom, err := r.FindAtom(server)
		if err != nil {
			return err
		}
		refs, err := r.RoomsWith(atom, after, limit)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			room, _, err := r.Room(ref)
			if err != nil {
				return err
			}
			rooms = append(rooms, room)
		}
		return nil
	})
	return rooms, err
}

// standing reads how it stands with a server, from memory where it is there.
func (s *Service) standing(r *store.Reader, n store.NamedServer) (Standing, store.Destination, error) {
	s.mu.Lock()
	d := s.all[n.Name]
	var row store.Destination
	if d != nil {
		row = d.row()
	}
	s.mu.Unlock()
	if d == nil {
		var err error
		if row, _, err = r.Destination(n.Server); err != nil {
			return Standing{}, row, err
		}
	}
	row.Server = n.Server
	return Standing{Server: n.Name, Failed: row.Failed, Since: timeOf(row.Since), Until: timeOf(row.Until), LastSuccess: timeOf(row.LastSuccess), LastError: row.LastError,
		Missed: row.Missed > 0, Dropped: row.Dropped}, row, nil
}

// cursor is where a server stands in the stream.
func (s *Service) cursor(server string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.all[server]; d != nil && d.waits {
		return d.pos
	}
	return s.looked
}

// waiting counts what waits for a server.
func waiting(r *store.Reader, d store.Destination, pos int64) (int, error) {
	edus, err := r.CountEDUs(d.Server)
	if err != nil {
		return 0, err
	}
	rows, err := r.CountOutgoing(d.Server, pos, longQueue+1)
	return rows + edus, err
}

func (s *Service) countWaiting(ctx context.Context, d *destination) (n int, err error) {
	pos := s.cursor(d.Name)
	err = s.db.Read(ctx, func(r *store.Reader) error {
		n, err = r.CountOutgoing(d.Server, pos, longQueue+1)
		return err
	})
	return n, err
}
