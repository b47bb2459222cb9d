package syncer

import (
	"beffroi/server/store"
)

// window is the reading of one room for a connection.
type window struct {
	*section
	l     *slide
	room  *slideRoom
	was   sentRoom
	known bool // the room was sent before
	steps []step
	now   step // the user's membership at the end
}

// room tells what is new in a room; nil: nothing. It notes what the client knows with the answer.
func (l *slide) room(room *slideRoom, cfg *roomConfig) (*SlidingRoom, error) {
	v := &window{section: l.section(room.Room, room.RoomID, room.Pos), l: l, room: room}
	v.was, v.known = l.known(room.Room)
	v.since, v.cfg = v.was.upto, cfg
	still, err := v.standing()
	if err != nil {
		return nil, err
	}
	switch v.now.membership {
	case store.Join:
		v.lastState, v.lastReceipt = room.head.State, room.head.Receipt
		v.newly = !still
		return v.joinedRoom()
	case store.Invite, store.Knock:
		return v.strippedRoom()
	case store.Leave, store.Ban:
		return v.leftRoom()
	}
	return nil, nil // what changed is for the next answer
}

// standing finds the user's membership at the end of the answer. It tells whether the user was in the room all the time since the client was sent it.
func (v *window) standing() (still bool, err error) {
	still = v.known && v.was.membership == store.Join
	if v.room.Membership == store.Join && v.memberPos <= v.upto && (!v.known || v.memberPos <= v.since) {
		v.now.membership = store.Join
		return still, nil
	}
	if v.steps, err = v.ownSteps(); err == nil {
		v.steps, err = v.withoutIgnored(v.steps)
	}
	_, now, between := around(v.steps, v.since, v.upto)
	v.now = now
	return still && joinedIn(between), err
}

// told notes what the client knows with this answer.
func (v *window) told(a *SlidingRoom) *SlidingRoom {
	n := sentRoom{upto: v.l.upto, membership: v.now.membership, limit: v.was.limit, config: v.cfg, direct: v.l.direct[v.id], bump: v.was.bump}
	if a != nil {
		n.bump = max(n.bump, a.bump)
		if v.newly || v.expand || a.limited {
			n.limit = v.cfg.limit
		}
		if (v.newly || v.expand) && !a.limited {
			n.limit = wholeTimeline
		}
	}
	v.l.next.rooms[v.ref] = n
	return a
}

// unchanged tells whether there is nothing to read: nothing happened, and the client asks for no more than before.
func (v *window) unchanged() bool {
	return !v.newly && !v.expand && v.room.head.Last() <= v.since && v.cfg.key == v.was.config.key && v.was.direct == v.l.direct[v.id]
}

func (v *window) joinedRoom() (*SlidingRoom, error) {
	v.expand = !v.newly && v.cfg.limit > v.was.limit
	if v.unchanged() {
		return nil, nil
	}
	a := &SlidingRoom{membership: store.Join, initial: v.newly}
	if err := v.timelineOf(a); err != nil {
		return nil, err
	}
	for _, part := range []func(*SlidingRoom) error{v.stateOf, v.summaryOf, v.bumpOf, v.unreadOf} {
		if err := part(a); err != nil {
			return nil, err
		}
	}
	if direct := v.l.direct[v.id]; direct != (!v.newly && v.was.direct) {
		a.direct = &direct
	}
	v.told(a)
	if !v.newly && len(a.timeline)+len(a.state) == 0 && !a.limited && a.name == nil && a.avatar == nil && a.heroes == nil && a.direct == nil &&
		a.joined == nil && a.unread == nil {
		return nil, nil
	}
	return a, nil
}

// timelineOf reads the timeline and the changes of the state.
func (v *window) timelineOf(a *SlidingRoom) error {
	if err := v.readTimeline(); err != nil {
		return err
	}
	if err := v.readChanges(); err != nil {
		return err
	}
	t, err := v.renderTimeline()
	if err != nil {
		return err
	}
	a.timeline, a.limited, a.prevBatch = t.Events, t.Limited, t.PrevBatch
	a.expanded = v.expand && len(t.Events) > 0
	for _, e := range v.timeline {
		v.l.shown[e.NID] = true
		if v.l.c.base.pos > 0 && e.Pos > v.l.c.base.pos {
			a.live++
		}
	}
	if v.newly {
		v.l.firsts[v.ref] = store.OrdMax
		if len(v.timeline) > 0 {
			v.l.firsts[v.ref] = v.timeline[0].Ord
		}
	}
	return nil
}

// strippedRoom is an invitation or a knock.
func (v *window) strippedRoom() (*SlidingRoom, error) {
	if v.known && v.was.membership == v.now.membership && v.now.pos <= v.since {
		return nil, nil
	}
	state, err := v.strippedBefore(&v.now.event)
	v.newly = true
	return v.told(&SlidingRoom{membership: v.now.membership, initial: true, bump: v.now.pos, stripped: state.Events}), err
}

// leftRoom tells the end: the timeline up to it and the state as the user last saw it. Who was never in it is shown their own membership only.
func (v *window) leftRoom() (*SlidingRoom, error) {
	if v.known && v.was.membership >= store.Leave && v.now.pos <= v.since {
		return nil, nil
	}
	a := &SlidingRoom{membership: v.now.membership, bump: v.now.pos}
	end := lastStay(v.steps, v.now.pos)
	if end <= v.since {
		a.initial, a.stripped = !v.known, stripped([]store.Event{v.now.event}).Events
		return v.told(a), nil
	}
	v.newly = !v.known || v.was.membership != store.Join
	a.initial = v.newly
	upto := v.upto
	v.upto = end
	if err := v.timelineOf(a); err != nil {
		return nil, err
	}
	err := v.stateOf(a)
	v.upto = upto
	return v.told(a), err
}
