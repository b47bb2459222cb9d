package rooms

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

const (
	// departTime is how long the servers of a room are asked to take an invitation or a knock back, maxAskedToLeave how many of them.
	departTime      = 30 * time.Second
	maxAskedToLeave = 3
)

// depart ends the user's membership: here where somebody of this server is in the room, else by servers that are. Where none of them answers it ends here all the same:
// nobody has to keep an invitation because the server that it came from is gone. They are asked as long as the second context lasts.
//
// Spec: server-server API, "Leaving Rooms (Rejecting Invites)".
func (s *Service) depart(ctx, asking context.Context, u User, roomID, reason string) error {
	if s.Remote == nil {
		return s.leave(ctx, u, roomID, reason)
	}
	leave, err := s.doors.enter(ctx, roomID)
	if err != nil {
		return err
	}
	defer leave()
	if in, err := s.participates(ctx, roomID); err != nil {
		return err
	} else if in {
		return s.leave(ctx, u, roomID, reason)
	}
	before, err := s.waitsFor(ctx, u, roomID)
	if err != nil {
		return err
	}
	servers, err := s.entrances(ctx, u, roomID, nil)
	if err != nil {
		return err
	}
	if before == nil || len(servers) == 0 {
		return s.leave(ctx, u, roomID, reason)
	}
	return s.departElsewhere(ctx, asking, u, before, servers[:min(len(servers), maxAskedToLeave)], reason)
}

// waitsFor is the user's invitation or knock; nil where they have another membership, or none.
func (s *Service) waitsFor(ctx context.Context, u User, roomID string) (e *pdu.Event, err error) {
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		room, ok, err := r.FindRoom(roomID)
		if err != nil || !ok {
			return err
		}
		m, _, err := r.Member(room.Ref, u.Atom)
		if err != nil || m.Membership != store.Invite && m.Membership != store.Knock {
			return err
		}
		row, ok, err := r.Event(m.NID)
		if err != nil || !ok {
			return err
		}
		rules, _ := pdu.RulesFor(room.Version)
		e, err = row.PDU(rules)
		return err
	})
	return e, err
}

// departElsewhere takes an invitation or a knock back by one of some servers, or by none.
func (s *Service) departElsewhere(ctx, asking context.Context, u User, before *pdu.Event, servers []string, reason string) error {
	content := memberContent{Membership: "leave", Reason: reason}
	var left *pdu.Event
	err := s.oneOf(asking, servers, func(server string) error {
		p, err := s.propose(asking, u, before.RoomID(), server, content)
		if err != nil {
			return err
		}
		if err := s.Remote.SendLeave(asking, server, p.Event); err != nil {
			return err
		}
		left = p.Event
		return nil
	})
	if err != nil {
		s.Log.Info().Err(err).Str("room", before.RoomID()).Str("user", u.ID).Msg("a membership ends here only")
		if left, err = s.leaveAfter(u, before, content); err != nil {
			return err
		}
	}
	return s.hear(ctx, hearsay{Event: left, version: left.Rules().Version})
}

// leaveAfter makes the end of an invitation or a knock that nobody else hears of.
func (s *Service) leaveAfter(u User, before *pdu.Event, content memberContent) (*pdu.Event, error) {
	raw, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	ids := []string{before.ID()}
	p := pdu.Proto{Type: "m.room.member", StateKey: &u.ID, Sender: u.ID, RoomID: before.RoomID(), Content: raw, PrevEvents: ids, AuthEvents: ids,
		Depth: min(before.Depth()+1, before.Rules().MaxDepth()), OriginServerTS: s.millis(), Localpart: rand.Text(),
		Hashes: map[string]pdu.Hash{before.ID(): before.ReferenceHash()}}
	e, err := pdu.Build(before.Rules(), p, s.Signer())
	if err != nil {
		return nil, badEvent(err)
	}
	return e, nil
}
