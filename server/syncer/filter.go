package syncer

import (
	"context"
	"encoding/json"

	"beffroi/server/accounts"
	"beffroi/server/eventfilter"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Filter gives a filter that the user stored, M_INVALID_PARAM where there is none. The id is made of the content, so what a device used last
// is remembered.
func (s *Syncer) Filter(ctx context.Context, session *accounts.Session, id string) (*eventfilter.Filter, error) {
	d := s.memory.device(session.Device)
	if f := d.rememberedFilter(id); f != nil {
		return f, nil
	}
	raw, err := store.Get(ctx, s.db, func(r *store.Reader) (json.RawMessage, error) { return r.Filter(session.User, id) })
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, merr.InvalidParam("There is no such filter")
	}
	f, err := eventfilter.Parse(raw)
	if err != nil {
		return nil, err
	}
	d.rememberFilter(id, f)
	return f, nil
}

func (d *device) rememberedFilter(id string) *eventfilter.Filter {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.filterID != id {
		return nil
	}
	return d.filter
}

func (d *device) rememberFilter(id string, f *eventfilter.Filter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.filterID, d.filter = id, f
}
