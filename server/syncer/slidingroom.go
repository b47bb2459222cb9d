package syncer

import (
	"cmp"
	"encoding/json"
	"slices"

	"beffroi/server/clientevent"
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

// stateOf gives what is required of the state, at its end: all of it where the room begins, what changed, and what is asked for now and was not before.
//
// Source: MSC4186, "RequiredStateRequest".
func (v *window) stateOf(a *SlidingRoom) error {
	wanted := map[entry]store.NID{}
	if v.newly || v.cfg.key != v.was.config.key {
		if err := v.standingState(wanted); err != nil {
			return err
		}
	}
	gone, err := v.changedRequired(wanted)
	if err != nil {
		return err
	}
	if v.cfg.lazy {
		if err := v.lazyMembers(wanted); err != nil {
			return err
		}
	}
	events, err := v.eventsOf(wanted)
	if err != nil {
		return err
	}
	slices.SortFunc(events, func(a, b store.Event) int { return cmp.Compare(a.NID, b.NID) })
	state, err := v.renderState(events)
	a.state = append(state.Events, gone...)
	return err
}

// standingState wants what stands of the state.
func (v *window) standingState(wanted map[entry]store.NID) error {
	if err := v.readWhole(); err != nil {
		return err
	}
	members, err := v.requiredMembers()
	if err != nil {
		return err
	}
	for _, e := range v.whole {
		members = append(members, store.StateEntry{Type: e.Type, StateKey: e.StateKey, NID: e.NID})
	}
	for _, e := range members {
		k := entry{e.Type, e.StateKey}
		nid := v.changes.at(k, e.NID)
		now, before, err := v.required(k)
		if err != nil {
			return err
		}
		if nid != 0 && now && (v.newly || !before) {
			wanted[k] = nid
		}
	}
	return nil
}

// requiredMembers reads the memberships that are asked for: all of them, or those of who is named.
func (v *window) requiredMembers() ([]store.StateEntry, error) {
	if v.cfg.all {
		return v.r.CurrentOfType(v.ref, store.AtomMember)
	}
	var users []store.Atom
	for _, id := range v.cfg.members(v.l.q.Session.UserID) {
		user, err := v.r.FindAtom(id)
		if err != nil {
			return nil, err
		}
		if user != 0 {
			users = append(users, user)
		}
	}
	return v.r.CurrentMembers(v.ref, users)
}

// required tells whether an entry is asked for, and whether it was before.
func (v *window) required(k entry) (now, before bool, err error) {
	texts, err := v.texts([]store.Atom{k.eventType, k.stateKey})
	if err != nil {
		return false, false, err
	}
	me := v.l.q.Session.UserID
	return v.cfg.wants(texts[0], texts[1], me), v.known && v.was.config.wants(texts[0], texts[1], me), nil
}

// changedRequired wants what changed, and gives the stubs of what was removed. Lazily loading clients hear of every membership unless there is a gap.
func (v *window) changedRequired(wanted map[entry]store.NID) (gone []json.RawMessage, err error) {
	if v.newly {
		return nil, nil
	}
	for k, changes := range v.changes.window {
		now, _, err := v.required(k)
		if err != nil {
			return nil, err
		}
		nid := changes[len(changes)-1].New
		if !now && (!v.cfg.lazy || v.limited || k.eventType != store.AtomMember) || nid == changes[0].Old {
			continue
		}
		if nid != 0 {
			wanted[k] = nid
			continue
		}
		texts, err := v.texts([]store.Atom{k.eventType, k.stateKey})
		if err != nil {
			return nil, err
		}
		stub, _ := json.Marshal(map[string]string{"type": texts[0], "state_key": texts[1]}) // texts
		gone = append(gone, stub)
	}
	return gone, nil
}

// lazyMembers wants the memberships of who is seen in the timeline, where the client does not have them.
//
// Source: MSC4186, "Lazy loaded memberships".
func (v *window) lazyMembers(wanted map[entry]store.NID) error {
	var users []store.Atom
	for _, e := range v.timeline {
		users = append(users, e.Sender)
		if e.Type == store.AtomMember {
			users = append(users, e.StateKey)
		}
	}
	slices.Sort(users)
	if v.newly || v.limited {
		v.device.forgetRoom(v.ref) // the client forgets them at a gap
	}
	members, err := v.r.CurrentMembers(v.ref, slices.Compact(users))
	for _, m := range members {
		k, key := entry{m.Type, m.StateKey}, memberKey{v.ref, m.StateKey}
		nid := v.changes.at(k, m.NID)
		if nid != 0 && !v.device.knows(key, nid, v.look.since) {
			wanted[k] = nid
		}
		v.members[key] = nid
	}
	return err
}

// summaryOf gives name, avatar, counts and heroes where they are new.
func (v *window) summaryOf(a *SlidingRoom) error {
	var err error
	if a.name, err = v.newText(store.AtomName, "name"); err != nil {
		return err
	}
	if a.avatar, err = v.newText(store.AtomAvatar, "url"); err != nil {
		return err
	}
	if !v.newly && !v.changes.members() && a.name == nil {
		return nil
	}
	joined, invited, err := v.r.MemberCounts(v.ref)
	if err != nil {
		return err
	}
	a.joined, a.invited = &joined, &invited
	name, _, err := v.current(store.AtomName)
	if err != nil || clientevent.ContentText(&name, "name") != "" {
		return err
	}
	a.heroes, err = v.heroes()
	return err
}

// newText gives a text of the state where it is another than the client knows.
func (v *window) newText(eventType store.Atom, field string) (*change, error) {
	if v.newly {
		e, ok, err := v.current(eventType)
		if text := clientevent.ContentText(&e, field); ok && text != "" {
			return &change{text}, err
		}
		return nil, err
	}
	changes := v.changes.window[entry{eventType, store.AtomEmpty}]
	if len(changes) == 0 {
		return nil, nil
	}
	e, ok, err := v.r.Event(changes[len(changes)-1].New)
	if !ok {
		return &change{}, err
	}
	return &change{clientevent.ContentText(&e, field)}, err
}

func (v *window) heroes() ([]hero, error) {
	users, err := v.r.Heroes(v.ref, v.l.q.Session.User, true)
	if err == nil && len(users) == 0 {
		users, err = v.r.Heroes(v.ref, v.l.q.Session.User, false)
	}
	if err != nil {
		return nil, err
	}
	members, err := v.r.CurrentMembers(v.ref, users)
	if err != nil {
		return nil, err
	}
	nids := make([]store.NID, 0, len(members))
	for _, m := range members {
		nids = append(nids, m.NID)
	}
	events, err := v.r.EventsByNID(nids)
	heroes := make([]hero, 0, len(events))
	for _, user := range users {
		i := slices.IndexFunc(events, func(e store.Event) bool { return e.StateKey == user })
		if i < 0 {
			continue
		}
		id, err := v.r.Text(user)
		if err != nil {
			return nil, err
		}
		heroes = append(heroes, hero{id, clientevent.ContentText(&events[i], "displayname"), clientevent.ContentText(&events[i], "avatar_url")})
	}
	return heroes, err
}

// bumps tells the events that count as activity. Source: MSC4186, "bump_stamp".
func bumps(eventType string) bool {
	switch eventType {
	case "m.room.create", "m.room.message", "m.room.encrypted", "m.sticker", "m.call.invite", "m.poll.start", "m.beacon_info",
		"org.matrix.msc3381.poll.start", "org.matrix.msc3672.beacon_info":
		return true
	}
	return false
}

// bumpOf gives the position of the last activity where there is some since.
func (v *window) bumpOf(a *SlidingRoom) error {
	if v.room.head.Timeline <= v.was.bump {
		return nil
	}
	from := v.since
	if v.newly {
		from = 0
	}
	last, _, err := v.r.PlacesDown(v.ref, from, v.upto, maxBumps)
	if err != nil {
		return err
	}
	for _, e := range last {
		eventType, err := v.r.Text(e.Type)
		if err != nil {
			return err
		}
		if bumps(eventType) {
			a.bump = e.Pos
			return nil
		}
	}
	if v.newly {
		a.bump = max(v.memberPos, 1)
	}
	return nil
}

const maxBumps = 500 // events among which activity is looked for

// unreadOf counts where something may have changed for the user: events, or receipts of their own.
func (v *window) unreadOf(a *SlidingRoom) error {
	if !v.newly && len(v.timeline) == 0 && !v.limited {
		receipts, err := v.r.ReceiptsIn(v.ref, v.since, v.upto)
		if err != nil || !slices.ContainsFunc(receipts, func(c store.Receipt) bool { return c.User == v.l.q.Session.User }) {
			return err
		}
	}
	counts, err := v.sources.Push.Unread(v.r, v.ref, v.l.q.Session.User, v.l.upto, false)
	a.unread = &counts.Room
	return err
}
