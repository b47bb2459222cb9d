package rooms

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// draft is an event to be made.
type draft struct {
	sender   User
	kind     string // the event's type
	stateKey *string
	content  json.RawMessage
	redacts  *redaction
	ts       int64  // origin_server_ts; 0: now
	txn      txnKey // zero: none
	optional bool   // of several events: left out where the rules don't allow it

	also func(tx *store.Tx, room store.RoomRef) error // what else belongs into the write that stores the event; nil: nothing
}

// redaction is the target of an m.room.redaction event and the form it gets: nil where this server does not have it yet.
type redaction struct {
	id       string
	target   store.Event
	redacted *pdu.Event
}

// judged is an event that the authorisation rules allow, with what it was made from.
type judged struct {
	*pdu.Event
	draft
	counted store.Counted
	relay   bool // it came from another server, and this one sends it to those in the room
}

// write is what was queued for one draft or several.
type write struct {
	events  []judged
	refused bool // an event of another server, which is kept but counts for nothing
	pending *store.Pending
}

// errStale says that the write which this one was built on failed.
var errStale = errors.New("the write before this one in the room failed")

func isStale(err error) bool { return errors.Is(err, errStale) }

// settled waits until the write is durable and gives its last event.
func (w *write) settled() (*pdu.Event, error) {
	if err := w.pending.Wait(); err != nil {
		return nil, err
	}
	return w.events[len(w.events)-1].Event, nil
}

// failed tells whether the write is over and left nothing.
func (w *write) failed() bool { return w.pending.Settled() && w.pending.Wait() != nil }

// post makes, judges and stores one event, and waits until it is durable.
func (s *Service) post(ctx context.Context, roomID string, draw func(l *live) (draft, error)) (*pdu.Event, error) {
	for {
		w, err := s.begin(ctx, roomID, draw)
		if u := (*unrecommended)(nil); errors.As(err, &u) {
			return s.sendRecommended(ctx, u)
		}
		if err != nil {
			return nil, err
		}
		e, err := w.settled()
		if err == nil || !isStale(err) {
			return e, err
		}
	}
}

// begin queues an event under the room's lock.
func (s *Service) begin(ctx context.Context, roomID string, draw func(l *live) (draft, error)) (*write, error) {
	l, err := s.cache.acquireToSend(ctx, roomID)
	if err != nil {
		return nil, err
	}
	defer l.mu.Unlock()
	return s.draw(ctx, l, draw)
}

// draw makes an event on the locked room and queues it.
func (s *Service) draw(ctx context.Context, l *live, draw func(l *live) (draft, error)) (*write, error) {
	d, err := draw(l)
	if err == nil {
		err = s.policed(ctx, l, d)
	}
	if err != nil {
		return nil, err
	}
	if len(l.tips) > maxTips {
		return s.drawOnMany(ctx, l, d)
	}
	j, err := s.next(ctx, l, d)
	if err != nil {
		return nil, err
	}
	return s.queue(l, []judged{j}), nil
}

// next makes an event, finds out for whom it counts as unread, and moves the pending head over it.
func (s *Service) next(ctx context.Context, l *live, d draft) (j judged, err error) {
	j.draft = d
	if j.Event, err = s.build(ctx, l, d); err != nil {
		return j, err
	}
	l.ID = j.RoomID() // of a new room it is known only now
	if j.counted, err = s.count(ctx, l, j.Event); err != nil {
		return j, err
	}
	l.apply(j.Event, d.sender)
	return j, nil
}

// build makes an event on top of the pending head and lets the authorisation rules judge it.
func (s *Service) build(ctx context.Context, l *live, d draft) (*pdu.Event, error) {
	p := s.proto(l, d, l.depth)
	if err := l.know(ctx, auth.Needed(l.rules, p)...); err != nil {
		return nil, err
	}
	return s.buildOn(l, p, l.tips, l.held)
}

// proto is what an event says that follows others, the deepest of which is depth deep.
func (s *Service) proto(l *live, d draft, depth int64) pdu.Proto {
	p := pdu.Proto{Type: d.kind, StateKey: d.stateKey, Sender: d.sender.ID, RoomID: l.ID, Content: d.content,
		Depth: min(depth+1, l.rules.MaxDepth()), OriginServerTS: cmp.Or(d.ts, d.sender.At, s.millis())}
	if d.redacts != nil {
		p.Redacts = d.redacts.id
	}
	return p
}

// buildOn makes an event on top of others, in the state after them.
func (s *Service) buildOn(l *live, p pdu.Proto, tips []tip, state auth.State) (*pdu.Event, error) {
	l.link(&p, tips, state)
	e, err := pdu.Build(l.rules, p, s.Signer())
	if err != nil {
		return nil, badEvent(err)
	}
	if err := auth.Check(e, state); err != nil {
		return nil, forbidden(err)
	}
	return e, nil
}

// link names the events before an event and those that allow it.
func (l *live) link(p *pdu.Proto, tips []tip, state auth.State) {
	named := l.rules.Format == pdu.EventFormatV1
	if named {
		p.Localpart, p.Hashes = rand.Text(), map[string]pdu.Hash{}
	}
	for _, t := range tips {
		p.PrevEvents = append(p.PrevEvents, t.id)
		if named {
			p.Hashes[t.id] = t.hash
		}
	}
	for _, key := range auth.Needed(l.rules, *p) {
		e := state.Event(key.Type, key.StateKey)
		if e == nil {
			continue
		}
		p.AuthEvents = append(p.AuthEvents, e.ID())
		if named {
			p.Hashes[e.ID()] = e.ReferenceHash()
		}
	}
}

func badEvent(err error) error {
	switch {
	case errors.Is(err, pdu.ErrTooLarge):
		return merr.TooLarge("%v", err).Because(err)
	case errors.Is(err, pdu.ErrNotJSON):
		return merr.NotJSON("%v", err).Because(err)
	case errors.Is(err, pdu.ErrBadJSON):
		return merr.BadJSON("%v", err).Because(err)
	}
	return err
}

func forbidden(err error) error {
	var rejected *auth.Rejected
	if errors.As(err, &rejected) && rejected.Never {
		return merr.BadJSON("%s", rejected.Reason).Because(err)
	}
	if rejected != nil {
		return merr.Forbidden("%s", rejected.Reason).Because(err)
	}
	return err
}

// queue queues the write of events over which the pending head has moved. The room is locked.
func (s *Service) queue(l *live, events []judged) *write {
	stored := make([]toStore, len(events))
	for i, e := range events {
		l.redact(e.redacts)
		stored[i] = toStore{judged: e}
	}
	return s.submit(l, stored)
}

// submit queues the write of events.
func (s *Service) submit(l *live, events []toStore) *write {
	prev, next := l.head, &mark{}
	topics := l.listeners()
	pending := s.db.Submit(context.Background(), func(tx *store.Tx) error {
		tx.OnRollback(func(error) {
			next.applied = false
			l.dead.Store(true)
		})
		return s.write(tx, l, prev, next, events, topics)
	})
	w := &write{pending: pending, refused: !events[0].placed()}
	for _, e := range events {
		w.events = append(w.events, e.judged)
	}
	l.head, l.last = next, pending
	l.remember(w)
	return w
}

// remember keeps a write with a transaction id until it is settled, and forgets those that are.
func (l *live) remember(w *write) {
	for key, old := range l.pending {
		if old.pending.Settled() {
			delete(l.pending, key)
		}
	}
	if key := w.events[len(w.events)-1].txn; key.txnID != "" {
		l.pending[key] = w
	}
}

// redact puts the redacted form of a state event in the place of the whole one.
func (l *live) redact(r *redaction) {
	if r == nil || r.redacted == nil {
		return
	}
	redacted := r.redacted
	key, isState := redacted.StateKey()
	if !isState {
		return
	}
	if now := l.held.Event(redacted.Type(), key); now != nil && now.ID() == redacted.ID() {
		l.hold(redacted)
	}
}
