package syncer

import (
	"encoding/json"

	"beffroi/server/clientevent"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// section is the reading of one room.
type section struct {
	*look
	ref         store.RoomRef
	id          string
	since, upto int64 // what is read of the room
	newly       bool  // the client knows nothing of the room: it was not joined all the time since
	memberPos   int64 // when the user's membership event changed last

	cfg    *roomConfig // of sliding sync; nil: the request's filter says what is read
	expand bool        // the timeline begins before what the client knows

	news     *store.RoomNews // nil: nothing is known to have changed, or l.news is nil too
	viewer   *rooms.Viewer
	timeline []store.StreamEvent // what is shown, in order
	limited  bool
	prev     *int64 // the boundary before the timeline, nil where nothing was read

	changes     state         // what became of the room's state
	lastState   int64         // position of its last change, always where that is not known
	lastReceipt int64         // position of the last receipt, always where that is not known
	whole       []store.Event // the current state, where all of it is needed; lazy: without memberships; nil: not read
}

// full tells whether the client is given the whole state.
func (s *section) full() bool { return s.newly || s.q.FullState }

// touched tells whether what the client must hear of a stream of the room may have something in it.
func (s *section) touched(what store.Touched) bool {
	return s.newly || s.look.news == nil || s.news != nil && s.news.Touched&what != 0
}

// joined fills the section of a room that the user is in.
func (s *section) joined() error {
	room := newJoinedRoom()
	if err := s.readTimeline(); err != nil {
		return err
	}
	if err := s.readChanges(); err != nil {
		return err
	}
	heroes, err := s.summary(&room.Summary)
	if err != nil {
		return err
	}
	state, err := s.readState(heroes)
	if err != nil {
		return err
	}
	room.State, room.StateAfter = s.stateSections(state)
	if room.Timeline, err = s.renderTimeline(); err != nil {
		return err
	}
	if err := s.roomData(&room.AccountData); err != nil {
		return err
	}
	receipts, err := s.ephemeral(&room.Ephemeral)
	if err != nil {
		return err
	}
	if !s.newly && !receipts && !room.news(len(state.Events) > 0) {
		return nil
	}
	s.answer.Rooms.Join[s.id] = room
	return s.unread(room)
}

// news tells whether the room is worth being named.
func (j *JoinedRoom) news(state bool) bool {
	return state || len(j.Timeline.Events) > 0 || j.Timeline.Limited || len(j.Ephemeral.Events) > 0 || len(j.AccountData.Events) > 0 ||
		j.Summary.Joined != nil
}

// stateSections gives the state the name under which it was asked for.
func (s *section) stateSections(state Events) (before, after *Events) {
	if s.q.StateAfter {
		return nil, &state
	}
	return &state, nil
}

// roomData adds the room's account data: all of it where the client knows nothing of the room.
func (s *section) roomData(to *Events) error {
	f := &s.q.Filter.Room.AccountData
	if !f.MatchRoom(s.id) {
		return nil
	}
	data := s.data[s.ref]
	if s.newly && s.look.since > 0 {
		all, err := s.r.AccountDataSince(s.q.Session.User, 0, s.upto)
		if err != nil {
			return err
		}
		data = all
	}
	for _, d := range data {
		if d.Room != s.ref {
			continue
		}
		if err := s.addData(to, d, f.Match); err != nil {
			return err
		}
	}
	return nil
}

func (l *look) typedIn(room store.RoomRef) bool { return l.sources.Ephemeral.ChangedAt(room) > l.typed }

// ephemeral adds who types and who has read what. It tells whether there were receipts, shown or not: they change the unread counts.
func (s *section) ephemeral(to *Events) (receipts bool, err error) {
	f, e := &s.q.Filter.Room.Ephemeral, s.sources.Ephemeral
	shown := f.MatchRoom(s.id)
	if users := e.Typing(s.ref); shown && s.typedIn(s.ref) && f.Match("m.typing", "") && (len(users) > 0 || !s.newly) {
		if err := to.add("m.typing", map[string][]string{"user_ids": users}); err != nil {
			return false, err
		}
	}
	if !s.touched(store.TouchedReceipts) || s.lastReceipt <= s.readFrom() {
		return false, nil
	}
	content, err := e.Receipts(s.r, s.ref, s.q.Session.User, s.readFrom(), s.upto)
	if err != nil || content == nil {
		return false, err
	}
	if shown && f.Match("m.receipt", "") {
		err = to.add("m.receipt", content)
	}
	return true, err
}

// readFrom is the position after which the client must hear of everything in the room.
func (s *section) readFrom() int64 {
	if s.newly {
		return 0
	}
	return s.since
}

func (s *section) unread(room *JoinedRoom) error {
	threads := s.q.Filter.Room.Timeline.UnreadThreadNotifications
	counts, known := s.counts[s.ref]
	if !known {
		var err error
		if counts, err = s.sources.Push.Unread(s.r, s.ref, s.q.Session.User, s.look.upto, threads); err != nil {
			return err
		}
	}
	room.Unread, room.UnreadThreads = &counts.Room, counts.Threads
	return nil
}

// render turns state events into the client format, after the filter.
func (s *section) renderState(events []store.Event) (Events, error) {
	out := noEvents()
	f := &s.q.Filter.Room.State
	shown := events[:0]
	for _, e := range events {
		ok, err := s.passes(f, &e)
		if err != nil {
			return out, err
		}
		if ok {
			shown = append(shown, e)
		}
	}
	around, err := clientevent.Load(s.r, shown, false)
	view := s.view(around)
	for i := range shown {
		out.Events = append(out.Events, view.Render(&shown[i], clientevent.Standing{}))
	}
	return out, err
}

// stripped renders stripped state.
func stripped(events []store.Event) Events {
	out := Events{Events: make([]json.RawMessage, 0, len(events))}
	for i := range events {
		out.Events = append(out.Events, clientevent.Stripped(&events[i]))
	}
	return out
}
