package appservice

import (
	"context"
	"encoding/json"

	"beffroi/server/ephemeral"
	"beffroi/server/store"
)

// whisper is what is said beside events: m.typing, m.receipt or m.presence.
type whisper struct {
	Type    string `json:"type"`
	RoomID  string `json:"room_id,omitempty"`
	Sender  string `json:"sender,omitempty"`
	Content any    `json:"content"`
}

// overhear gives what was said beside the events since the last time, a hundred things at most. Nothing of it is kept: what a service misses is old
// when it comes back.
//
// Source: application service API, "Pushing ephemeral data".
func (d *delivery) overhear(ctx context.Context) (said []json.RawMessage, err error) {
	if !d.interest.Ephemeral {
		return nil, nil
	}
	receipts, spoken := d.db.Visible(), d.ephemeral.Position()
	if receipts == d.receipts && spoken == d.spoken {
		return nil, nil
	}
	var all []whisper
	err = d.db.Read(ctx, func(r *store.Reader) error {
		for _, hear := range []func(*store.Reader, int64) ([]whisper, error){d.hearReceipts, d.hearTyping, d.hearPresence} {
			some, err := hear(r, receipts)
			if err != nil {
				return err
			}
			all = append(all, some...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.receipts, d.spoken = receipts, spoken
	for _, w := range all[:min(len(all), maxWhispers)] {
		raw, err := json.Marshal(w)
		if err != nil {
			return nil, err
		}
		said = append(said, raw)
	}
	return said, nil
}

// inRoom is something said in a room, if that concerns the service.
func (d *delivery) inRoom(r *store.Reader, room store.RoomRef, upto int64, eventType string, content func() (any, error)) ([]whisper, error) {
	wanted, err := d.interest.room(r, room, upto)
	if err != nil || !wanted {
		return nil, err
	}
	row, ok, err := r.Room(room)
	if err != nil || !ok {
		return nil, err
	}
	said, err := content()
	if err != nil || said == nil {
		return nil, err
	}
	return []whisper{{Type: eventType, RoomID: row.ID, Content: said}}, nil
}

// hearReceipts gives receipts; private ones of the service's own users only.
func (d *delivery) hearReceipts(r *store.Reader, upto int64) (all []whisper, err error) {
	news := d.db.News(d.receipts, 0, 0)
	if news == nil {
		return nil, nil // too long ago
	}
	mine := func(c store.Receipt) (bool, error) {
		if c.Type != store.AtomReceiptReadPrivate {
			return true, nil
		}
		user, err := r.Text(c.User)
		return d.interest.HasUser(user), err
	}
	for _, n := range news.Rooms {
		if n.Touched&store.TouchedReceipts == 0 {
			continue
		}
		some, err := d.inRoom(r, n.Room, upto, "m.receipt", func() (any, error) {
			return d.ephemeral.ReceiptsThat(r, n.Room, d.receipts, upto, mine)
		})
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func (d *delivery) hearTyping(r *store.Reader, upto int64) (all []whisper, err error) {
	for _, room := range d.ephemeral.ChangedAfter(d.spoken) {
		some, err := d.inRoom(r, room, upto, "m.typing", func() (any, error) {
			return map[string][]string{"user_ids": d.ephemeral.Typing(room)}, nil
		})
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// hearPresence gives the presences of the service's own users and of those in a room that concerns it.
func (d *delivery) hearPresence(r *store.Reader, upto int64) (all []whisper, err error) {
	for _, p := range d.ephemeral.PresencesAfter(d.spoken) {
		wanted, err := d.meets(r, p, upto)
		if err != nil {
			return nil, err
		}
		if wanted {
			all = append(all, whisper{Type: "m.presence", Sender: p.UserID, Content: p.Presence})
		}
	}
	return all, nil
}

func (d *delivery) meets(r *store.Reader, p ephemeral.PresenceOf, upto int64) (bool, error) {
	if d.interest.HasUser(p.UserID) {
		return true, nil
	}
	rooms, err := r.RoomsOf(p.User)
	for _, m := range rooms {
		if m.Membership != store.Join {
			continue
		}
		if wanted, err := d.interest.room(r, m.Room, upto); err != nil || wanted {
			return wanted, err
		}
	}
	return false, err
}
