package syncer

import (
	"slices"

	"beffroi/server/clientevent"
	"beffroi/server/store"
)

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
