package outbox

import (
	"context"
	"encoding/json"

	"beffroi/server/store"
)

// catchUp is how far a server is told of what it missed: of each room the newest events, from which it finds and asks for what is between, the receipts as they
// stand, and of each user whose devices changed an update that makes it ask for the list.
type catchUp struct {
	upto  int64         // what came after it is sent as usual
	room  store.RoomRef // rooms up to this one are done
	rooms bool          // all are
	lists int64         // users whose devices changed up to here are done
	ended bool
}

// How many rooms and users are looked at for a transaction.
const roomsAtATime, listsAtATime = 40, 50

// composeMissed reads the next part of what a server missed.
func (s *Service) composeMissed(ctx context.Context, d *destination, t *transaction, missed int64, at *catchUp, most int) error {
	c := catchUp{upto: s.db.Visible()}
	if at != nil {
		c = *at
	}
	t.pos, t.catch = c.upto, &c
	b := s.batch(d, t, missed, c.upto, most)
	lists := []store.ListChange{}
	err := s.db.Read(ctx, func(r *store.Reader) (err error) {
		if !c.rooms {
			return b.missedRooms(r, &c)
		}
		if lists, err = r.ListsSince(d.Server, missed, c.lists, listsAtATime); err != nil {
			return err
		}
		for _, l := range lists {
			if b.users[l.User], err = r.Text(l.User); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return b.missedLists(ctx, &c, lists)
}

// missedRooms adds the newest of the next rooms.
func (b *batch) missedRooms(r *store.Reader, c *catchUp) error {
	rooms, err := r.RoomsSince(b.server.Server, b.since, c.room, roomsAtATime)
	if err != nil {
		return err
	}
	c.rooms = len(rooms) < roomsAtATime
	for _, room := range rooms {
		if b.full() {
			c.rooms = false
			break
		}
		if err := b.missedRoom(r, room); err != nil {
			return err
		}
		c.room = room.Room
	}
	return b.addReceipts(r)
}

// missedRoom adds the forward extremities of a room in which something happened; of one that the server is no longer in, the event that ended that.
func (b *batch) missedRoom(r *store.Reader, room store.ServerRoom) error {
	if room.Until <= b.upto {
		e, found, err := r.EventAt(room.Room, room.Until)
		if err != nil || !found {
			return err
		}
		return b.addEvent(r, &e)
	}
	last, found, err := r.LastPlace(room.Room)
	if err != nil || !found || last.Pos <= b.since {
		return err
	}
	b.receipts[room.Room] = nil
	tips, err := r.Extremities(room.Room)
	if err != nil {
		return err
	}
	if len(tips) == 0 {
		e, _, err := r.Event(last.NID)
		if err != nil {
			return err
		}
		tips = append(tips, e)
	}
	for i := range tips {
		if err := b.addEvent(r, &tips[i]); err != nil {
			return err
		}
	}
	return nil
}

// missedLists adds an update for each of the next users whose devices changed.
func (b *batch) missedLists(ctx context.Context, c *catchUp, lists []store.ListChange) error {
	if c.rooms && len(b.names) == 0 {
		c.ended = len(lists) < listsAtATime
	}
	for _, l := range lists {
		c.lists = l.Pos
		list, err := b.devicesOf(ctx, b.users[l.User])
		if err != nil {
			return err
		}
		u := askAnew(list, l.Pos, "none")
		u.Deleted = len(list.Devices) == 0
		raw, err := json.Marshal(u)
		if err != nil {
			return err
		}
		b.addEDU("m.device_list_update", l.Pos, raw)
	}
	return nil
}
