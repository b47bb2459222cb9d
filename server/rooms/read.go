package rooms

import (
	"context"
	"slices"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// The most events that one request may make the server look at, and what a page has at most.
const (
	maxPage    = 500
	maxScanned = 5000
)

// Seen is an event with how its reader stands to it.
type Seen struct {
	store.Event
	Membership string // of the reader, at the event
}

// Page is a stretch of a room's timeline, in the order in which it was asked for.
type Page struct {
	Room       store.Room
	Events     []Seen
	Start, End int64 // boundaries, as place tokens have them
	More       bool  // there is more beyond End
	Gap        int64 // of a page backwards: the first event above the highest gap that it reaches; store.OrdMin where it reaches none
}

// PageQuery asks for a stretch of a timeline.
type PageQuery struct {
	From     int64 // boundary: store.OrdMin or store.OrdMax for the ends of the timeline
	To       int64 // boundary where it stops at the latest
	Backward bool
	Limit    int
	Batch    func([]store.Event) error // unless nil: is told what Match is going to be asked of
	Match    func(*store.Event) (bool, error)
}

// Look finds the room and what the user may see of it: M_FORBIDDEN for who was never in it, or forgot it, unless everybody may look into it.
func Look(r *store.Reader, roomID string, user store.Atom) (store.Room, *Viewer, error) {
	room, err := Find(r, roomID)
	if err != nil {
		return room, nil, err
	}
	v, err := View(r, room.Ref, user)
	if err != nil {
		return room, nil, err
	}
	if (v.Forgotten || v.lastJoin == 0) && !v.SeesNow() {
		return room, nil, notIn()
	}
	return room, v, nil
}

// Messages reads a page of what the user may see.
//
// Spec: client-server API, "GET /_matrix/client/v3/rooms/{roomId}/messages".
func Messages(r *store.Reader, room store.Room, v *Viewer, q PageQuery) (*Page, error) {
	p := &Page{Room: room, Start: q.From, End: q.From, More: true, Gap: store.OrdMin}
	limit := min(max(q.Limit, 1), maxPage)
	for scanned := 0; p.More && len(p.Events) < limit && scanned < maxScanned; {
		batch, err := q.next(r, room.Ref, p.End, limit)
		if err != nil {
			return nil, err
		}
		if p.Start == store.OrdMax && len(batch) > 0 {
			p.Start = batch[0].Ord // what comes later lies behind the token
		}
		p.More = len(batch) == limit
		scanned += len(batch)
		if err := p.take(batch, v, q, limit); err != nil {
			return nil, err
		}
	}
	if !q.Backward {
		return p, nil
	}
	return p, p.reach(r, q)
}

// reach finds the highest gap that a page backwards reaches. Where the timeline ends with one there is more, though it is not here.
func (p *Page) reach(r *store.Reader, q PageQuery) error {
	from := q.From
	if from < store.OrdMax {
		from++ // what stands just above the boundary may be where a gap ends
	}
	gap, ok, err := r.GapWithin(p.Room.Ref, max(q.To, p.End), from)
	if err != nil || !ok {
		return err
	}
	p.Gap = gap
	if !p.More && p.End > q.To {
		_, p.More, err = r.GapWithin(p.Room.Ref, p.End, p.End+1)
	}
	return err
}

func (q *PageQuery) next(r *store.Reader, room store.RoomRef, from int64, limit int) ([]store.Event, error) {
	read := r.EventsForward
	if q.Backward {
		read = r.EventsBackward
	}
	batch, err := read(room, from, q.To, limit)
	if err == nil && q.Batch != nil {
		err = q.Batch(batch)
	}
	return batch, err
}

// take adds what the user may see and asked for, and moves the end behind what was looked at.
func (p *Page) take(batch []store.Event, v *Viewer, q PageQuery, limit int) error {
	for i := range batch {
		e := &batch[i]
		if len(p.Events) == limit {
			p.More = true
			return nil
		}
		p.End = e.Ord
		if q.Backward {
			p.End--
		}
		if err := p.show(e, v, q); err != nil {
			return err
		}
	}
	return nil
}

// show adds an event, where the user may see it and asked for it.
func (p *Page) show(e *store.Event, v *Viewer, q PageQuery) error {
	if sees, err := v.SeesEvent(e); err != nil || !sees {
		return err
	}
	if ok, err := q.Match(e); err != nil || !ok {
		return err
	}
	seen, err := v.seen(*e)
	p.Events = append(p.Events, seen)
	return err
}

func (v *Viewer) seen(e store.Event) (Seen, error) {
	membership, err := v.StandingAt(&e)
	return Seen{e, membership}, err
}

// Event reads one event that the user may see: M_NOT_FOUND otherwise, whether it exists or not.
//
// Spec: client-server API, "GET /_matrix/client/v3/rooms/{roomId}/event/{eventId}".
func Event(r *store.Reader, roomID, eventID string, user store.Atom) (store.Room, Seen, *Viewer, error) {
	missing := merr.NotFound("There is no such event, or you may not see it")
	room, ok, err := r.FindRoom(roomID)
	if err != nil || !ok {
		return room, Seen{}, nil, errOr(err, missing)
	}
	v, err := View(r, room.Ref, user)
	if err != nil {
		return room, Seen{}, nil, err
	}
	e, ok, err := r.EventByID(eventID)
	if err != nil || !ok || e.Room != room.Ref || v.Forgotten && !v.SeesNow() {
		return room, Seen{}, nil, errOr(err, missing)
	}
	if sees, err := v.SeesEvent(&e); err != nil || !sees {
		return room, Seen{}, nil, errOr(err, missing)
	}
	seen, err := v.seen(e)
	return room, seen, v, err
}

// State reads a room's state as the user may see it: the current one while joined, else the one when they left.
//
// Spec: client-server API, "GET /_matrix/client/v3/rooms/{roomId}/state".
func State(r *store.Reader, room store.Room, v *Viewer) ([]store.Event, error) {
	if v.current() {
		return r.CurrentEvents(room.Ref)
	}
	left, ok, err := r.Member(room.Ref, v.user)
	if err != nil || !ok {
		return nil, errOr(err, notIn())
	}
	return StateAt(r, left.NID)
}

// StateAt reads the state after an event.
func StateAt(r *store.Reader, nid store.NID) ([]store.Event, error) {
	e, ok, err := r.Event(nid)
	if err != nil || !ok {
		return nil, errOr(err, merr.NotFound("There is no such event"))
	}
	entries, err := r.GroupState(e.State)
	if err != nil {
		return nil, err
	}
	nids := make([]store.NID, len(entries))
	for i, entry := range entries {
		nids[i] = entry.NID
	}
	events, err := r.EventsByNID(nids)
	slices.SortFunc(events, func(a, b store.Event) int { return int(a.NID - b.NID) })
	return events, err
}

// StateEvent reads one event of the state as State does: M_NOT_FOUND where there is none.
//
// Spec: client-server API, "GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}".
func StateEvent(r *store.Reader, room store.Room, v *Viewer, eventType, stateKey string) (e store.Event, err error) {
	missing := merr.NotFound("The room has no such state")
	typeAtom, err := r.FindAtom(eventType)
	if err != nil || typeAtom == 0 {
		return e, errOr(err, missing)
	}
	keyAtom, err := r.FindAtom(stateKey)
	if err != nil || keyAtom == 0 {
		return e, errOr(err, missing)
	}
	nid, err := stateNID(r, room, v, typeAtom, keyAtom)
	if err != nil || nid == 0 {
		return e, errOr(err, missing)
	}
	e, ok, err := r.Event(nid)
	if err == nil && !ok {
		err = missing
	}
	return e, err
}

func stateNID(r *store.Reader, room store.Room, v *Viewer, eventType, stateKey store.Atom) (store.NID, error) {
	if v.current() {
		e, _, err := r.CurrentEvent(room.Ref, eventType, stateKey)
		return e.NID, err
	}
	left, ok, err := r.Member(room.Ref, v.user)
	if err != nil || !ok {
		return 0, err
	}
	e, ok, err := r.Event(left.NID)
	if err != nil || !ok {
		return 0, err
	}
	return r.GroupEntry(e.State, eventType, stateKey)
}

// current tells whether the user sees the room's state as it is now.
func (v *Viewer) current() bool { return v.In() || v.SeesNow() }

// JoinedRooms lists the ids of the rooms that the user is joined to.
func (s *Service) JoinedRooms(ctx context.Context, user store.Atom) ([]string, error) {
	ids := []string{}
	err := s.db.Read(ctx, func(r *store.Reader) error {
		members, err := r.RoomsOf(user)
		for _, m := range members {
			if m.Membership != store.Join {
				continue
			}
			room, _, err := r.Room(m.Room)
			if err != nil {
				return err
			}
			ids = append(ids, room.ID)
		}
		return err
	})
	return ids, err
}
