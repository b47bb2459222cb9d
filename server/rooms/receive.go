package rooms

import (
	"context"
	"errors"
	"fmt"
	"time"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Outcome is what became of an event that another server sent. Err is nil for what was stored, also where the room's state refuses it: that is
// decided for good and nothing to send again for.
type Outcome struct {
	EventID string
	Err     error
}

// arrival is an event of another server on its way into a room.
type arrival struct {
	*pdu.Event
	room store.Room
	from string // the server to ask for what is missing
	edge bool   // events before it were asked for already: those that are missing stay so
	// relay: its server has asked this one to take it into the room. This one sends it to the servers of all in it. Nobody is asked for what it lacks, and it is not kept where it is refused.
	relay bool
	draft draft // of an event of this server: what else is to be written with it
	// What the room's policy server says: recommended, or why it is not; neither: it was not asked.
	recommended bool
	unwanted    error
	state       *told // the state before it as the other server says; nil where it was not asked
	spent       *spent
}

// spent is what was asked for because of one event, or of all that are missing before one: events, and how often the state.
type spent struct{ events, states int }

// told is a state by the ids of its events.
type told struct{ ids []string }

// ErrLacks says that something an event builds upon is not known, and could not be had.
var ErrLacks = errors.New("events before this one are not known")

// Receive takes events that a server sent, in their order, and waits until they are durable. An event that is known already is nothing new.
//
// Spec: server-server API, "Checks performed on receipt of a PDU".
func (s *Service) Receive(ctx context.Context, origin string, pdus ...[]byte) []Outcome {
	out, arrivals, writes := make([]Outcome, len(pdus)), make([]*arrival, len(pdus)), make([]*write, len(pdus))
	for i, raw := range pdus {
		o := &out[i]
		if arrivals[i], o.EventID, o.Err = s.arrive(ctx, origin, raw); o.Err != nil || arrivals[i] == nil {
			continue
		}
		var ended bool
		if ended, o.Err = s.endsHearsay(ctx, arrivals[i]); o.Err == nil && !ended {
			writes[i], o.Err = s.admit(ctx, arrivals[i])
		}
	}
	for i := range pdus {
		if out[i].Err == nil {
			out[i].Err = s.durable(ctx, arrivals[i], writes[i])
		}
	}
	return out
}

// durable waits for a write of an event, and admits it again where that failed because of another.
func (s *Service) durable(ctx context.Context, a *arrival, w *write) (err error) {
	for w != nil && err == nil {
		e, failed := w.settled()
		switch {
		case failed == nil && !w.refused:
			return s.stopTyping(ctx, a.room.Ref, e)
		case !isStale(failed):
			return failed
		}
		w, err = s.admit(ctx, a)
	}
	return err
}

// arrive reads and verifies an event. It gives none where the event is known already.
func (s *Service) arrive(ctx context.Context, origin string, raw []byte) (*arrival, string, error) {
	if s.Remote == nil {
		return nil, "", merr.Forbidden("This server does not federate")
	}
	room, rules, refusal, err := s.roomOf(ctx, origin, raw)
	if err != nil {
		return nil, "", err
	}
	a := &arrival{room: room, from: origin, spent: new(spent)}
	rc, err := pdu.Receive(rules, raw)
	if err != nil {
		return nil, "", badEvent(err)
	}
	if refusal != nil {
		return nil, rc.ID(), refusal
	}
	var known bool
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		known, err = counts(r, room.Ref, rc.ID())
		return err
	})
	if err != nil || known {
		return nil, rc.ID(), err
	}
	a.Event, err = s.Remote.Verify(ctx, rc)
	return a, rc.ID(), err
}

// counts tells whether an event is known, and not as an outlier only.
func counts(r *store.Reader, room store.RoomRef, eventID string) (bool, error) {
	e, ok, err := r.EventByID(eventID)
	return ok && e.Room == room && e.Status&store.StatusOutlier == 0, err
}

// roomOf finds the room of an event, whose version says how to read it, and whether the room takes events from a server.
func (s *Service) roomOf(ctx context.Context, server string, raw []byte) (room store.Room, rules pdu.Rules, refusal, err error) {
	id, err := RoomIDOf(raw)
	if err != nil {
		return room, rules, nil, badEvent(err)
	}
	if in, err := s.participates(ctx, id); err == nil && !in {
		s.doors.wait(ctx, id, arrivalPatience) // the others may know that we are in it before all of it is here
	}
	l, err := s.cache.acquire(ctx, id)
	if merr.Is(err, "M_FORBIDDEN") {
		room, rules, err = s.roomByHearsay(ctx, id, err)
		return room, rules, nil, err
	}
	if err != nil {
		return room, rules, nil, err
	}
	defer l.mu.Unlock()
	return l.Room, l.rules, l.admits(server), nil
}

// arrivalPatience is how long an event of a room that is being brought in waits for that.
const arrivalPatience = 15 * time.Second

// RoomIDOf reads the room of an event that nobody checked yet. The error wraps pdu.ErrNotJSON or pdu.ErrBadJSON.
func RoomIDOf(raw []byte) (id string, err error) {
	found := false
	err = pdu.CutObject(raw, func(key string, value []byte) error {
		if key != "room_id" {
			return nil
		}
		v, err := pdu.Parse(value)
		if err == nil {
			id, found = v.Text()
		}
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: room_id is missing or not a string", pdu.ErrBadJSON)
	}
	return id, err
}

// maxAttempts is how often an event is tried whose surroundings change while they are asked for.
const maxAttempts = 5

// admit queues an event: at once where it follows the room's head, else when all is known that it builds upon. It gives no write where the
// event is known already.
func (s *Service) admit(ctx context.Context, a *arrival) (*write, error) {
	for range maxAttempts {
		w, err := s.follow(ctx, a)
		if u := (*unrecommended)(nil); errors.As(err, &u) {
			if err := s.consult(ctx, a, u); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil || w != nil {
			return w, err
		}
		if a.relay {
			return s.graft(ctx, a)
		}
		if err := s.supply(ctx, a); err != nil {
			return nil, err
		}
		if w, err = s.graft(ctx, a); !errors.Is(err, ErrLacks) || a.state != nil {
			return w, err
		}
	}
	return nil, fmt.Errorf("%s: %w", a.ID(), ErrLacks)
}
