package rooms

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Invitation is an invitation of a user of this server by another one.
type Invitation struct {
	Origin          string // the server that asks
	RoomID, EventID string // as the path names them
	Version         string // of the room; "" for what is known of it, or 1
	Event           json.RawMessage
	State           []json.RawMessage // what the room is
}

const (
	// maxInvitations is how many invitations of others may wait for a user, maxInvitationsBy how many of one server for all users.
	maxInvitations, maxInvitationsBy = 200, 2000
	// inviteTime is how long the keys may take with which an invitation and its state are checked.
	inviteTime = 30 * time.Second
)

// Invited takes an invitation: it gives the event with this server's signature, and shows it to the user. 400 M_INVALID_PARAM for what is no invitation of a user of this server
// by one of the other, 400 M_INCOMPATIBLE_ROOM_VERSION, 403 M_FORBIDDEN and M_INVITE_BLOCKED where it is not wanted.
//
// Spec: server-server API, "Inviting to a room".
func (s *Service) Invited(ctx context.Context, in Invitation) (*pdu.Event, error) {
	rules, err := s.rulesOfInvitation(ctx, &in)
	if err != nil {
		return nil, err
	}
	rc, err := s.readInvitation(rules, in)
	if err != nil {
		return nil, err
	}
	target, _ := rc.StateKey()
	user, err := s.reachable(ctx, target)
	if err != nil {
		return nil, s.unwanted(err)
	}
	if err := s.enterable(ctx, in.RoomID); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, inviteTime)
	defer cancel()
	e, err := s.Remote.Verify(ctx, rc)
	if err != nil || e.RedactedOnArrival() {
		return nil, merr.InvalidParam("The event is not rightly signed").Because(err)
	}
	if e, err = e.Sign(s.Signer()); err != nil {
		return nil, err
	}
	return e, s.showInvitation(ctx, user, in, e)
}

// rulesOfInvitation are those of the room's version. A room that this server is in has the version that is known.
func (s *Service) rulesOfInvitation(ctx context.Context, in *Invitation) (pdu.Rules, error) {
	if s.Remote == nil {
		return pdu.Rules{}, merr.Forbidden("This server does not federate")
	}
	known, err := s.versionOf(ctx, in.RoomID)
	if err != nil {
		return pdu.Rules{}, err
	}
	if in.Version == "" {
		in.Version = cmp.Or(known, "1")
	}
	rules, ok := pdu.RulesFor(in.Version)
	switch {
	case !ok:
		return rules, merr.New(http.StatusBadRequest, "M_INCOMPATIBLE_ROOM_VERSION", "Rooms of version %q are not known here", in.Version).With("room_version", in.Version)
	case known != "" && known != in.Version:
		return rules, merr.InvalidParam("The room has version %s", known)
	}
	return rules, nil
}

// readInvitation reads the event, of which nothing is proven yet.
func (s *Service) readInvitation(rules pdu.Rules, in Invitation) (*pdu.Received, error) {
	rc, err := pdu.Receive(rules, in.Event)
	if err != nil {
		return nil, badEvent(err)
	}
	target, _ := rc.StateKey()
	membership, _ := rc.Body().Text("membership")
	switch {
	case rc.ID() != in.EventID:
		return nil, merr.InvalidParam("The event has the id %s", rc.ID())
	case rc.RoomID() != in.RoomID:
		return nil, merr.InvalidParam("The event is of another room")
	case !rc.Is("m.room.member", target) || membership != "invite":
		return nil, merr.InvalidParam("The event is no invitation")
	case pdu.ServerOf(rc.Sender()) != in.Origin:
		return nil, merr.InvalidParam("%s is no user of %s", rc.Sender(), in.Origin)
	case !pdu.ValidUserID(target) || !s.local(target):
		return nil, merr.InvalidParam("%q is no user of this server", target)
	}
	return rc, nil
}

// unwanted is why somebody can't be invited, for other servers: who does not exist and who must not be seen are told apart for nobody.
func (s *Service) unwanted(err error) error {
	if merr.Is(err, "M_NOT_FOUND") {
		return merr.Forbidden("This user can't be invited").Because(err)
	}
	return err
}

// showInvitation shows an invitation to the user. Where somebody of this server is in the room it comes as the room's other events do.
func (s *Service) showInvitation(ctx context.Context, user store.Atom, in Invitation, e *pdu.Event) error {
	if inside, err := s.participates(ctx, in.RoomID); err != nil || inside {
		return err
	}
	waiting, err := s.waiting(ctx, user, in.Origin)
	if err != nil || waiting {
		return errOr(err, merr.New(http.StatusTooManyRequests, "M_LIMIT_EXCEEDED", "Too many invitations wait for an answer"))
	}
	state, err := s.identify(ctx, e, in.State)
	if err != nil {
		return err
	}
	return s.hear(ctx, hearsay{Event: e, version: in.Version, via: in.Origin, state: state})
}

// waiting tells whether too many invitations wait already.
func (s *Service) waiting(ctx context.Context, user store.Atom, server string) (too bool, err error) {
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		ofUser, ofServer, err := r.CountStripped(user, server)
		too = ofUser >= maxInvitations || ofServer >= maxInvitationsBy
		return err
	})
	return too, err
}
