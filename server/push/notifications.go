package push

import (
	"cmp"
	"slices"

	"beffroi/server/accounts"
	"beffroi/server/store"
)

// Bounds of one page of notifications: how many there are on it, and how many events of a room are looked at.
const (
	MaxNotifications = 100
	roomWindow       = 500
)

// Notification is an event that a user was notified of, or would have been, had they had a pusher.
type Notification struct {
	Event   store.Event
	RoomID  string
	Actions []Action
	Read    bool
}

// NotificationPage is a page of notifications, the latest first. Next is the position below which the next one begins; 0: there is none.
type NotificationPage struct {
	Notifications []Notification
	Next          int64
}

// Notifications lists what a user was notified of before a position, in the rooms that they are joined to. What was decided when an event came
// counts, as in the unread counts, of which it is made. highlights: only what mentions the user.
//
// Spec: client-server API, GET /notifications.
func (s *Service) Notifications(r *store.Reader, user store.Atom, userID string, before int64, highlights bool, limit int) (*NotificationPage, error) {
	l := &listing{s: s, r: r, user: user, userID: userID, before: before, highlights: highlights, limit: min(limit, MaxNotifications)}
	var err error
	if l.ignored, err = accounts.Ignored(r, user); err != nil {
		return nil, err
	}
	rooms, err := r.RoomsToTell(user)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rooms, func(a, b store.RoomToTell) int { return -cmp.Compare(a.HeadPos, b.HeadPos) })
	for i := range rooms {
		if len(l.found) > l.limit && rooms[i].HeadPos < l.found[l.limit].Pos { // all the others are below a full page
			l.floor = max(l.floor, l.found[l.limit].Pos)
			break
		}
		if err := l.room(&rooms[i]); err != nil {
			return nil, err
		}
	}
	return l.page()
}

// listing puts a page together.
type listing struct {
	s          *Service
	r          *store.Reader
	user       store.Atom
	userID     string
	before     int64
	highlights bool
	limit      int
	ignored    map[store.Atom]bool

	found []candidate // the latest first
	floor int64       // below this position not every room was looked at
}

type candidate struct {
	store.Decided
	roomID    string
	highlight bool
}

// room adds what a room has.
func (l *listing) room(room *store.RoomToTell) error {
	from, err := room.Head, error(nil)
	if room.HeadPos >= l.before {
		if from, err = l.r.OrdBelowPos(room.Room, l.before, room.SinceOrd, room.Head); err != nil {
			return err
		}
	}
	rows, err := l.r.DecidedDown(room.Room, l.user, room.SinceOrd, from, l.highlights, roomWindow)
	if err != nil {
		return err
	}
	for i := range rows {
		d := &rows[i]
		notify, highlight := decisionOf(d)
		if d.Pos != 0 && d.Sender != l.user && notify && (highlight || !l.highlights) {
			l.found = append(l.found, candidate{*d, room.RoomID, highlight})
		}
	}
	if len(rows) == roomWindow {
		l.floor = max(l.floor, rows[len(rows)-1].Pos)
	}
	slices.SortFunc(l.found, func(a, b candidate) int { return -cmp.Compare(a.Pos, b.Pos) })
	return nil
}

// decisionOf is what was decided, as Judge writes it down.
func decisionOf(d *store.Decided) (notify, highlight bool) {
	want := expected(effect{d.Counts, d.Everybody}, d.Mode)
	return one(want.notify)+d.Mark.Notify > 0, one(want.highlight)+d.Mark.Highlight > 0
}

// page reads the events of the page.
func (l *listing) page() (*NotificationPage, error) {
	p := &NotificationPage{Notifications: []Notification{}, Next: l.floor}
	for i := range l.found {
		c := &l.found[i]
		if c.Pos < l.floor {
			break
		}
		if len(p.Notifications) == l.limit {
			p.Next = l.found[i-1].Pos
			break
		}
		if err := l.add(p, c); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (l *listing) add(p *NotificationPage, c *candidate) error {
	e, found, err := l.r.Event(c.NID)
	if err != nil || !found || e.RedactedBy != 0 || e.Status&store.StatusExpired != 0 {
		return err
	}
	if e.StateKey == 0 && l.ignored[e.Sender] { // also what came before they were
		return nil
	}
	n := Notification{Event: e, RoomID: c.roomID, Actions: actions(notifyAction)}
	if c.highlight {
		n.Actions = actions(notifyAction, highlight)
	}
	heard, err := l.s.Hear(l.r, &e)
	if err != nil {
		return err
	}
	if heard != nil {
		now, err := heard.By(l.user, l.userID)
		if err != nil {
			return err
		}
		if now.Notify && now.Highlight == c.highlight { // the rules are as they were, and say more: sounds
			n.Actions = now.Actions
		}
	}
	n.Read, err = l.s.HasRead(l.r, l.user, &c.Place)
	p.Notifications = append(p.Notifications, n)
	return err
}
