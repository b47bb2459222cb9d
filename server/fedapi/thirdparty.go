package fedapi

import (
	"context"
	"encoding/json"
	"time"

	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/rooms"
)

// Source: server-server API, "Third-party invites".
func (a *API) thirdPartyRoutes() []route {
	exchange := signed("PUT", "/_matrix/federation/v1/exchange_third_party_invite/{roomId}", a.exchange)
	bound := open("PUT", "/_matrix/federation/v1/3pid/onbind", a.bound)
	exchange.Class, bound.Class = limits.Invite, limits.Mail // a stranger makes this server ask others, and others write to people
	return []route{exchange, bound}
}

func (a *API) exchange(r *request) (any, error) {
	var q rooms.ThirdPartyInvite
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	return nil, a.Rooms.Exchange(r.Context(), r.Origin, r.PathValue("roomId"), q)
}

const (
	// maxBound is how many invitations an identity server may name at once, and boundTime how long those take whom that concerns.
	maxBound  = 20
	boundTime = 2 * time.Minute
)

// bound is what identity servers say, who sign nothing but each invitation: rooms hold that to the keys that stand in them.
func (a *API) bound(r *request) (any, error) {
	var q struct {
		UserID  string `json:"mxid"`
		Invites []struct {
			RoomID string          `json:"room_id"`
			Sender string          `json:"sender"`
			Signed json.RawMessage `json:"signed"`
		} `json:"invites"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if len(q.Invites) > maxBound {
		return nil, merr.TooLarge("More than %d invitations", maxBound)
	}
	var invites []rooms.ThirdPartyInvite
	for _, in := range q.Invites {
		invites = append(invites, rooms.NewThirdPartyInvite(in.RoomID, in.Sender, q.UserID, in.Signed))
	}
	ctx, cancel := context.WithTimeout(r.Context(), boundTime)
	defer cancel()
	return nil, a.Rooms.Bound(ctx, q.UserID, invites)
}
