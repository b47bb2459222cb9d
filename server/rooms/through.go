package rooms

import (
	"context"
	"errors"
	"strings"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// joinThrough joins the user to a room by a server that is in it. From the moment that the server has the join it goes on, whoever asked for it is still there or not.
//
// Spec: server-server API, "Joining Rooms".
func (s *Service) joinThrough(ctx context.Context, u User, roomID, server string, content memberContent) error {
	if err := s.mayEnter(roomID, server); err != nil {
		return err
	}
	join, err := s.propose(ctx, u, roomID, server, content)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), arrivalTime)
	defer cancel()
	a := s.newArriving(roomID, join)
	defer a.close()
	err = s.Remote.SendJoin(ctx, server, join.Event, a.take)
	if refused := (*merr.Error)(nil); errors.As(err, &refused) {
		return err
	}
	if err == nil {
		err = s.settle(ctx, u, a)
	}
	if err != nil {
		s.giveBack(ctx, u, roomID, server)
	}
	return err
}

// mayEnter asks the policy about a room in which these servers are: 403 M_FORBIDDEN with their names where it refuses that.
func (s *Service) mayEnter(roomID string, servers ...string) error {
	if s.Policy == nil {
		return nil
	}
	allowed, unlisted := s.Policy.RoomVerdict(servers)
	if len(unlisted) == 0 {
		return nil
	}
	named := strings.Join(unlisted[:min(len(unlisted), maxServersNamed)], ", ")
	if !allowed {
		return merr.Forbidden("There are servers in the room that this one does not speak with: %s", named)
	}
	s.Log.Warn().Str("room", roomID).Int("servers", len(unlisted)).Msg("a room is entered in which there are servers that this one does not speak with: " + named)
	return nil
}

// maxServersNamed is how many servers a refusal names.
const maxServersNamed = 5

// settle judges and writes a room that arrived.
func (s *Service) settle(ctx context.Context, u User, a *arriving) error {
	join, err := a.verify(ctx)
	if err != nil {
		return err
	}
	if in, err := s.participates(ctx, a.room); err != nil {
		return err
	} else if in { // somebody of this server is in it: the other one was only needed to let the user in
		return s.takeJoin(ctx, a, join)
	}
	var all *settled
	err = s.db.Read(ctx, func(r *store.Reader) error {
		all, err = a.judge(r, join)
		return err
	})
	if err != nil {
		return err
	}
	servers := serversIn(all.state)
	if err := s.mayEnter(a.room, servers...); err != nil {
		return err
	}
	a.events = nil
	if err := s.land(ctx, u, a.room, all); err != nil {
		return err
	}
	if s.Entered != nil {
		s.Entered(u, a.room, servers)
	}
	return nil
}

// takeJoin takes a join that another server let through into a room that this server is in.
func (s *Service) takeJoin(ctx context.Context, a *arriving, join *pdu.Event) error {
	room, err := store.Get(ctx, s.db, func(r *store.Reader) (store.Room, error) { return Find(r, a.room) })
	if err != nil {
		return err
	}
	arrival := &arrival{Event: join, room: room, from: a.join.server, spent: new(spent)}
	w, err := s.admit(ctx, arrival)
	if err != nil {
		return err
	}
	if err := s.durable(ctx, arrival, w); err != nil {
		return err
	}
	if w != nil && w.refused {
		return merr.Forbidden("The room does not let you in")
	}
	return nil
}

// giveBack leaves a room again that did not arrive whole, so that the others don't count a member here who sees nothing.
func (s *Service) giveBack(ctx context.Context, u User, roomID, server string) {
	ctx, cancel := context.WithTimeout(ctx, giveBackTime)
	defer cancel()
	leave, err := s.propose(ctx, u, roomID, server, memberContent{Membership: "leave"})
	if err == nil {
		err = s.Remote.SendLeave(ctx, server, leave.Event)
	}
	if err != nil {
		s.Log.Warn().Err(err).Str("room", roomID).Str("server", server).Msg("a room that did not arrive could not be left either")
	}
}
