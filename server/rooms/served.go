package rooms

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// Handshake is a change of membership that another server wants for one of its users, in a room that this server is in.
type Handshake struct {
	Origin     string // the server that asks
	RoomID     string
	Membership string // join, leave or knock
}

// Template makes the event of a handshake for one of the other server's users; versions are the room versions that it knows, nil where it need not know any. 404 M_NOT_FOUND
// where nobody of this server is in the room, 403 M_FORBIDDEN where the room's rules don't allow it, 400 M_INCOMPATIBLE_ROOM_VERSION with room_version.
//
// Spec: server-server API, "Joining Rooms", "Knocking upon a room", "Leaving Rooms".
func (s *Service) Template(ctx context.Context, h Handshake, userID string, versions []string) (t Template, err error) {
	if !pdu.ValidUserID(userID) || pdu.ServerOf(userID) != h.Origin {
		return t, merr.Forbidden("%s is no user of %s", userID, h.Origin)
	}
	room, _, err := s.served(ctx, h)
	if err != nil {
		return t, err
	}
	if versions != nil && !slices.Contains(versions, room.Version) {
		return t, merr.New(http.StatusBadRequest, "M_INCOMPATIBLE_ROOM_VERSION", "Your homeserver does not support rooms of version %s", room.Version).With("room_version", room.Version)
	}
	l, err := s.cache.acquire(ctx, room.ID)
	if err != nil {
		return t, err
	}
	defer l.mu.Unlock()
	t.RoomVersion = room.Version
	t.Event, err = s.template(ctx, l, h, userID)
	return t, err
}

// served finds the room of a handshake.
func (s *Service) served(ctx context.Context, h Handshake) (room store.Room, rules pdu.Rules, err error) {
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		var ok bool
		if room, ok, err = r.FindRoom(h.RoomID); err != nil || !ok {
			return errOr(err, merr.NotFound("This server is not in the room"))
		}
		ours, err := r.JoinedOf(room.Ref, s.ServerName)
		if err != nil || len(ours) == 0 {
			return errOr(err, merr.NotFound("This server is not in the room"))
		}
		admitted, err := AdmitsNow(r, room.Ref, h.Origin)
		if err != nil || !admitted {
			return errOr(err, merr.Forbidden("The room does not let %s take part", h.Origin))
		}
		return nil
	})
	rules, _ = pdu.RulesFor(room.Version)
	return room, rules, err
}

// template makes the event of a handshake on the locked room.
func (s *Service) template(ctx context.Context, l *live, h Handshake, userID string) (json.RawMessage, error) {
	content := memberContent{Membership: h.Membership}
	if h.Membership == "join" {
		now, err := l.membership(ctx, userID)
		if err != nil {
			return nil, err
		}
		if content.JoinAuthorisedViaUsersServer, err = s.lets(ctx, l, userID, now); err != nil {
			return nil, err
		}
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	p := s.proto(l, draft{sender: User{ID: userID}, kind: "m.room.member", stateKey: &userID, content: raw}, l.depth)
	if err := l.know(ctx, auth.Needed(l.rules, p)...); err != nil {
		return nil, err
	}
	l.link(&p, l.tips[:min(len(l.tips), maxTips)], l.held)
	e, template, err := pdu.Template(l.rules, p, h.Origin, s.ServerName)
	if err != nil {
		return nil, badEvent(err)
	}
	if content.JoinAuthorisedViaUsersServer != "" { // with the signature that it gets here when it is sent
		if e, err = e.Sign(s.Signer()); err != nil {
			return nil, err
		}
	}
	return template, forbidden(auth.Check(e, l.held))
}

// lets names a member of this server in whose name a user of another server may join a restricted room, whose membership there is now; "" where they need none, or where
// the authorisation rules refuse them. The room is locked.
//
// Spec: server-server API, "Restricted rooms".
func (s *Service) lets(ctx context.Context, l *live, userID, now string) (string, error) {
	rules := l.held.Event("m.room.join_rules", "")
	if !Restricted(auth.JoinRule(rules)) || now == "invite" || now == "join" || now == "ban" {
		return "", nil
	}
	if err := s.fulfils(ctx, userID, AllowedRooms(rules.Body())); err != nil {
		return "", err
	}
	if best := l.inviter(); best != "" {
		return best, nil
	}
	return "", merr.New(http.StatusBadRequest, "M_UNABLE_TO_GRANT_JOIN", "Nobody of this server who is in the room may let you in: ask another one")
}

// fulfils looks whether a user of another server is in one of the rooms that a join rule names: 403 M_FORBIDDEN where they are not, 400 M_UNABLE_TO_AUTHORISE_JOIN where this
// server is in none of these rooms either.
func (s *Service) fulfils(ctx context.Context, userID string, allowed []string) error {
	return s.db.Peek(ctx, func(r *store.Reader) error {
		user, err := r.FindAtom(userID)
		if err != nil {
			return err
		}
		known := false
		for _, id := range allowed {
			room, ok, err := r.FindRoom(id)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			ours, err := r.JoinedOf(room.Ref, s.ServerName)
			if err != nil || len(ours) == 0 { // what is known of it may be old
				if err != nil {
					return err
				}
				continue
			}
			known = true
			if m, err := r.MembershipOf(room.Ref, user); err != nil || m == store.Join {
				return err
			}
		}
		if known || len(allowed) == 0 {
			return merr.Forbidden("You are in none of the rooms whose members may join this one")
		}
		return merr.New(http.StatusBadRequest, "M_UNABLE_TO_AUTHORISE_JOIN", "This server is in none of the rooms whose members may join this one")
	})
}
