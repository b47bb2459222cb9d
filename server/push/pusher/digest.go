package pusher

import (
	"cmp"
	"context"
	"slices"
	"time"

	"beffroi/server/push"
	"beffroi/server/store"
)

// When a digest is sent. An agent who works reads within half an hour, and needs none; an elected member who comes by on some evenings wants to know
// once a day that something waits, not each time that somebody writes.
const (
	digestAfter = 30 * time.Minute
	digestEvery = 24 * time.Hour
)

// maxRoomsTold is how many rooms a digest names, maxSendersTold how many people in each, of those who sent the last events.
const (
	maxRoomsTold   = 20
	maxSendersTold = 3
	maxEventsTold  = 100
)

// Digest is an e-mail that says where something waits to be read. It holds nothing of what was written: mail lies on servers that are not the town hall's.
type Digest struct {
	To     string
	Lang   string // as the client gave it: "fr", "en-GB"
	UserID string
	Rooms  []DigestRoom // those with mentions first, then by count
	More   int          // rooms that are not named
	Token  string       // ends the digests, see Unsubscribe
}

// DigestRoom is a room in a digest.
type DigestRoom struct {
	Name       string // "": it has none
	Unread     int
	Highlights int      // of these, that mention the user
	Senders    []string // the last who wrote, by their display names
}

// mail sends a digest of what is still unread.
func (s *Service) mail(ctx context.Context, o *outcome) error {
	if s.Mail == nil {
		return nil // mail was switched off: what is unread now is not told later
	}
	d := &Digest{To: o.pusher.Pushkey, Lang: o.about.Lang, UserID: o.pusher.UserID, Token: o.pusher.Token}
	owns := false
	err := s.db.Read(ctx, func(r *store.Reader) error {
		here, err := s.stillTold(r, &o.pusher)
		if err != nil || !here {
			return err
		}
		if owns, err = s.Mail.Owns(r, o.pusher.User, o.pusher.Pushkey); err != nil || !owns {
			return err
		}
		return s.fill(r, o.pusher.User, d)
	})
	switch {
	case err != nil:
		return err
	case !owns:
		o.verdict = gone
		return nil
	case len(d.Rooms) == 0:
		return nil
	}
	if err := s.Mail.SendDigest(ctx, *d); err != nil {
		return err
	}
	o.told = store.Millis(s.Now())
	return s.db.Write(ctx, func(tx *store.Tx) error { return tx.TellPusher(o.pusher.ID, o.told) })
}

// fill reads what is unread.
func (s *Service) fill(r *store.Reader, user store.Atom, d *Digest) error {
	all, err := s.Push.UnreadRooms(r, user, false)
	if err != nil {
		return err
	}
	rooms := make([]store.RoomRef, 0, len(all))
	for room, c := range all {
		if c.Room.Notifications > 0 {
			rooms = append(rooms, room)
		}
	}
	slices.SortFunc(rooms, func(a, b store.RoomRef) int {
		x, y := all[a].Room, all[b].Room
		return cmp.Or(-cmp.Compare(x.Highlights, y.Highlights), -cmp.Compare(x.Notifications, y.Notifications), cmp.Compare(a, b))
	})
	if d.More = max(len(rooms)-maxRoomsTold, 0); d.More > 0 {
		rooms = rooms[:maxRoomsTold]
	}
	for _, room := range rooms {
		told, err := digestRoom(r, room, user, all[room].Room)
		if err != nil {
			return err
		}
		d.Rooms = append(d.Rooms, told)
	}
	return nil
}

func digestRoom(r *store.Reader, room store.RoomRef, user store.Atom, unread push.Unread) (DigestRoom, error) {
	d := DigestRoom{Unread: unread.Notifications, Highlights: unread.Highlights}
	if err := named(r, room, [2]store.Atom{store.AtomName, store.AtomEmpty}, "name", &d.Name); err != nil {
		return d, err
	}
	last, err := r.EventsBackward(room, store.OrdMax, store.OrdMin, min(unread.Notifications, maxEventsTold))
	if err != nil {
		return d, err
	}
	for i := range last {
		e := &last[i]
		if e.Sender == user || e.StateKey != 0 || len(d.Senders) == maxSendersTold {
			continue
		}
		var name string
		if err := named(r, room, [2]store.Atom{store.AtomMember, e.Sender}, "displayname", &name); err != nil {
			return d, err
		}
		if name != "" && !slices.Contains(d.Senders, name) {
			d.Senders = append(d.Senders, name)
		}
	}
	return d, nil
}
