package rooms

import (
	"context"
	"errors"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// Accept takes the event of a handshake, signed by the other server, into the room, and gives it as it is stored: with this server's signature where that lets a user into a
// restricted room. The same event a second time changes nothing. 400 M_INVALID_PARAM for an event that is not the one of the handshake, 403 M_FORBIDDEN for one that the
// room's rules refuse; nothing of these is kept.
//
// Spec: server-server API, "Joining Rooms", "Knocking upon a room", "Leaving Rooms".
func (s *Service) Accept(ctx context.Context, h Handshake, eventID string, raw []byte) (store.Room, *pdu.Event, error) {
	room, rules, err := s.served(ctx, h)
	if err != nil {
		return room, nil, err
	}
	rc, err := h.read(rules, eventID, raw)
	if err != nil {
		return room, nil, err
	}
	if e, err := s.accepted(ctx, room, rules, eventID); err != nil || e != nil {
		return room, e, err
	}
	if rc, err = s.countersign(ctx, room, rc); err != nil {
		return room, nil, err
	}
	if s.Remote == nil {
		return room, nil, merr.Forbidden("This server does not federate")
	}
	e, err := s.Remote.Verify(ctx, rc)
	if err == nil && e.RedactedOnArrival() {
		err = errors.New("its content hash is wrong")
	}
	if err != nil {
		return room, nil, merr.InvalidParam("The event is not rightly signed").Because(err)
	}
	a := &arrival{Event: e, room: room, from: h.Origin, relay: true, spent: new(spent)}
	err = s.enter(ctx, a)
	if errors.Is(err, ErrLacks) || errors.Is(err, errElsewhere) {
		err = merr.InvalidParam("The event builds on others than the room has").Because(err)
	}
	return room, a.Event, err
}

// read reads the event of a handshake, of which nothing is proven yet.
func (h Handshake) read(rules pdu.Rules, eventID string, raw []byte) (*pdu.Received, error) {
	rc, err := pdu.Receive(rules, raw)
	if err != nil {
		return nil, badEvent(err)
	}
	membership, _ := rc.Body().Text("membership")
	switch {
	case rc.ID() != eventID:
		return nil, merr.InvalidParam("The event has the id %s", rc.ID())
	case rc.RoomID() != h.RoomID:
		return nil, merr.InvalidParam("The event is of another room")
	case !rc.Is("m.room.member", rc.Sender()) || membership != h.Membership:
		return nil, merr.InvalidParam("The event is no %s of its sender", h.Membership)
	case pdu.ServerOf(rc.Sender()) != h.Origin:
		return nil, merr.InvalidParam("%s is no user of %s", rc.Sender(), h.Origin)
	}
	return rc, nil
}

// accepted finds an event that is in the room already: nil for none, 403 M_FORBIDDEN for one that was refused.
func (s *Service) accepted(ctx context.Context, room store.Room, rules pdu.Rules, eventID string) (*pdu.Event, error) {
	row, err := store.Get(ctx, s.db, func(r *store.Reader) (store.Event, error) {
		row, ok, err := r.EventByID(eventID)
		if err != nil || !ok || row.Status&store.StatusOutlier != 0 {
			return store.Event{}, err
		}
		if row.Room != room.Ref {
			err = merr.InvalidParam("The event is of another room")
		}
		return row, err
	})
	switch {
	case err != nil || row.ID == "":
		return nil, err
	case !row.Placed:
		return nil, merr.Forbidden("The event was refused")
	}
	return row.PDU(rules)
}

// countersign signs a join that names a user of this server as who lets the sender in, after it has looked whether the room's rule does.
//
// Spec: server-server API, "Restricted rooms".
func (s *Service) countersign(ctx context.Context, room store.Room, rc *pdu.Received) (*pdu.Received, error) {
	via, ok := rc.Body().Text("join_authorised_via_users_server")
	if membership, _ := rc.Body().Text("membership"); !ok || membership != "join" || !rc.Rules().RestrictedJoins || !s.local(via) {
		return rc, nil
	}
	l, err := s.cache.acquire(ctx, room.ID)
	if err != nil {
		return nil, err
	}
	rules := l.held.Event("m.room.join_rules", "")
	l.mu.Unlock()
	if !Restricted(auth.JoinRule(rules)) {
		return nil, merr.Forbidden("The room is not restricted")
	}
	if err := s.fulfils(ctx, rc.Sender(), AllowedRooms(rules.Body())); err != nil {
		return nil, err
	}
	return rc.Sign(s.Signer())
}

// enter puts an event for which this server stands into the room, and waits until it is durable.
func (s *Service) enter(ctx context.Context, a *arrival) error {
	w, err := s.admit(ctx, a)
	if err == nil {
		err = s.durable(ctx, a, w)
	}
	return err
}
