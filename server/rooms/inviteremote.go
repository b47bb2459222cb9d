package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// Inviting is what the room core asks of the servers of those who are invited. A server's refusal is a *merr.Error, with the code that it gave; any other error says that it could
// not be asked.
type Inviting interface {
	// Invite gives the server an invitation of one of its users and what the room is, and gives the event as it comes back. Source: server-server API,
	// "PUT /_matrix/federation/v2/invite/{roomId}/{eventId}".
	Invite(ctx context.Context, server string, e *pdu.Event, state []json.RawMessage) (json.RawMessage, error)
	// SignedBy checks a server's signature on an event.
	SignedBy(ctx context.Context, e *pdu.Received, server string) error
	// ExchangeThirdPartyInvite gives the server that keeps an invitation by a third-party identifier the one that it becomes. Source: server-server API,
	// "PUT /_matrix/federation/v1/exchange_third_party_invite/{roomId}".
	ExchangeThirdPartyInvite(ctx context.Context, server, roomID string, invite ThirdPartyInvite) error
}

// inviteElsewhere invites a user of another server: their server is asked first, and signs that it has heard of it.
//
// Spec: server-server API, "Inviting to a room".
func (s *Service) inviteElsewhere(ctx context.Context, u User, roomID, target string, content memberContent) error {
	room, e, err := s.drawInvite(ctx, u, roomID, target, content)
	if u := (*unrecommended)(nil); errors.As(err, &u) {
		room = u.room
		e, err = s.recommend(ctx, u)
	}
	if err != nil {
		return err
	}
	if e, err = s.cosigned(ctx, room, e, pdu.ServerOf(target)); err != nil {
		return err
	}
	return s.enter(ctx, &arrival{Event: e, room: room, from: s.ServerName, relay: true, spent: new(spent)})
}

// drawInvite makes an invitation that is not in the room yet.
func (s *Service) drawInvite(ctx context.Context, u User, roomID, target string, content memberContent) (room store.Room, e *pdu.Event, err error) {
	raw, err := json.Marshal(content)
	if err != nil {
		return room, nil, err
	}
	l, err := s.cache.acquireAtRest(ctx, roomID) // others are shown it: what it follows must be durable
	if err != nil {
		return room, nil, err
	}
	defer l.mu.Unlock()
	if _, in := l.joined[u.ID]; !in && content.ThirdPartyInvite == nil { // who invited an address may be gone
		return room, nil, notIn()
	}
	now, err := l.membership(ctx, target)
	if err != nil {
		return room, nil, err
	}
	if now == "join" {
		return room, nil, merr.Forbidden("%s is already in the room", target)
	}
	d := draft{sender: u, kind: "m.room.member", stateKey: &target, content: raw}
	if err := s.policed(ctx, l, d); err != nil {
		return room, nil, err
	}
	p := s.proto(l, d, l.depth)
	if err := l.know(ctx, auth.Needed(l.rules, p)...); err != nil {
		return room, nil, err
	}
	e, err = s.buildOn(l, p, l.tips[:min(len(l.tips), maxTips)], l.held)
	return l.Room, e, err
}

// cosigned gives an invitation to the server of who is invited, and adds its signature: nothing else of what comes back is taken.
func (s *Service) cosigned(ctx context.Context, room store.Room, e *pdu.Event, server string) (*pdu.Event, error) {
	state, err := s.Identity(ctx, room, e.Sender())
	if err != nil {
		return nil, err
	}
	back, err := s.Remote.Invite(ctx, server, e, state)
	if err != nil {
		return nil, notInvited(server, err)
	}
	rc, err := pdu.Receive(e.Rules(), back)
	if err == nil && rc.ID() != e.ID() {
		err = errors.New("it is another event")
	}
	if err == nil {
		err = s.Remote.SignedBy(ctx, rc, server)
	}
	if err != nil {
		return nil, merr.New(http.StatusBadGateway, "M_UNKNOWN", "%s did not sign the invitation", server).Because(err)
	}
	return e.CosignedBy(rc, server)
}

// notInvited is what is told of a server that did not take an invitation.
func notInvited(server string, err error) error {
	var refused *merr.Error
	if errors.As(err, &refused) {
		return err
	}
	return merr.New(http.StatusBadGateway, "M_UNKNOWN", "%s could not be asked", server).Because(err)
}
