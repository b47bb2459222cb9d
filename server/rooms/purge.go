package rooms

import (
	"context"
	"net/http"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// roomsPerLook is how many rooms one read looks at whether anybody wants them.
const roomsPerLook = 200

// Purge removes a room that nobody of this server is in, is invited to or knocks at: all that the database has of it, but not its media. Who was in
// it can't read it any more. It may be called again where it was cut off. It is for administration: 400 M_UNKNOWN where somebody is there.
func (s *Service) Purge(ctx context.Context, roomID string) error {
	gone, err := s.condemn(ctx, roomID, false)
	if err != nil {
		return err
	}
	if !gone {
		return merr.New(http.StatusBadRequest, "M_UNKNOWN", "Somebody is still in the room")
	}
	return s.sweep(ctx)
}

// PurgeForgotten removes the rooms that everybody of this server has left and forgotten (the specification lets who left read on until they forget
// the room), and what an earlier purge left over.
func (s *Service) PurgeForgotten(ctx context.Context) error {
	if err := s.purgeCutOff(ctx); err != nil {
		return err
	}
	for after := store.RoomRef(0); ; {
		ids, last, err := s.forgotten(ctx, after)
		if err != nil {
			return err
		}
		if last == after {
			return s.sweep(ctx)
		}
		after = last
		for _, id := range ids {
			if _, err := s.condemn(ctx, id, true); err != nil {
				return err
			}
		}
	}
}

// purgeCutOff marks the rooms to be removed whose arrival was cut off.
func (s *Service) purgeCutOff(ctx context.Context) error {
	all, err := store.Get(ctx, s.db, (*store.Reader).ArrivingRooms)
	for _, room := range all {
		if err != nil {
			return err
		}
		err = s.dropArrival(ctx, room)
	}
	return err
}

// dropArrival marks a room to be removed that nobody brings in just now.
func (s *Service) dropArrival(ctx context.Context, room store.Room) error {
	leave, err := s.doors.enter(ctx, room.ID)
	if err != nil {
		return err
	}
	defer leave()
	return s.db.Write(ctx, func(tx *store.Tx) error {
		ref, arriving, err := tx.FindArriving(room.ID)
		if err != nil || !arriving || ref != room.Ref {
			return err
		}
		return tx.BeginPurge(ref)
	})
}

// forgotten lists rooms among the next ones that nobody wants. last is the last that was looked at.
func (s *Service) forgotten(ctx context.Context, after store.RoomRef) (ids []string, last store.RoomRef, err error) {
	last = after
	err = s.db.Read(ctx, func(r *store.Reader) error {
		refs, err := r.RoomsAfter(after, roomsPerLook)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			last = ref
			abandoned, err := r.Abandoned(ref, s.Custodian.Atom, true)
			if err != nil {
				return err
			}
			if !abandoned {
				continue
			}
			room, _, err := r.Room(ref)
			if err != nil {
				return err
			}
			ids = append(ids, room.ID)
		}
		return nil
	})
	return ids, last, err
}

// condemn marks a room to be removed, where it is kept for nobody, and ends its copy in memory. It holds the room's lock, so that nobody comes in
// meanwhile. A room that can't be loaded has no copy, and nobody can write to it.
func (s *Service) condemn(ctx context.Context, roomID string, forgotten bool) (gone bool, err error) {
	room, err := store.Get(ctx, s.db, func(r *store.Reader) (store.Room, error) { return Find(r, roomID) })
	if err != nil {
		return false, err
	}
	if l, err := s.cache.acquire(ctx, roomID); err == nil {
		defer func() {
			if gone {
				l.dead.Store(true)
			}
			l.mu.Unlock()
		}()
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if gone, err = tx.Abandoned(room.Ref, s.Custodian.Atom, forgotten); err != nil || !gone {
			return err
		}
		return tx.BeginPurge(room.Ref)
	})
	return gone && err == nil, err
}

// sweep removes what is marked. One sweep runs at a time.
func (s *Service) sweep(ctx context.Context) error {
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	return s.db.Sweep(ctx)
}
