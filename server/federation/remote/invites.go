package remote

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
)

// inviteTime is how long a server may take to sign an invitation: somebody waits for it.
const inviteTime = 45 * time.Second

// Invite implements rooms.Inviting.
func (r Rooms) Invite(ctx context.Context, server string, e *pdu.Event, state []json.RawMessage) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, inviteTime)
	defer cancel()
	uri := url.PathEscape(e.RoomID()) + "/" + url.PathEscape(e.ID())
	body, err := json.Marshal(map[string]any{"room_version": e.Rules().Version, "event": json.RawMessage(e.JSON()), "invite_room_state": state})
	if err != nil {
		return nil, err
	}
	b, err := r.Put(ctx, server, federation2+"invite/"+uri, body)
	if e.Rules().Format == pdu.EventFormatV1 && isOld(err) {
		return r.inviteOld(ctx, server, uri, e, state)
	}
	if err != nil {
		return nil, inviteRefused(err)
	}
	return eventOf(b)
}

// isOld tells of an error whether the server may know the first version of the endpoint only.
func isOld(err error) bool {
	var refused *Refused
	return errors.As(err, &refused) && (refused.Status == http.StatusBadRequest || refused.Status == http.StatusNotFound) && (refused.Code == "" || refused.Code == "M_UNRECOGNIZED")
}

// inviteOld is Invite for servers that know the first version of the endpoint only.
func (r Rooms) inviteOld(ctx context.Context, server, uri string, e *pdu.Event, state []json.RawMessage) (json.RawMessage, error) {
	var event map[string]json.RawMessage
	if err := json.Unmarshal(e.JSON(), &event); err != nil {
		return nil, err
	}
	unsigned, err := json.Marshal(map[string]any{"invite_room_state": state})
	if err != nil {
		return nil, err
	}
	event["unsigned"] = unsigned
	body, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	b, err := r.Put(ctx, server, federation+"invite/"+uri, body)
	if err != nil {
		return nil, inviteRefused(err)
	}
	var pair []json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil || len(pair) != 2 {
		return nil, errors.New("the answer is no list of a status and an event")
	}
	return eventOf(pair[1])
}

func eventOf(answer []byte) (event json.RawMessage, err error) {
	err = pdu.CutObject(answer, func(key string, value []byte) error {
		if key == "event" {
			event = value
		}
		return nil
	})
	if err == nil && event == nil {
		err = errors.New("event is missing")
	}
	return event, err
}

// inviteRefused is refusedBy, with what only invitations are refused for.
func inviteRefused(err error) error {
	var refused *Refused
	if errors.As(err, &refused) && refused.Status == http.StatusForbidden && refused.Code == "M_INVITE_BLOCKED" {
		return merr.New(http.StatusForbidden, refused.Code, "%s answers: %s", refused.Server, shortened(refused.Text)).Because(err)
	}
	if errors.Is(err, ErrRefused) {
		return merr.Forbidden("This server does not speak with that of who is invited").Because(err)
	}
	return refusedBy(err)
}

// SignedBy implements rooms.Inviting.
func (r Rooms) SignedBy(ctx context.Context, e *pdu.Received, server string) error {
	return r.Ring.VerifySigner(ctx, e, server)
}

// ExchangeThirdPartyInvite implements rooms.Inviting.
func (r Rooms) ExchangeThirdPartyInvite(ctx context.Context, server, roomID string, invite rooms.ThirdPartyInvite) error {
	ctx, cancel := context.WithTimeout(ctx, inviteTime)
	defer cancel()
	body, err := json.Marshal(invite)
	if err != nil {
		return err
	}
	_, err = r.Put(ctx, server, federation+"exchange_third_party_invite/"+url.PathEscape(roomID), body)
	return inviteRefused(err)
}
