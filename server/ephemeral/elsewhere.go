package ephemeral

import (
	"context"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// ReadUpTo is a receipt of a user of another server, with when they read in milliseconds.
type ReadUpTo struct {
	Marker
	UserID string
	TS     int64
}

// MarkOthers moves receipts of users of other servers in a room. Those of users who are not in the room, and at events that are not there, are left out.
// Source: server-server API, "m.receipt".
func (s *Service) MarkOthers(ctx context.Context, room store.RoomRef, all []ReadUpTo) error {
	var receipts []store.Receipt
	now := store.Millis(s.now())
	err := s.db.Read(ctx, func(r *store.Reader) error {
		for _, m := range all {
			c, ok, err := m.receipt(r, room)
			if err != nil {
				return err
			}
			if c.TS <= 0 || c.TS > now {
				c.TS = now
			}
			if ok {
				receipts = append(receipts, c)
			}
		}
		return nil
	})
	if err != nil || len(receipts) == 0 {
		return err
	}
	moved := false
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		for _, c := range receipts {
			m, err := tx.MoveReceipt(room, c)
			if err != nil {
				return err
			}
			moved = moved || m
		}
		return nil
	})
	if err == nil && moved {
		err = s.wakeRoom(context.WithoutCancel(ctx), room)
	}
	return err
}

// receipt is the receipt as it is stored; ok is false for what is left out.
func (m ReadUpTo) receipt(r *store.Reader, room store.RoomRef) (c store.Receipt, ok bool, err error) {
	user, err := r.FindAtom(m.UserID)
	if err != nil || m.check() != nil {
		return c, false, err
	}
	membership, err := r.MembershipOf(room, user)
	if err != nil || membership != store.Join {
		return c, false, err
	}
	place, err := m.place(r, room)
	if err != nil {
		return c, false, onlyOurs(err)
	}
	c = store.Receipt{User: user, Type: store.AtomReceiptRead, EventID: m.EventID, Ord: place.Ord, TS: m.TS}
	if m.Thread != nil {
		c.Thread = *m.Thread
	}
	return c, true, nil
}

// onlyOurs leaves of an error what is not the fault of whom it is about.
func onlyOurs(err error) error {
	if merr.From(err).Status < 500 {
		return nil
	}
	return err
}

const (
	// elsewhereTime is how long it counts what another server said of a user. Servers say it again after 25 minutes.
	elsewhereTime = 30 * time.Minute
	// maxElsewhere is of how many users of other servers it is known how they are.
	maxElsewhere = 20_000
)

// elsewhere is what another server said of its user.
type elsewhere struct {
	shown shownPresence
	heard time.Time
}

// PresenceElsewhere notes how users of other servers are, where they are in a room of this one. Each of all has its UserID, and what was said.
// Source: server-server API, "m.presence".
func (s *Service) PresenceElsewhere(ctx context.Context, all []PresenceOf) error {
	if s.presence == nil {
		return nil
	}
	var known []PresenceOf
	err := s.db.Read(ctx, func(r *store.Reader) error {
		for _, p := range all {
			var err error
			if p.User, err = r.FindAtom(p.UserID); err != nil {
				return err
			}
			in, err := r.IsJoinedAnywhere(p.User)
			if err != nil {
				return err
			}
			if in {
				known = append(known, p)
			}
		}
		return nil
	})
	for _, p := range known {
		s.presence.told(p)
	}
	return err
}

// told takes over what another server said of a user; what is none of the presences is left out.
func (p *presences) told(of PresenceOf) {
	valid := of.Presence.Presence == Online || of.Presence.Presence == Unavailable || of.Presence.Presence == Offline
	if !valid || len(of.Status) > maxStatus {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now, u := p.now(), p.users[of.User]
	if u == nil {
		if of.Presence.Presence == Offline || p.elsewhere >= maxElsewhere {
			return
		}
		u = &present{userID: of.UserID, shown: shownPresence{presence: Offline}}
		p.users[of.User] = u
		p.elsewhere++
	}
	u.status, u.active = of.Status, time.Time{}
	if of.LastActiveAgo != nil && *of.LastActiveAgo >= 0 && *of.LastActiveAgo < int64(time.Duration(1<<62)/time.Millisecond) {
		u.active = now.Add(-time.Duration(*of.LastActiveAgo) * time.Millisecond)
	}
	u.elsewhere = &elsewhere{shownPresence{of.Presence.Presence, of.Status, of.CurrentlyActive && of.Presence.Presence == Online}, now}
	p.refresh(of.User, u, now)
}

// at is how the user is now: offline where their server fell silent.
func (e *elsewhere) at(now time.Time) shownPresence {
	if now.Sub(e.heard) >= elsewhereTime {
		return shownPresence{presence: Offline}
	}
	return e.shown
}

// leave forgets a user of another server who was gone for long.
func (p *presences) leave(user store.Atom, u *present, now time.Time) {
	if u.elsewhere != nil && now.Sub(u.elsewhere.heard) >= 2*elsewhereTime {
		delete(p.users, user)
		p.elsewhere--
	}
}
