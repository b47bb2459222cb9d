package rooms

import (
	"fmt"
	"sync"
	"sync/atomic"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// live is a room in memory: what is needed to make and judge its next event. Its fields are of the pending head: what
// was queued, not yet what is durable.
type live struct {
	store.Room
	rules pdu.Rules

	mu      sync.Mutex
	state   auth.Map              // the current state that authorisation looks at
	joined  map[string]store.Atom // who is joined, to be woken
	crowd   *crowd                // stands for joined as it is
	prev    string                // the forward extremity; "" in a room without events
	depth   int64
	head    *mark // of the last write that was queued
	last    *store.Pending
	pending map[txnKey]*write // writes with a transaction id, until they are settled
	dead    atomic.Bool       // a write failed: this copy is not to be used any more
	used    int64             // for the cache: when it was last used, in uses
}

// mark is where a write leaves the room. Only the writer's functions touch it.
type mark struct {
	applied    bool // in the database, or in the transaction that is under way
	ord        int64
	gap        int64 // how far the next event stands off the last one beyond the usual 1
	group      int64
	notify     int64
	notifyMain int64
	modes      *store.ModeMemory
}

type txnKey struct {
	device       int64
	scope, txnID string
}

// relevant tells whether authorisation looks at state events of a type.
func relevant(eventType string) bool {
	switch eventType {
	case "m.room.create", "m.room.member", "m.room.power_levels", "m.room.join_rules", "m.room.third_party_invite":
		return true
	}
	return false
}

// apply moves the pending head over an event of actor.
func (l *live) apply(e *pdu.Event, actor User) {
	l.prev, l.depth = e.ID(), e.Depth()
	key, isState := e.StateKey()
	if !isState || !relevant(e.Type()) {
		return
	}
	l.state.Put(e)
	if e.Type() != "m.room.member" {
		return
	}
	_, was := l.joined[key]
	is := auth.Membership(e) == "join"
	if was != is {
		l.crowd = new(crowd)
	}
	if is {
		l.joined[key] = actor.Atom // nobody joins another
	} else {
		delete(l.joined, key)
	}
}

// listeners are the users to wake for an event: who is joined. The one whom a membership event is about is added when it is stored.
func (l *live) listeners() []int64 {
	topics := make([]int64, 0, len(l.joined)+2)
	for _, user := range l.joined {
		topics = append(topics, int64(user))
	}
	return topics
}

// levels are the power levels in force.
func (l *live) levels() auth.PowerLevels {
	return auth.NewPowerLevels(l.state.Event("m.room.create", ""), l.state.Event("m.room.power_levels", ""))
}

// load reads a room's head from the database.
func (l *live) load(r *store.Reader) (err error) {
	var ok bool
	if l.Room, ok, err = r.FindRoom(l.ID); err != nil || !ok {
		return errOr(err, notIn())
	}
	if l.rules, ok = pdu.RulesFor(l.Version); !ok {
		return fmt.Errorf("room %s has version %q, which is not known", l.ID, l.Version)
	}
	if err := l.loadHead(r); err != nil {
		return err
	}
	for _, t := range []store.Atom{store.AtomCreate, store.AtomMember, store.AtomPowerLevels, store.AtomJoinRules, store.AtomThirdPartyInvite} {
		if err := l.loadState(r, t); err != nil {
			return err
		}
	}
	return nil
}

func (l *live) loadHead(r *store.Reader) error {
	place, ok, err := r.LastPlace(l.Ref)
	if err != nil || !ok {
		return errOr(err, fmt.Errorf("room %s has no timeline", l.ID))
	}
	e, ok, err := r.Event(place.NID)
	if err != nil || !ok {
		return errOr(err, fmt.Errorf("room %s: event %d is missing", l.ID, place.NID))
	}
	last, err := pdu.FromStore(l.rules, e.ID, e.JSON)
	if err != nil {
		return err
	}
	l.prev, l.depth = last.ID(), last.Depth()
	l.head = &mark{applied: true, ord: place.Ord, group: e.State, notify: place.Notify, notifyMain: place.NotifyMain}
	restores, err := r.Restores(l.Ref)
	l.head.gap = restores * gapSize
	return err
}

// gapSize is the room that a timeline leaves for events that a restore lost. ARCHITECTURE.md, "Positions and places".
const gapSize = 1 << 32

func (l *live) loadState(r *store.Reader, eventType store.Atom) error {
	events, err := r.CurrentEventsOfType(l.Ref, eventType)
	if err != nil {
		return err
	}
	for _, row := range events {
		e, err := pdu.FromStore(l.rules, row.ID, row.JSON)
		if err != nil {
			return err
		}
		l.state.Put(e)
		if eventType == store.AtomMember && auth.Membership(e) == "join" {
			user, err := r.Text(row.StateKey)
			if err != nil {
				return err
			}
			l.joined[user] = row.StateKey
		}
	}
	return nil
}

// errOr is err, or what its absence means.
func errOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
