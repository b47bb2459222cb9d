package rooms

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// live is a room in memory: what is needed to make and judge its next event. Its fields are of the pending head: what
// was queued, not yet what is durable.
type live struct {
	store.Room
	rules  pdu.Rules
	server string // this server's name
	db     *store.DB
	all    *atomic.Int64 // what all rooms in memory weigh

	mu       sync.Mutex
	held     auth.Map              // of the current state: all that is relevant, and of the members those that know was asked for; nil where there is none
	joined   map[string]store.Atom // which users of this server are joined, to be woken
	crowd    *crowd                // stands for joined as it is
	tips     []tip                 // the forward extremities: more than one where the room is forked, none where it has no events
	depth    int64                 // the greatest of theirs
	head     *mark                 // of the last write that was queued
	forkedOf []int64               // while the room is forked: the state groups that the current state is the resolution of; nil: not known
	last     *store.Pending
	grafted  *store.Pending    // the last write of an event that did not simply follow the head
	pending  map[txnKey]*write // writes with a transaction id, until they are settled
	dead     atomic.Bool       // a write failed, or nobody used it: this copy is not to be used any more
	weight   atomic.Int64      // in bytes, about
	used     time.Time         // for the cache, which guards it: when it was last used
}

// tip is a forward extremity. Its reference hash is needed in room versions 1 and 2.
type tip struct {
	id   string
	hash pdu.Hash
}

func (l *live) tipOf(e *pdu.Event) tip {
	if l.rules.Format != pdu.EventFormatV1 {
		return tip{id: e.ID()}
	}
	return tip{e.ID(), e.ReferenceHash()}
}

// What a room, an event of its state and a joined user weigh in memory beyond their own bytes, about.
const (
	roomWeight  = 2048
	eventWeight = 768
	userWeight  = 96
)

func (c *cache) newLive(roomID string) *live {
	l := &live{Room: store.Room{ID: roomID}, server: c.server, db: c.db, all: &c.weight, held: auth.Map{}, joined: map[string]store.Atom{}, crowd: new(crowd),
		pending: map[txnKey]*write{}}
	l.grow(roomWeight)
	return l
}

func (l *live) grow(bytes int) {
	l.weight.Add(int64(bytes))
	l.all.Add(int64(bytes))
}

// mark is where a write leaves the room. Only the writer's functions touch it.
type mark struct {
	applied    bool // in the database, or in the transaction that is under way
	ord        int64
	gap        int64 // how far the next event stands off the last one beyond the usual 1
	group      int64
	notify     int64
	notifyMain int64
	forked     bool // the forward extremities are more or others than the last event
	modes      *store.ModeMemory
}

type txnKey struct {
	device       int64
	scope, txnID string
}

// relevant are the entries of the state that are always held: those that authorisation looks at, which servers take part, and which one recommends events.
func relevant() []auth.Key {
	return []auth.Key{createKey(), {Type: "m.room.power_levels"}, {Type: "m.room.join_rules"}, {Type: "m.room.server_acl"}, {Type: "m.room.policy"}}
}

// oneOfMany tells whether an entry is of a type that authorisation looks at too, but at few of many: who acts or is acted upon.
func oneOfMany(key auth.Key) bool {
	return key.Type == "m.room.member" || key.Type == "m.room.third_party_invite"
}

// apply moves the pending head over an event of actor.
func (l *live) apply(e *pdu.Event, actor User) {
	l.tips, l.depth, l.forkedOf = []tip{l.tipOf(e)}, e.Depth(), nil
	key, isState := e.StateKey()
	entry := auth.Key{Type: e.Type(), StateKey: key}
	switch {
	case isState && e.Type() == "m.room.member":
		l.hold(e)
		l.moved(e, key, actor.Atom) // nobody joins another
	case isState && (oneOfMany(entry) || slices.Contains(relevant(), entry)):
		l.hold(e)
	}
}

// moved notes who is joined after an event about a user of this server.
func (l *live) moved(e *pdu.Event, userID string, user store.Atom) {
	_, in := l.joined[userID]
	switch joins := auth.Membership(e) == "join"; {
	case joins && !in && pdu.ServerOf(userID) == l.server:
		l.joined[userID], l.crowd = user, new(crowd)
		l.grow(userWeight + len(userID))
	case !joins && in:
		delete(l.joined, userID)
		l.crowd = new(crowd)
		l.grow(-userWeight - len(userID))
	}
}

// hold sets an event of the state.
func (l *live) hold(e *pdu.Event) {
	key, _ := e.StateKey()
	if old := l.held.Event(e.Type(), key); old != nil {
		l.grow(-eventWeight - len(old.JSON()))
	}
	l.held.Put(e)
	l.grow(eventWeight + len(e.JSON()))
}

// know reads those that are one of many among entries of the state that are not held yet. Until then the state lacks them.
//
// What is queued was held before it was queued, or is of a graft, which is waited for: so the database is right about whatever is not held.
func (l *live) know(ctx context.Context, keys ...auth.Key) error {
	unknown := slices.DeleteFunc(slices.Clone(keys), func(key auth.Key) bool {
		_, known := l.held[key]
		return known || !oneOfMany(key)
	})
	if len(unknown) == 0 || l.Ref == 0 {
		return nil
	}
	if l.grafting() {
		_ = l.grafted.Wait() // where it failed, so will what is built on it
	}
	return l.db.Peek(ctx, func(r *store.Reader) error {
		for _, key := range unknown {
			if err := l.read(r, key); err != nil {
				return err
			}
		}
		return nil
	})
}

// read holds an entry of the current state, also that it has none.
func (l *live) read(r *store.Reader, key auth.Key) error {
	row, ok, err := current(r, l.Ref, key)
	if err != nil {
		return err
	}
	if !ok {
		l.held[key] = nil
		l.grow(userWeight + len(key.StateKey))
		return nil
	}
	e, err := row.PDU(l.rules)
	if err == nil {
		l.hold(e)
	}
	return err
}

// current reads an entry of a room's current state; ok is false where it has none.
func current(r *store.Reader, room store.RoomRef, key auth.Key) (e store.Event, ok bool, err error) {
	eventType, err := r.FindAtom(key.Type)
	if err != nil {
		return e, false, err
	}
	stateKey, err := r.FindAtom(key.StateKey)
	if err != nil {
		return e, false, err
	}
	return r.CurrentEvent(room, eventType, stateKey)
}

// membership is a user's in the pending state, "" for none.
func (l *live) membership(ctx context.Context, userID string) (string, error) {
	key := auth.Key{Type: "m.room.member", StateKey: userID}
	err := l.know(ctx, key)
	return auth.Membership(l.held[key]), err
}

// listeners are whom to wake for an event: the users of this server who are joined, and who looks in from outside. Whom a membership event is about is added when it is stored.
func (l *live) listeners() []int64 {
	topics := append(make([]int64, 0, len(l.joined)+3), topic(l.Ref))
	for _, user := range l.joined {
		topics = append(topics, int64(user))
	}
	return topics
}

// levels are the power levels in force.
func (l *live) levels() auth.PowerLevels {
	return auth.NewPowerLevels(l.held.Event("m.room.create", ""), l.held.Event("m.room.power_levels", ""))
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
	for _, key := range relevant() {
		if err := l.read(r, key); err != nil {
			return err
		}
	}
	return l.loadJoined(r)
}

func (l *live) loadHead(r *store.Reader) error {
	place, ok, err := r.LastPlace(l.Ref)
	if err != nil || !ok { // it is known by what others say of it only
		return errOr(err, merr.Forbidden("You are not in this room").Because(fmt.Errorf("room %s has no timeline", l.ID)))
	}
	last, ok, err := r.Event(place.NID)
	if err != nil || !ok {
		return errOr(err, fmt.Errorf("room %s: event %d is missing", l.ID, place.NID))
	}
	l.head = &mark{applied: true, ord: place.Ord, group: last.State, notify: place.Notify, notifyMain: place.NotifyMain}
	tips := []store.Event{last}
	if l.head.group, l.head.forked, err = l.loadFork(r, last.State, &tips); err != nil {
		return err
	}
	for _, row := range tips {
		e, err := row.PDU(l.rules)
		if err != nil {
			return err
		}
		l.tips, l.depth = append(l.tips, l.tipOf(e)), max(l.depth, e.Depth())
	}
	restores, err := r.Restores(l.Ref)
	l.head.gap = restores * gapSize
	return err
}

// loadFork replaces the last event and its state group where other events are the forward extremities.
func (l *live) loadFork(r *store.Reader, group int64, tips *[]store.Event) (int64, bool, error) {
	forked, err := r.ForkedState(l.Ref)
	if err != nil || forked == 0 {
		return group, false, err
	}
	*tips, err = r.Extremities(l.Ref)
	return forked, true, err
}

// gapSize is the room that a timeline leaves for events that a restore lost. ARCHITECTURE.md, "Positions and places".
const gapSize = 1 << 32

func (l *live) loadJoined(r *store.Reader) (err error) {
	l.joined, err = r.JoinedOf(l.Ref, l.server)
	for id := range l.joined {
		l.grow(userWeight + len(id))
	}
	return err
}

// errOr is err, or what its absence means.
func errOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
