package syncer

import (
	"cmp"
	"encoding/json"
	"slices"

	"beffroi/server/store"
)

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
