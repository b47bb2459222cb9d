package ephemeral

import (
	"context"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// The receipt types. Spec: client-server API, "Receipts" and "Fully read markers".
const (
	Read        = "m.read"
	ReadPrivate = "m.read.private"
	FullyRead   = "m.fully_read"
)

// Marker says that a user has read up to an event. Thread is nil (unthreaded), "main" or the event id of a thread's root.
type Marker struct {
	Type    string
	EventID string
	Thread  *string
}

// check refuses what is wrong whatever the room holds.
func (m Marker) check() error {
	switch {
	case m.Type != Read && m.Type != ReadPrivate && m.Type != FullyRead:
		return merr.InvalidParam("The receipt type is none of m.read, m.read.private, m.fully_read")
	case m.Thread != nil && *m.Thread == "":
		return merr.InvalidParam("thread_id is empty")
	case m.Thread != nil && m.Type == FullyRead:
		return merr.InvalidParam("m.fully_read has no thread_id")
	}
	return nil
}

// Mark moves the user's receipts and markers in a room they are in. None moves backwards; that is no error.
// 403 M_FORBIDDEN outside the room, 404 M_NOT_FOUND for an event that is not in its timeline, 400 M_INVALID_PARAM for a thread that the
// event is not in.
func (s *Service) Mark(ctx context.Context, roomID string, user store.Atom, markers ...Marker) error {
	for _, m := range markers {
		if err := m.check(); err != nil {
			return err
		}
	}
	var room store.RoomRef
	places := make([]store.Place, len(markers))
	err := s.db.Read(ctx, func(r *store.Reader) (err error) {
		if room, err = joinedRoom(r, roomID, user); err != nil {
			return err
		}
		for i, m := range markers {
			if places[i], err = m.place(r, room); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	public, err := s.move(ctx, room, user, markers, places)
	if err == nil && public {
		err = s.wakeRoom(context.WithoutCancel(ctx), room) // it is stored: others hear of it, whether the client still listens or not
	}
	return err
}

// place finds the marker's event, and holds it against the marker's thread.
func (m Marker) place(r *store.Reader, room store.RoomRef) (store.Place, error) {
	p, found, err := r.PlaceOf(room, m.EventID)
	if err != nil {
		return p, err
	}
	if !found {
		return p, merr.NotFound("There is no such event in this room")
	}
	if m.Thread == nil {
		return p, nil
	}
	within, err := inThread(r, room, p, *m.Thread)
	if err == nil && !within {
		err = merr.InvalidParam("The event is not in the thread that thread_id names")
	}
	return p, err
}

// inThread tells whether a receipt at an event can be in a thread. What relates to a root otherwise belongs to the main timeline, and
// so does the root itself; clients that show them in the thread mark them there too.
//
// Spec: client-server API, "Threaded read receipts", and POST receipt, "The event_id is not related to the thread_id".
func inThread(r *store.Reader, room store.RoomRef, p store.Place, thread string) (bool, error) {
	if thread == store.MainThread {
		return p.Thread == 0, nil
	}
	root, found, err := r.PlaceOf(room, thread)
	if err != nil || !found || p.Thread == root.NID {
		return found, err
	}
	near, err := related(r, p.NID, thread)
	if err != nil || !near {
		return false, err
	}
	_, isRoot, err := r.LastInThread(room, root.NID) // else each event of the room could have a receipt of its own
	return isRoot, err
}

// maxHops is how many relations are followed. Spec: client-server API, "Threaded read receipts".
const maxHops = 3

// related tells whether an event is the one with the id of root, or relates to it directly or through others.
func related(r *store.Reader, event store.NID, root string) (bool, error) {
	e, ok, err := r.Event(event)
	for hop := 0; err == nil && ok && e.ID != root && hop < maxHops; hop++ {
		id, _ := pdu.StoredObject(e.JSON).Object("content").Object("m.relates_to").Text("event_id")
		e, ok, err = r.EventByID(id)
	}
	return ok && e.ID == root, err
}

// move stores the markers in one write. It tells whether anything moved that others may see; the user is woken by it anyway.
func (s *Service) move(ctx context.Context, room store.RoomRef, user store.Atom, markers []Marker, places []store.Place) (public bool, err error) {
	ts := store.Millis(s.now())
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		anything, shown := false, false
		for i, m := range markers {
			moved, err := m.move(tx, room, user, places[i], ts)
			if err != nil {
				return err
			}
			anything = anything || moved
			shown = shown || moved && m.Type == Read
		}
		if shown {
			if err := tx.SendReceipts(room, user); err != nil {
				return err
			}
		}
		public = shown
		if anything {
			tx.OnCommit(func() { s.hub.Wake(int64(user)) })
		}
		return nil
	})
	return public, err
}

func (m Marker) move(tx *store.Tx, room store.RoomRef, user store.Atom, p store.Place, ts int64) (bool, error) {
	if m.Type == FullyRead {
		return tx.MoveFullyRead(user, room, m.EventID, p.Ord)
	}
	c := store.Receipt{User: user, Type: store.AtomReceiptRead, EventID: m.EventID, Ord: p.Ord, TS: ts}
	if m.Type == ReadPrivate {
		c.Type = store.AtomReceiptReadPrivate
	}
	if m.Thread != nil {
		c.Thread = *m.Thread
	}
	return tx.MoveReceipt(room, c)
}

// Content is the content of m.receipt: event id -> receipt type -> user id -> what is known of it.
type Content map[string]map[string]map[string]Seen

// Seen is one receipt in Content.
type Seen struct {
	TS       int64  `json:"ts"`
	ThreadID string `json:"thread_id,omitempty"`
}

// Receipts gives the receipts of a room with since < position ≤ upto as the content of m.receipt for one reader, without other people's
// private ones; nil where there are none.
func (s *Service) Receipts(r *store.Reader, room store.RoomRef, reader store.Atom, since, upto int64) (any, error) {
	return s.ReceiptsFrom(r, room, reader, since, upto, store.OrdMin)
}

// ReceiptsFrom is Receipts for the events from a place on, and the reader's own.
func (s *Service) ReceiptsFrom(r *store.Reader, room store.RoomRef, reader store.Atom, since, upto, from int64) (any, error) {
	return s.ReceiptsThat(r, room, since, upto, func(c store.Receipt) (bool, error) {
		return c.User == reader || c.Ord >= from && c.Type != store.AtomReceiptReadPrivate, nil
	})
}

// ReceiptsThat is Receipts for those that somebody wants, private ones included.
func (s *Service) ReceiptsThat(r *store.Reader, room store.RoomRef, since, upto int64, wanted func(store.Receipt) (bool, error)) (any, error) {
	receipts, err := r.ReceiptsIn(room, since, upto)
	if err != nil {
		return nil, err
	}
	content := Content{}
	for _, c := range receipts {
		ok, err := wanted(c)
		if err == nil && ok {
			err = content.add(r, c)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(content) == 0 {
		return nil, nil
	}
	return content, nil
}

// add puts in a receipt. Of two of one user at one event the unthreaded one stands (MSC4102).
func (content Content) add(r *store.Reader, c store.Receipt) error {
	kind, err := r.Text(c.Type)
	if err != nil {
		return err
	}
	user, err := r.Text(c.User)
	if err != nil {
		return err
	}
	if content[c.EventID] == nil {
		content[c.EventID] = map[string]map[string]Seen{}
	}
	users := content[c.EventID][kind]
	if users == nil {
		users = map[string]Seen{}
		content[c.EventID][kind] = users
	}
	if _, known := users[user]; !known || c.Thread == "" {
		users[user] = Seen{TS: c.TS, ThreadID: c.Thread}
	}
	return nil
}
