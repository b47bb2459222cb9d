package e2ee

import (
	"context"

	"beffroi/server/accounts"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

// Changes tells whose devices changed between two syncs, and who no longer shares a room with the user.
// For a token from before a restore it names everybody with whom a room is shared.
// Source: client-server API, GET /keys/changes.
func (s *Service) Changes(ctx context.Context, session *accounts.Session, from, to synctoken.Sync) (store.DeviceLists, error) {
	visible := s.db.Visible()
	return store.Get(ctx, s.db, func(r *store.Reader) (store.DeviceLists, error) {
		epoch, err := r.MetaInt(store.MetaEpoch)
		if err != nil {
			return store.DeviceLists{}, err
		}
		if from.Epoch != epoch || from.Pos > visible {
			return r.AllDeviceLists(session.User)
		}
		upTo := visible
		if to.Epoch == epoch {
			upTo = min(to.Pos, visible)
		}
		return r.DeviceListChanges(session.User, from.Pos, upTo)
	})
}
