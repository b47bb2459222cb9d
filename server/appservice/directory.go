package appservice

import (
	"context"

	"beffroi/server/merr"
	"beffroi/server/registrations"
	"beffroi/server/store"
)

const maxNetworkID = 255 // bytes

// Publish shows a room in the directory that a service keeps for a network, or hides it: 403 M_FORBIDDEN for rooms that don't concern the service.
//
// Source: application service API, "Published room directories".
func (s *Service) Publish(ctx context.Context, r *registrations.Registration, network, roomID string, public bool) error {
	if network == "" || len(network) > maxNetworkID {
		return merr.InvalidParam("The id of a network has 1 to %d bytes", maxNetworkID)
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		room, ok, err := tx.FindRoom(roomID)
		if err != nil || !ok {
			return errOr(err, merr.NotFound("The room is not known here"))
		}
		concerned, err := newInterest(r, s.ServerName).room(&tx.Reader, room.Ref, s.db.Visible())
		if err != nil || !concerned {
			return errOr(err, merr.Forbidden("Nobody of the application service is in this room"))
		}
		return tx.ListInNetwork(r.ID, network, room.Ref, public)
	})
}

func errOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
