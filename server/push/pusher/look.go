package pusher

import (
	"cmp"
	"context"
	"slices"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/push"
	"beffroi/server/store"
)

// Bounds of what is looked at: events of a room that came since the last look, and rooms of which it is remembered who hears them.
const (
	maxEvents = 500
	maxRooms  = 10_000
)

// look reads what happened since the last look.
func (l *loop) look(ctx context.Context) error {
	upto := l.db.Visible()
	if upto == l.pos || len(l.lines) == 0 {
		l.pos = upto
		return nil
	}
	g := &glance{loop: l, since: l.pos, upto: upto, now: l.Now()}
	if err := g.collect(ctx, l.db.News(l.pos, 0, 0)); err != nil {
		return err
	}
	slices.SortStableFunc(g.found, func(a, b finding) int { return cmp.Compare(a.note.pos, b.note.pos) })
	for i := range g.found {
		g.found[i].line.add(&g.found[i].note, g.now)
		l.moved = true
		l.readied(g.found[i].line)
	}
	for _, ln := range g.read {
		ln.stale = true
		l.readied(ln)
	}
	l.pos = upto
	return nil
}

func (l *loop) readied(ln *line) {
	if ln.work() != nothing {
		l.ready[ln.ID] = ln
	}
}

// glance is one look. What it finds counts when it is complete.
type glance struct {
	*loop
	r           *store.Reader
	since, upto int64
	now         time.Time
	found       []finding
	read        []*line // of users who may have read something
}

type finding struct {
	line *line
	note note
}

// collect looks at the rooms in which something happened; where nobody remembers which they are, at all rooms of users with pushers.
func (g *glance) collect(ctx context.Context, news *store.News) error {
	if news == nil {
		clear(g.hearers)
		return g.db.Read(ctx, func(r *store.Reader) error {
			g.r = r
			rooms, err := r.RoomsHeard()
			for _, room := range rooms {
				if err == nil {
					err = g.room(&store.RoomNews{Room: room, Touched: store.TouchedTimeline | store.TouchedReceipts}, true)
				}
			}
			return err
		})
	}
	var rooms []*store.RoomNews
	for i := range news.Rooms {
		n := &news.Rooms[i]
		if n.Touched&store.TouchedMembers != 0 {
			delete(g.hearers, n.Room)
		}
		who, known := g.hearers[n.Room]
		if n.Touched&(store.TouchedTimeline|store.TouchedReceipts|store.TouchedMembers) != 0 && (!known || len(who) > 0) {
			rooms = append(rooms, n)
		}
	}
	if len(rooms) == 0 {
		return nil
	}
	return g.db.Read(ctx, func(r *store.Reader) error {
		g.r = r
		for _, n := range rooms {
			if err := g.room(n, false); err != nil {
				return err
			}
		}
		return nil
	})
}

// room looks at one room. late: its events have waited, the news don't hold them.
func (g *glance) room(n *store.RoomNews, late bool) error {
	hearers, err := g.hear(n.Room)
	if err != nil || len(hearers) == 0 {
		return err
	}
	if n.Touched&store.TouchedTimeline == 0 || late {
		if err := g.invitations(n.Room, hearers, late); err != nil {
			return err
		}
	}
	if n.Touched&store.TouchedTimeline != 0 {
		events, _, ok := n.Timeline(store.OrdMax, g.since, g.upto, maxEvents)
		if !ok || late {
			if events, _, err = g.r.TimelineDown(n.Room, store.OrdMax, g.since, g.upto, maxEvents); err != nil {
				return err
			}
		}
		for i := range slices.Backward(events) {
			if err := g.event(&events[i], hearers, late); err != nil {
				return err
			}
		}
	}
	if n.Touched&store.TouchedReceipts == 0 || late {
		return nil
	}
	receipts, err := g.r.ReceiptsIn(n.Room, g.since, g.upto)
	for i := range receipts {
		g.reads(receipts[i].User, receipts[i].Pos, false)
	}
	return err
}

// reads notes that a user has read something, and what they have written themselves is read. Of a device of which nobody knows what it was told, a
// receipt alone says that it was told too much.
func (g *glance) reads(user store.Atom, pos int64, wrote bool) {
	for _, ln := range g.of[user] {
		if pos > ln.from && !(wrote && ln.badge == unknownBadge) {
			g.read = append(g.read, ln)
		}
	}
}

// hear gives the users with pushers in a room.
func (g *glance) hear(room store.RoomRef) ([]store.Hearer, error) {
	hearers, known := g.hearers[room]
	if known {
		return hearers, nil
	}
	hearers, err := g.r.Hearers(room)
	if err != nil {
		return nil, err
	}
	if len(g.hearers) >= maxRooms {
		clear(g.hearers)
	}
	g.hearers[room] = hearers
	return hearers, nil
}

// event asks the rules of those whom an event may concern.
func (g *glance) event(e *store.StreamEvent, hearers []store.Hearer, late bool) error {
	if e.RedactedBy != 0 || e.Status&store.StatusExpired != 0 {
		return nil
	}
	var heard *push.Heard
	for i := range hearers {
		h := &hearers[i]
		if e.Sender == h.User {
			g.reads(h.User, e.Pos, true)
			continue
		}
		if !concerns(e, h) {
			continue
		}
		if heard == nil {
			var err error
			if heard, err = g.Push.Hear(g.r, &e.Event); err != nil || heard == nil {
				return err
			}
		}
		if err := g.ask(heard, e, h, late); err != nil {
			return err
		}
	}
	return nil
}

// concerns tells whether a user was there when the event came, or is invited by it.
func concerns(e *store.StreamEvent, h *store.Hearer) bool {
	if h.Membership == store.Invite {
		return e.Type == store.AtomMember && e.StateKey == h.User
	}
	return e.Ord > h.SinceOrd
}

func (g *glance) ask(heard *push.Heard, e *store.StreamEvent, h *store.Hearer, late bool) error {
	d, err := heard.By(h.User, h.UserID)
	if err != nil || !d.Notify {
		return err
	}
	ignored, err := accounts.Ignored(g.r, h.User)
	if err != nil || ignored[e.Sender] {
		return err
	}
	n := note{room: e.Room, nid: e.NID, pos: e.Pos, ord: e.Ord, came: g.now, actions: d.Actions}
	if sent := time.UnixMilli(e.TS); late && sent.Before(n.came) {
		n.came = sent
	}
	for _, ln := range g.of[h.User] {
		g.found = append(g.found, finding{ln, n})
	}
	return nil
}
