package rooms

import (
	"context"
	"net/http"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// enterable refuses a room that administration has blocked: 403 M_FORBIDDEN for joins, knocks and invitations of this server's users.
func (s *Service) enterable(ctx context.Context, roomID string) error {
	return s.db.Peek(ctx, func(r *store.Reader) error {
		_, blocked, err := r.RoomBlocked(roomID)
		if err == nil && blocked {
			err = merr.Forbidden("This room has been blocked on this server")
		}
		return err
	})
}

// leavable refuses to decline the invitation to the room in which the server speaks to the user. Who has joined it may leave.
//
// Spec: client-server API, "Server Notices", "Client behaviour".
func (s *Service) leavable(ctx context.Context, u User, roomID string) error {
	return s.db.Peek(ctx, func(r *store.Reader) error {
		notices, err := r.IsNoticeRoom(roomID, u.Atom)
		if err != nil || !notices {
			return err
		}
		room, ok, err := r.FindRoom(roomID)
		if err != nil || !ok {
			return err
		}
		m, err := r.MembershipOf(room.Ref, u.Atom)
		if err == nil && m == store.Invite {
			err = merr.New(http.StatusForbidden, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM", "The invitation to the server's notices can't be declined")
		}
		return err
	})
}

// TakeOut lets a user leave a room that administration closes, whatever room it is.
func (s *Service) TakeOut(ctx context.Context, u User, roomID, reason string) error {
	return s.leave(ctx, u, roomID, reason)
}

// ownMembership holds a membership of one's own that is set as state to what the endpoints for memberships hold it to.
func (s *Service) ownMembership(ctx context.Context, u User, roomID, stateKey string, content []byte) error {
	o, err := pdu.ParseObject(content)
	if err != nil {
		return nil // told by who builds the event
	}
	switch membership, _ := o.Text("membership"); {
	case membership == "leave" && stateKey == u.ID:
		return s.leavable(ctx, u, roomID)
	case membership == "join" || membership == "invite" || membership == "knock":
		return s.enterable(ctx, roomID)
	}
	return nil
}
