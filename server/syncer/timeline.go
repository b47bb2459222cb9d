package syncer

import (
	"encoding/json"
	"slices"

	"beffroi/server/clientevent"
	"beffroi/server/eventfilter"
	"beffroi/server/relations"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

const (
	standardTimeline = 20   // events, where the filter names no number
	maxScanned       = 2000 // events that are read to find those that a filter lets through
	gapSize          = 1 << 31
)

// readTimeline finds the last events with since < position ≤ upto that pass the filter and that the user may see. Where it stops before
// since, the timeline is limited.
func (s *section) readTimeline() error {
	f := &s.q.Filter.Room.Timeline
	s.limited = s.newly && !s.initial // Spec: state and timeline of a room newly joined replace what the client knew
	if !f.MatchRoom(s.id) {
		return nil
	}
	limit, below := f.Limited(standardTimeline), store.OrdMax
	if s.cfg != nil {
		limit = s.cfg.limit
	}
	for scanned := 0; ; {
		chunk, end, err := s.timelineDown(below, limit+1-len(s.timeline))
		if err != nil {
			return err
		}
		full, err := s.take(f, chunk, &below, limit)
		if err != nil {
			return err
		}
		scanned += len(chunk)
		s.limited = s.limited || full || !end && scanned >= maxScanned
		if full || end || scanned >= maxScanned {
			break
		}
	}
	slices.Reverse(s.timeline)
	return nil
}

// timelineDown reads on from a place, from memory where the room's last events are there.
func (s *section) timelineDown(below int64, limit int) ([]store.StreamEvent, bool, error) {
	switch {
	case s.look.news == nil || s.newly:
	case s.news == nil:
		return nil, true, nil
	default:
		if events, end, ok := s.news.Timeline(below, s.since, s.upto, limit); ok {
			return events, end, nil
		}
	}
	from := s.readFrom()
	if s.expand {
		from = 0
	}
	return s.r.TimelineDown(s.ref, below, from, s.upto, limit)
}

// take adds what may be shown of a chunk, the latest first, until there are limit events or a gap. It tells whether it stopped there. What the
// user may not see is a gap too: a change of the state that is hidden in the middle of a timeline could not be told.
func (s *section) take(f *eventfilter.RoomEvents, chunk []store.StreamEvent, below *int64, limit int) (full bool, err error) {
	related, err := s.related(f, chunk)
	if err != nil {
		return false, err
	}
	for _, e := range chunk {
		if *below != store.OrdMax && *below-e.Ord > gapSize {
			return true, nil
		}
		sees, err := s.sees(&e)
		if err != nil {
			return false, err
		}
		shown, err := s.shows(f, &e.Event)
		if err != nil {
			return false, err
		}
		shown = shown && sees && (related == nil || related[e.NID])
		if shown && len(s.timeline) == limit || !sees && len(s.timeline) > 0 {
			return true, nil
		}
		*below = e.Ord
		if shown {
			s.timeline = append(s.timeline, e)
		}
		if before := e.Ord - 1; shown || s.prev == nil {
			s.prev = &before
		}
	}
	return false, nil
}

// sees asks rooms, unless the user was simply joined all the time. One's own membership is always shown: how else would one hear
// of a rejected invitation or a ban.
func (s *section) sees(e *store.StreamEvent) (bool, error) {
	if s.joinedAt(e) || s.own(&e.Event) {
		return true, nil
	}
	v, err := s.asViewer()
	if err != nil {
		return false, err
	}
	return v.SeesEvent(&e.Event)
}

// joinedAt tells whether the user was simply joined at an event, as its own state says too, and nothing else hides it.
func (s *section) joinedAt(e *store.StreamEvent) bool {
	return e.Pos > s.memberPos && e.Status&(store.StatusAside|store.StatusExpired) == 0
}

func (s *section) own(e *store.Event) bool {
	return e.Type == store.AtomMember && e.StateKey == s.q.Session.User
}

// shows tells whether an event that the user may see is to be shown: it passes the filter, and is no message of somebody ignored.
func (s *section) shows(f *eventfilter.RoomEvents, e *store.Event) (bool, error) {
	if e.StateKey == 0 {
		if ignored, err := s.ignores(e.Sender); err != nil || ignored {
			return false, err
		}
	}
	return s.passes(f, e)
}

// passes tells whether an event passes a filter.
func (s *section) passes(f *eventfilter.RoomEvents, e *store.Event) (bool, error) {
	if f.All() {
		return true, nil
	}
	eventType, err := s.r.Text(e.Type)
	if err != nil {
		return false, err
	}
	sender, err := s.r.Text(e.Sender)
	return f.MatchRoom(s.id) && f.Match(eventType, sender) && f.MatchContent(clientevent.Content(e)), err
}

// asViewer asks rooms what the user may see, once.
func (s *section) asViewer() (v *rooms.Viewer, err error) {
	if s.viewer == nil {
		s.viewer, err = rooms.View(s.r, s.ref, s.q.Session.User)
	}
	return s.viewer, err
}

// renderTimeline turns the timeline into the client format.
func (s *section) renderTimeline() (Timeline, error) {
	t := Timeline{Events: make([]json.RawMessage, 0, len(s.timeline)), Limited: s.limited, PrevBatch: s.prevBatch()}
	events := make([]store.Event, 0, len(s.timeline))
	for _, e := range s.timeline {
		events = append(events, e.Event)
	}
	around, err := clientevent.Load(s.r, events, true)
	if err != nil {
		return t, err
	}
	view := s.view(around)
	if view.Relations, err = s.aggregated(events); err != nil {
		return t, err
	}
	for i := range s.timeline {
		standing, err := s.standing(&s.timeline[i])
		if err != nil {
			return t, err
		}
		t.Events = append(t.Events, view.Render(&s.timeline[i].Event, standing))
	}
	return t, nil
}

// aggregated tells what relates to the events of a limited timeline, in which the relating events may be missing.
//
// Spec: client-server API, "Aggregations of child events".
func (s *section) aggregated(events []store.Event) (clientevent.Relations, error) {
	if !s.limited {
		return nil, nil
	}
	return s.lens().Bundles(events)
}

// related tells which events of a chunk pass a filter of what relates to them, nil where the filter has none.
func (s *section) related(f *eventfilter.RoomEvents, chunk []store.StreamEvent) (map[store.NID]bool, error) {
	if !f.Related() {
		return nil, nil
	}
	events := make([]store.Event, len(chunk))
	for i := range chunk {
		events[i] = chunk[i].Event
	}
	return s.lens().Filtered(f, events)
}

func (s *section) lens() *relations.Lens {
	return &relations.Lens{Reader: s.r, Room: store.Room{Ref: s.ref, ID: s.id}, User: s.q.Session.User, Upto: store.NID(s.upto),
		Viewer: s.asViewer, View: *s.view(nil)}
}

// standing is how the user stood to an event of the timeline. Who was in the room saw the state that it replaced.
func (s *section) standing(e *store.StreamEvent) (clientevent.Standing, error) {
	if s.joinedAt(e) {
		return clientevent.Standing{Membership: store.Join.String()}, nil
	}
	v, err := s.asViewer()
	if err != nil {
		return clientevent.Standing{}, err
	}
	hidden := !s.own(&e.Event) && v.MembershipAt(e.Pos-1) != store.Join.String()
	membership, err := v.StandingAt(&e.Event)
	return clientevent.Standing{Membership: membership, HidePrevContent: hidden}, err
}

// prevBatch is where /messages continues backwards: before the first event, or, where there is none, where the client stands already.
func (s *section) prevBatch() string {
	if s.prev == nil {
		return s.token.String()
	}
	return synctoken.Place{Epoch: s.epoch, Ord: *s.prev}.String()
}
