package pusher

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
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

// maxRoomsTold is how many rooms a digest names, maxPeopleNamed how many people in one that has no name of its own.
const (
	maxRoomsTold   = 20
	maxPeopleNamed = 3
)

// Digest is an e-mail that says in which rooms how much waits to be read. It holds nothing of what was written, and of who wrote only what names a room
// without a name: mail lies on servers that are not the town hall's.
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
	Name     string // its own, or those of people in it
	Unread   int
	Mentions int // of these, that mention the user
}

// mail sends a digest of what is still unread.
func (s *Service) mail(ctx context.Context, o *outcome) error {
	if s.Mail == nil {
		return nil // mail was switched off: what is unread now is not told later
	}
	d := &Digest{To: o.pusher.Pushkey, Lang: o.about.Lang, UserID: o.pusher.UserID, Token: o.pusher.Token}
	err := s.db.Read(ctx, func(r *store.Reader) error {
		mine, err := s.stillMine(r, &o.pusher)
		if err != nil {
			return err
		}
		if !mine {
			o.verdict = gone
			return nil
		}
		here, err := s.stillTold(r, &o.pusher)
		if err != nil || !here {
			return err
		}
		return s.fill(r, o.pusher.User, d)
	})
	if err != nil || len(d.Rooms) == 0 {
		return err
	}
	now := store.Millis(s.Now())
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		return errors.Join(s.Mail.SendIn(tx, d), tx.TellPusher(o.pusher.ID, now))
	})
	if err == nil {
		o.told = now
	}
	return err
}

// stillMine tells whether an address still belongs to an account that has not ended.
func (s *Service) stillMine(r *store.Reader, p *store.Pusher) (bool, error) {
	a, found, err := r.Account(p.User)
	if err != nil || !found || a.State == store.AccountDeactivated {
		return false, err
	}
	return s.Mail.Owns(r, p.User, p.Pushkey)
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
	d := DigestRoom{Unread: unread.Notifications, Mentions: unread.Highlights}
	if err := named(r, room, [2]store.Atom{store.AtomName, store.AtomEmpty}, "name", &d.Name); err != nil || d.Name != "" {
		return d, err
	}
	people, err := r.Heroes(room, user, true)
	if err != nil {
		return d, err
	}
	names := make([]string, 0, maxPeopleNamed)
	for _, other := range people[:min(len(people), maxPeopleNamed)] {
		var name string
		if err := named(r, room, [2]store.Atom{store.AtomMember, other}, "displayname", &name); err != nil {
			return d, err
		}
		if name == "" {
			if name, err = r.Text(other); err != nil {
				return d, err
			}
		}
		names = append(names, name)
	}
	d.Name = strings.Join(names, ", ")
	return d, nil
}
