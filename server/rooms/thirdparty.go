package rooms

import (
	"context"
	"encoding/json"
	"errors"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// ThirdPartyInvite is what the server of somebody says who was invited by an e-mail address: the invitation that this becomes.
//
// Spec: server-server API, "PUT /_matrix/federation/v1/exchange_third_party_invite/{roomId}".
type ThirdPartyInvite struct {
	Type     string `json:"type"`
	RoomID   string `json:"room_id"`
	Sender   string `json:"sender"`    // who invited the address
	StateKey string `json:"state_key"` // whose the address is
	Content  struct {
		Membership string       `json:"membership"`
		Invite     boundAddress `json:"third_party_invite"`
	} `json:"content"`
}

// boundAddress is an identity server's word that an address is somebody's.
type boundAddress struct {
	DisplayName string          `json:"display_name"`
	Signed      json.RawMessage `json:"signed"`
}

// NewThirdPartyInvite is the invitation of target that one by sender becomes, by an identity server's word.
func NewThirdPartyInvite(roomID, sender, target string, signed json.RawMessage) (q ThirdPartyInvite) {
	q.Type, q.RoomID, q.Sender, q.StateKey = "m.room.member", roomID, sender, target
	q.Content.Membership, q.Content.Invite.Signed = "invite", signed
	return q
}

// proof reads what an identity server has signed: for whom, and which invitation it is.
func (b boundAddress) proof() (mxid, token string, err error) {
	o, err := pdu.ParseObject(b.Signed)
	if err != nil {
		return "", "", merr.BadJSON("signed is no object").Because(err)
	}
	mxid, isUser := o.Text("mxid")
	token, isToken := o.Text("token")
	if !isUser || !isToken || !o.Get("signatures").Exists() {
		return "", "", merr.BadJSON("signed has no mxid, token or signatures")
	}
	return mxid, token, nil
}

// rebuilt is what stands in our event of it: what the authorisation rules look at, and nothing else that a stranger sent.
func (b boundAddress) rebuilt() (json.RawMessage, error) {
	o, err := pdu.ParseObject(b.Signed)
	if err != nil {
		return nil, err
	}
	signed := map[string]json.RawMessage{}
	for _, name := range []string{"mxid", "token", "signatures"} {
		signed[name] = o.Get(name).Raw()
	}
	return json.Marshal(map[string]any{"display_name": b.DisplayName, "signed": signed})
}

// Exchange invites a user of the server that asks, to whom an address belongs that was invited from here. The authorisation rules hold it to the keys of the identity server.
//
// Spec: server-server API, "Third-party invites".
func (s *Service) Exchange(ctx context.Context, origin, roomID string, q ThirdPartyInvite) error {
	mxid, token, err := q.Content.Invite.proof()
	if err != nil {
		return err
	}
	switch {
	case q.Type != "m.room.member" || q.RoomID != roomID || q.Content.Membership != "invite":
		return merr.InvalidParam("This is no invitation into the room")
	case mxid != q.StateKey || !pdu.ValidUserID(mxid) || pdu.ServerOf(mxid) != origin:
		return merr.Forbidden("The address is not one of a user of %s", origin)
	}
	room, _, err := s.served(ctx, Handshake{Origin: origin, RoomID: roomID})
	if err != nil {
		return err
	}
	inviter, content, err := s.promised(ctx, room, token, q.Content.Invite)
	if err != nil {
		return err
	}
	if inviter.ID != q.Sender || !s.local(inviter.ID) {
		return merr.Forbidden("%s has not invited the address", q.Sender)
	}
	return s.inviteElsewhere(ctx, inviter, roomID, mxid, content)
}

// promised finds who invited an address, and what the invitation says that this becomes.
func (s *Service) promised(ctx context.Context, room store.Room, token string, bound boundAddress) (inviter User, content memberContent, err error) {
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		kind, err := r.FindAtom("m.room.third_party_invite")
		if err != nil {
			return err
		}
		key, err := r.FindAtom(token)
		if err != nil {
			return err
		}
		e, ok, err := r.CurrentEvent(room.Ref, kind, key)
		if err != nil || !ok || token == "" {
			return errOr(err, merr.Forbidden("The address is not invited"))
		}
		inviter.Atom = e.Sender
		bound.DisplayName, _ = pdu.StoredObject(e.JSON).Object("content").Text("display_name")
		inviter.ID, err = r.Text(e.Sender)
		return err
	})
	if err != nil {
		return inviter, content, err
	}
	raw, err := bound.rebuilt()
	return inviter, memberContent{Membership: "invite", ThirdPartyInvite: raw}, err
}

// Bound makes invitations of those by an address that is now a user's of this server: here where somebody of it is in the room, else by the server of who invited. Who may not be
// invited, or wants it not, is not.
//
// Spec: server-server API, "PUT /_matrix/federation/v1/3pid/onbind".
func (s *Service) Bound(ctx context.Context, userID string, invites []ThirdPartyInvite) error {
	if s.Remote == nil {
		return merr.Forbidden("This server does not federate")
	}
	if !s.local(userID) {
		return merr.InvalidParam("%q is no user of this server", userID)
	}
	if _, err := s.reachable(ctx, userID); err != nil {
		return s.unwanted(err)
	}
	var errs []error
	for _, q := range invites {
		if err := s.bound(ctx, userID, q); err != nil {
			s.Log.Info().Err(err).Str("room", q.RoomID).Msg("an invitation by an address came to nothing")
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Service) bound(ctx context.Context, userID string, q ThirdPartyInvite) error {
	mxid, token, err := q.Content.Invite.proof()
	if err != nil {
		return err
	}
	if mxid != userID || !pdu.ValidUserID(q.Sender) {
		return merr.InvalidParam("The address is not one of %s", userID)
	}
	if err := s.enterable(ctx, q.RoomID); err != nil {
		return err
	}
	inside, err := s.participates(ctx, q.RoomID)
	if err != nil {
		return err
	}
	if !inside {
		if s.local(q.Sender) {
			return merr.NotFound("Nobody of this server is in the room")
		}
		return s.Remote.ExchangeThirdPartyInvite(ctx, pdu.ServerOf(q.Sender), q.RoomID, q)
	}
	room, err := store.Get(ctx, s.db, func(r *store.Reader) (store.Room, error) { return Find(r, q.RoomID) })
	if err != nil {
		return err
	}
	inviter, content, err := s.promised(ctx, room, token, q.Content.Invite)
	if err != nil {
		return err
	}
	return s.inviteBound(ctx, inviter, q.RoomID, userID, content)
}

// inviteBound invites a user of this server in the name of who invited their address, wherever that one is: the rules take this server's signature.
func (s *Service) inviteBound(ctx context.Context, inviter User, roomID, target string, content memberContent) error {
	raw, err := json.Marshal(content)
	if err != nil {
		return err
	}
	_, err = s.post(ctx, roomID, func(l *live) (draft, error) {
		now, err := l.membership(ctx, target)
		if err == nil && (now == "join" || now == "invite") {
			err = errNothingToDo
		}
		return draft{sender: inviter, kind: "m.room.member", stateKey: &target, content: raw}, err
	})
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	return err
}
