package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// How many events of a big room are copied in one write, and how many bans at most.
const (
	upgradeBatch = 200
	maxBanned    = 10_000
)

// tombstoneText is what clients show in a room that was replaced.
const tombstoneText = "Ce salon a été remplacé par un nouveau, où la conversation continue."

// Upgrade replaces a room by a new one of another version and gives the new one's id. The new room is whole before the old one is touched, and that
// gets its tombstone, gives its aliases and its place in the directory away and is closed in one write: where something fails, the old room is
// as it was.
//
// Spec: client-server API, "Room Upgrades".
func (s *Service) Upgrade(ctx context.Context, u User, roomID, version string, creators []string) (string, error) {
	rules, ok := pdu.RulesFor(version)
	if !ok {
		return "", merr.New(http.StatusBadRequest, "M_UNSUPPORTED_ROOM_VERSION", "Rooms of version %q can't be created here", version)
	}
	if !rules.CreatorsRule {
		creators = nil
	}
	if slices.ContainsFunc(creators, func(id string) bool { return !pdu.ValidUserID(id) }) {
		return "", merr.InvalidParam("additional_creators is not a list of user ids")
	}
	ctx = context.WithoutCancel(ctx) // a client that hangs up must not leave half of it undone
	s.upgrading.Lock()
	defer s.upgrading.Unlock()
	old, err := store.Get(ctx, s.db, func(r *store.Reader) (*predecessor, error) { return s.predecessor(r, u, roomID) })
	if err != nil {
		return "", err
	}
	next := successor{predecessor: old, rules: rules, by: u}
	if next.creators = creators; old.custodian {
		next.creators = append(slices.Clone(creators), s.Custodian.ID)
	}
	first, later, err := s.moving(ctx, &next)
	if err != nil {
		return "", err
	}
	id, err := s.found(ctx, rules, first)
	if err != nil {
		return "", invalidState(err)
	}
	for batch := range slices.Chunk(later, upgradeBatch) {
		if err := s.postAll(ctx, id, func(*live) ([]draft, error) { return batch, nil }); err != nil {
			return "", err
		}
	}
	return id, s.postAll(ctx, roomID, func(l *live) ([]draft, error) { return old.closing(l, u, id) })
}

// predecessor is what is to be known of a room that is replaced.
type predecessor struct {
	store.Room
	rules     pdu.Rules
	state     map[auth.Key]*pdu.Event // what goes over to the new room
	levels    auth.PowerLevels
	banned    []*pdu.Event
	aliases   []string
	last      string // the last event
	custodian bool   // is in it
}

// transferable are the types of state that go over to the new room: those that the specification recommends, and the children of spaces, which
// would be empty without (nothing in such an event depends on who sent it), and how long messages are kept.
func transferable() []string {
	return []string{"m.room.join_rules", "m.room.history_visibility", "m.room.guest_access", "m.room.server_acl", "m.room.encryption",
		"m.room.name", "m.room.avatar", "m.room.topic", "m.space.child", "m.room.retention"}
}

// predecessor reads the old room: M_FORBIDDEN for who may not set its tombstone.
func (s *Service) predecessor(r *store.Reader, u User, roomID string) (*predecessor, error) {
	room, err := Find(r, roomID)
	if err != nil {
		return nil, err
	}
	p := &predecessor{Room: room, state: map[auth.Key]*pdu.Event{}}
	p.rules, _ = pdu.RulesFor(room.Version)
	for _, t := range append(transferable(), "m.room.create", "m.room.power_levels", "m.room.canonical_alias", "m.room.tombstone") {
		if err := p.read(r, t); err != nil {
			return nil, err
		}
	}
	if p.event("m.room.create") == nil {
		return nil, notIn() // it is known by hearsay only
	}
	p.levels = auth.NewPowerLevels(p.event("m.room.create"), p.event("m.room.power_levels"))
	now, err := r.MembershipOf(room.Ref, u.Atom)
	if err == nil && (now != store.Join || p.levels.For(u.ID) < p.levels.Required("m.room.tombstone", true)) {
		err = merr.Forbidden("You may not upgrade this room")
	}
	if err == nil && p.event("m.room.tombstone") != nil {
		err = merr.Forbidden("This room was replaced already") // and closed: a copy of it would be closed, too
	}
	if err != nil {
		return nil, err
	}
	return p, s.readMore(r, p)
}

func (p *predecessor) event(eventType string) *pdu.Event {
	return p.state[auth.Key{Type: eventType}]
}

func (p *predecessor) read(r *store.Reader, eventType string) error {
	atom, err := r.FindAtom(eventType)
	if err != nil {
		return err
	}
	rows, err := r.CurrentEventsOfType(p.Ref, atom)
	if err != nil {
		return err
	}
	for _, row := range rows {
		e, err := row.PDU(p.rules)
		if err != nil {
			return err
		}
		key, _ := e.StateKey()
		p.state[auth.Key{Type: eventType, StateKey: key}] = e
	}
	return nil
}

// readMore reads what is not state by its type: bans, the aliases of this server, the last event, whether the custodian is there.
func (s *Service) readMore(r *store.Reader, p *predecessor) error {
	banned, err := r.UsersWith(p.Ref, store.Ban, maxBanned)
	if err != nil {
		return err
	}
	for _, user := range banned {
		row, _, err := r.CurrentEvent(p.Ref, store.AtomMember, user)
		if err != nil {
			return err
		}
		e, err := row.PDU(p.rules)
		if err != nil {
			return err
		}
		p.banned = append(p.banned, e)
	}
	if p.aliases, err = r.AliasesOf(p.Ref); err != nil {
		return err
	}
	last, _, err := r.LastPlace(p.Ref)
	if err != nil {
		return err
	}
	e, _, err := r.Event(last.NID)
	if err != nil {
		return err
	}
	p.last = e.ID
	if s.Custodian.ID == "" {
		return nil
	}
	m, err := r.MembershipOf(p.Ref, s.Custodian.Atom)
	p.custodian = m == store.Join
	return err
}

// closing lists the events that end the use of a room: the tombstone, with which its aliases move, and where the user may change that, only those
// names that still point to it, and power levels that let few people write and invite. The room is locked.
func (p *predecessor) closing(l *live, u User, next string) ([]draft, error) {
	d := drafting{by: u}
	d.state("m.room.tombstone", "", map[string]string{"body": tombstoneText, "replacement_room": next})
	d.list[0].also = func(tx *store.Tx, room store.RoomRef) error { return moveListing(tx, room, next) }
	if p.event("m.room.canonical_alias") != nil {
		d.state("m.room.canonical_alias", "", p.names(func(alias string) bool { return !slices.Contains(p.aliases, alias) }))
	}
	if levels := l.held.Event("m.room.power_levels", ""); levels != nil {
		closed, err := closedLevels(levels)
		if err != nil {
			return nil, err
		}
		if closed != nil {
			d.state("m.room.power_levels", "", closed)
		}
	}
	for i := range d.list[1:] {
		d.list[1+i].optional = true
	}
	return d.list, d.err
}

// moveListing gives a room's aliases and its place in the directory to the room that replaces it.
func moveListing(tx *store.Tx, room store.RoomRef, next string) error {
	to, ok, err := tx.FindRoom(next)
	if err != nil || !ok {
		return errOr(err, errors.New("the replacement room "+next+" is missing"))
	}
	public, err := tx.Published(room)
	if err != nil {
		return err
	}
	if public {
		if err := errors.Join(tx.Publish(to.Ref, true), tx.Publish(room, false)); err != nil {
			return err
		}
	}
	return tx.MoveAliases(room, to.Ref)
}

// postAll makes, judges and stores several events in one write, those that are optional where the rules allow them. The first may not be.
func (s *Service) postAll(ctx context.Context, roomID string, draw func(l *live) ([]draft, error)) error {
	for {
		w, err := s.beginAll(ctx, roomID, draw)
		if u := (*unrecommendedAll)(nil); errors.As(err, &u) {
			return s.postEach(ctx, roomID, u.drafts)
		}
		if err != nil || w == nil {
			return err
		}
		if _, err = w.settled(); !isStale(err) {
			return err
		}
	}
}

func (s *Service) beginAll(ctx context.Context, roomID string, draw func(l *live) ([]draft, error)) (*write, error) {
	l, err := s.cache.acquireToSend(ctx, roomID)
	if err != nil {
		return nil, err
	}
	defer l.mu.Unlock()
	drafts, err := draw(l)
	if err != nil {
		return nil, err
	}
	if p, err := l.policyServer(ctx); err != nil || p != nil && s.Remote != nil {
		return nil, errOr(err, &unrecommendedAll{drafts})
	}
	var events []judged
	for _, d := range drafts {
		j, err := s.next(ctx, l, d)
		if d.optional && merr.Is(err, "M_FORBIDDEN") {
			continue
		}
		if err != nil {
			if len(events) > 0 {
				l.dead.Store(true) // its head moved over events that nobody stores
			}
			return nil, err
		}
		events = append(events, j)
	}
	if len(events) == 0 {
		return nil, nil
	}
	return s.queue(l, events), nil
}

// unrecommendedAll says that the room's policy server must be asked about each of some events.
type unrecommendedAll struct{ drafts []draft }

func (*unrecommendedAll) Error() string { return "the room's policy server must be asked" }

// postEach is postAll in as many writes as there are events.
func (s *Service) postEach(ctx context.Context, roomID string, drafts []draft) error {
	for _, d := range drafts {
		_, err := s.post(ctx, roomID, func(*live) (draft, error) { return d, nil })
		if err != nil && (!d.optional || !merr.Is(err, "M_FORBIDDEN")) {
			return err
		}
	}
	return nil
}

// content decodes the content of an event, nil for none.
func content(e *pdu.Event) (map[string]any, error) {
	if e == nil {
		return nil, nil
	}
	var m map[string]any
	err := json.Unmarshal(e.Body().Raw(), &m)
	return m, err
}
