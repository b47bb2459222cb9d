package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// memberContent is the content of an m.room.member event.
type memberContent struct {
	Membership                   string          `json:"membership"`
	DisplayName                  string          `json:"displayname,omitempty"`
	AvatarURL                    string          `json:"avatar_url,omitempty"`
	Reason                       string          `json:"reason,omitempty"`
	IsDirect                     bool            `json:"is_direct,omitempty"`
	JoinAuthorisedViaUsersServer string          `json:"join_authorised_via_users_server,omitempty"`
	ThirdPartyInvite             json.RawMessage `json:"third_party_invite,omitempty"`

	more map[string]json.RawMessage // what a client adds; nothing of what this server itself says
}

// MarshalJSON implements json.Marshaler.
func (c memberContent) MarshalJSON() ([]byte, error) {
	type plain memberContent
	raw, err := json.Marshal(plain(c))
	if err != nil || len(c.more) == 0 {
		return raw, err
	}
	content := maps.Clone(c.more)
	for _, key := range []string{"membership", "displayname", "avatar_url", "reason", "is_direct", "join_authorised_via_users_server",
		"third_party_invite", "third_party_signed"} {
		delete(content, key)
	}
	if err := json.Unmarshal(raw, &content); err != nil {
		return nil, err
	}
	return json.Marshal(content)
}

// Join joins the user to a room. Joining again changes nothing.
//
// Spec: client-server API, "Joining rooms".
func (s *Service) Join(ctx context.Context, u User, roomID, reason string) error {
	return s.JoinWith(ctx, u, roomID, Entry{Reason: reason})
}

// joinHere joins the user to a room by what this server knows of it.
func (s *Service) joinHere(ctx context.Context, u User, roomID string, content memberContent) error {
	return s.memberAs(ctx, u, roomID, u.ID, func(l *live, now string) (memberContent, error) {
		if now == "join" {
			return content, errNothingToDo
		}
		var err error
		content.JoinAuthorisedViaUsersServer, err = s.authoriser(ctx, l, u, now)
		return content, err
	})
}

// Invite invites a user. Source: client-server API, "POST /_matrix/client/v3/rooms/{roomId}/invite".
func (s *Service) Invite(ctx context.Context, u User, roomID, target, reason string, direct bool) error {
	if err := s.enterable(ctx, roomID); err != nil {
		return err
	}
	content, err := s.inviteContent(ctx, target, reason, direct)
	if err != nil {
		return err
	}
	if !s.local(target) {
		return s.inviteElsewhere(ctx, u, roomID, target, content)
	}
	return s.member(ctx, u, roomID, target, content, func(_ *live, now string) error {
		if now == "join" {
			return merr.Forbidden("%s is already in the room", target)
		}
		return nil
	})
}

// Leave leaves a room, or declines its invitation. Leaving again changes nothing.
//
// Spec: client-server API, "Leaving rooms".
func (s *Service) Leave(ctx context.Context, u User, roomID, reason string) error {
	if err := s.leavable(ctx, u, roomID); err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, departTime)
	defer cancel()
	return s.depart(context.WithoutCancel(ctx), asking, u, roomID, reason)
}

func (s *Service) leave(ctx context.Context, u User, roomID, reason string) error {
	return s.member(ctx, u, roomID, u.ID, memberContent{Membership: "leave", Reason: reason}, func(_ *live, now string) error {
		switch now {
		case "leave":
			return errNothingToDo
		case "":
			return notIn()
		}
		return nil
	})
}

// Kick removes another user. Source: client-server API, "POST /_matrix/client/v3/rooms/{roomId}/kick".
func (s *Service) Kick(ctx context.Context, u User, roomID, target, reason string) error {
	return s.member(ctx, u, roomID, target, memberContent{Membership: "leave", Reason: reason}, func(_ *live, now string) error {
		if now != "join" && now != "invite" && now != "knock" {
			return merr.Forbidden("%s is not in the room", target)
		}
		return nil
	})
}

// Ban bans a user, in the room or not. Source: client-server API, "POST /_matrix/client/v3/rooms/{roomId}/ban".
func (s *Service) Ban(ctx context.Context, u User, roomID, target, reason string) error {
	return s.member(ctx, u, roomID, target, memberContent{Membership: "ban", Reason: reason}, func(*live, string) error { return nil })
}

// Unban lifts a ban. Source: client-server API, "POST /_matrix/client/v3/rooms/{roomId}/unban".
func (s *Service) Unban(ctx context.Context, u User, roomID, target, reason string) error {
	return s.member(ctx, u, roomID, target, memberContent{Membership: "leave", Reason: reason}, func(_ *live, now string) error {
		if now != "ban" {
			return merr.Forbidden("%s is not banned", target)
		}
		return nil
	})
}

// errNothingToDo ends a change of membership that is already in force, as a success.
var errNothingToDo = errors.New("nothing to do")

// member sends a membership event of sender about target, after check has seen target's membership now.
func (s *Service) member(ctx context.Context, sender User, roomID, target string, content memberContent, check func(l *live, now string) error) error {
	return s.memberAs(ctx, sender, roomID, target, func(l *live, now string) (memberContent, error) { return content, check(l, now) })
}

// memberAs is member with a content that depends on the room.
func (s *Service) memberAs(ctx context.Context, sender User, roomID, target string, draw func(l *live, now string) (memberContent, error)) error {
	if !pdu.ValidUserID(target) {
		return merr.InvalidParam("%q is not a user id", target)
	}
	var room store.RoomRef
	e, err := s.post(ctx, roomID, func(l *live) (draft, error) {
		room = l.Ref
		_, senderIn := l.joined[sender.ID]
		if sender.ID != target && !senderIn {
			return draft{}, notIn()
		}
		now, err := l.membership(ctx, target)
		if err != nil {
			return draft{}, err
		}
		content, err := draw(l, now)
		if err != nil {
			return draft{}, err
		}
		raw, err := json.Marshal(content)
		return draft{sender: sender, kind: "m.room.member", stateKey: &target, content: raw}, err
	})
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.stopTyping(ctx, room, e)
}

// stopTyping tells who types that somebody left or was removed, where the event says so.
func (s *Service) stopTyping(ctx context.Context, room store.RoomRef, e *pdu.Event) error {
	if s.Typing == nil || e.Type() != "m.room.member" {
		return nil
	}
	if m := auth.Membership(e); m != "leave" && m != "ban" {
		return nil
	}
	user, _ := e.StateKey()
	return s.Typing.StopTyping(ctx, room, user)
}

func (s *Service) joinContent(ctx context.Context, u User, reason string) (memberContent, error) {
	name, avatar, err := s.People.MemberProfile(ctx, u.Atom)
	return memberContent{Membership: "join", DisplayName: name, AvatarURL: avatar, Reason: reason}, err
}

// inviteContent is the content of an invitation.
func (s *Service) inviteContent(ctx context.Context, target, reason string, direct bool) (memberContent, error) {
	atom, err := s.reachable(ctx, target)
	if err != nil || atom == 0 {
		return memberContent{Membership: "invite", Reason: reason, IsDirect: direct}, err // of another server: who they are stands in what they join with
	}
	name, avatar, err := s.People.MemberProfile(ctx, atom)
	return memberContent{Membership: "invite", DisplayName: name, AvatarURL: avatar, Reason: reason, IsDirect: direct}, err
}

// reachable gives who can be invited, 0 for users of other servers, which are asked. An account of this server must exist and want it: else 403 M_INVITE_BLOCKED.
//
// Spec: client-server API, "Invite permission".
func (s *Service) reachable(ctx context.Context, target string) (store.Atom, error) {
	if !pdu.ValidUserID(target) {
		return 0, merr.InvalidParam("%q is not a user id", target)
	}
	if !s.local(target) {
		if s.Remote == nil {
			return 0, merr.NotFound("The server of %s can't be reached from here", target)
		}
		return 0, nil
	}
	atom, ok, err := s.People.FindLocal(ctx, target)
	if err == nil && !ok {
		err = merr.NotFound("There is no account %s", target)
	}
	if err != nil || s.Invitable == nil {
		return atom, err
	}
	blocks, err := s.Invitable.BlocksInvites(ctx, atom)
	if err == nil && blocks {
		err = merr.New(http.StatusForbidden, "M_INVITE_BLOCKED", "%s wants no invitations", target)
	}
	return atom, err
}

// Forget hides a room that the user has left. Source: client-server API, "POST /_matrix/client/v3/rooms/{roomId}/forget".
func (s *Service) Forget(ctx context.Context, u User, roomID string) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		room, err := Find(&tx.Reader, roomID)
		if err != nil {
			return err
		}
		m, ok, err := tx.Member(room.Ref, u.Atom)
		if err != nil || !ok {
			return errOr(err, notIn())
		}
		if m.Membership == store.Join || m.Membership == store.Invite || m.Membership == store.Knock {
			return merr.New(400, "M_UNKNOWN", "Leave the room before you forget it")
		}
		return tx.ForgetRoom(room.Ref, u.Atom)
	})
}

// LeaveAll leaves every room that the user is in or invited to: their account ends. A room that can't be left doesn't keep the others.
func (s *Service) LeaveAll(ctx context.Context, user store.Atom, userID string) error {
	ctx = context.WithoutCancel(ctx) // a client that hangs up must not leave half of it undone
	asking, cancel := context.WithTimeout(ctx, 2*departTime)
	defer cancel()
	return s.eachRoom(ctx, user, func(roomID string, m store.Membership) error {
		if m != store.Join && m != store.Invite && m != store.Knock {
			return nil
		}
		return s.depart(ctx, asking, User{Atom: user, ID: userID}, roomID, "")
	})
}

// ProfileChanged tells every room that the user is in of a new display name or avatar.
//
// Spec: client-server API, "Profiles", "Events on Change of Profile Information".
func (s *Service) ProfileChanged(ctx context.Context, user store.Atom, userID string) error {
	ctx = context.WithoutCancel(ctx)
	u := User{Atom: user, ID: userID}
	content, err := s.joinContent(ctx, u, "")
	if err != nil {
		return err
	}
	return s.eachRoom(ctx, user, func(roomID string, m store.Membership) error {
		if m != store.Join {
			return nil
		}
		return s.member(ctx, u, roomID, userID, content, func(_ *live, now string) error {
			if now != "join" {
				return errNothingToDo
			}
			return nil
		})
	})
}

// eachRoom calls f for every room that the user has a membership in, also where it fails for some.
func (s *Service) eachRoom(ctx context.Context, user store.Atom, f func(roomID string, m store.Membership) error) error {
	memberships := map[string]store.Membership{}
	err := s.db.Read(ctx, func(r *store.Reader) error {
		members, err := r.RoomsOf(user)
		for _, m := range members {
			room, _, err := r.Room(m.Room)
			if err != nil {
				return err
			}
			memberships[room.ID] = m.Membership
		}
		return err
	})
	if err != nil {
		return err
	}
	var errs []error
	for roomID, m := range memberships {
		errs = append(errs, f(roomID, m))
	}
	return errors.Join(errs...)
}
