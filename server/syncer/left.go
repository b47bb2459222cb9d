package syncer

import (
	"encoding/json"

	"beffroi/server/clientevent"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// left fills the section of a room that the user left or was banned from: the timeline up to that, and the state as it was when the user
// was last in it. Who was never in it is shown their own membership only; so is who has forgotten the room, on their other devices.
func (s *section) left(steps []step, was, now step, forgotten bool) error {
	if s.initial && (forgotten || !s.q.Filter.Room.IncludeLeave) {
		return nil
	}
	room := &LeftRoom{AccountData: noEvents()}
	s.upto, s.newly = now.pos, s.initial || was.membership != store.Join
	end := lastStay(steps, now.pos)
	var state Events
	var err error
	if end <= s.since || forgotten {
		state = noEvents()
		s.onlyOwn(&now)
	} else {
		state, err = s.stay(end)
	}
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
	s.answer.Rooms.Leave[s.id] = room
	return nil
}

// stay reads the timeline, and the state up to when the user went.
func (s *section) stay(end int64) (Events, error) {
	if err := s.readTimeline(); err != nil {
		return Events{}, err
	}
	s.upto = end
	if err := s.readChanges(); err != nil {
		return Events{}, err
	}
	return s.readState(nil)
}

// onlyOwn makes a timeline of the user's own membership event.
func (s *section) onlyOwn(now *step) {
	before := now.event.Ord - 1
	s.timeline, s.prev = []store.StreamEvent{{Event: now.event, Pos: now.pos}}, &before
}

// lastStay is the position at which the user was last joined no more, 0 where they never were.
func lastStay(steps []step, upto int64) (end int64) {
	for i := 1; i < len(steps) && steps[i].pos <= upto; i++ {
		if steps[i-1].membership == store.Join && steps[i].membership != store.Join {
			end = steps[i].pos
		}
	}
	return end
}

func (s *section) invited(invite *store.Event) error {
	state, err := s.strippedBefore(invite)
	s.answer.Rooms.Invite[s.id] = &InvitedRoom{State: state}
	return err
}

func (s *section) knocked(knock *store.Event) error {
	state, err := s.strippedBefore(knock)
	s.answer.Rooms.Knock[s.id] = &KnockedRoom{State: state}
	return err
}

// strippedBefore gives the stripped state of the room before the user's membership event, its sender's membership, and the event.
func (s *section) strippedBefore(own *store.Event) (Events, error) {
	if own.Status&store.StatusOutlier != 0 {
		return s.strippedElsewhere(own)
	}
	group, err := s.r.StateBefore(own)
	if err != nil {
		return Events{}, err
	}
	var nids []store.NID
	add := func(eventType, stateKey store.Atom) error {
		nid, err := s.r.GroupEntry(group, eventType, stateKey)
		if nid != 0 {
			nids = append(nids, nid)
		}
		return err
	}
	for _, eventType := range rooms.StrippedTypes() {
		if err := add(eventType, store.AtomEmpty); err != nil {
			return Events{}, err
		}
	}
	if own.Sender != s.q.Session.User {
		if err := add(store.AtomMember, own.Sender); err != nil {
			return Events{}, err
		}
	}
	events, err := s.r.EventsByNID(nids)
	return stripped(append(events, *own)), err
}

// strippedElsewhere gives the stripped state as another server told it, and the user's membership event.
func (s *section) strippedElsewhere(own *store.Event) (out Events, err error) {
	told, ok, err := s.r.Stripped(s.ref, s.q.Session.User)
	if err == nil && ok {
		err = json.Unmarshal(told.JSON, &out.Events)
	}
	out.Events = append(out.Events, clientevent.Stripped(own))
	return out, err
}
