package syncer

import (
	"context"
	"encoding/json"
	"strings"

	"beffroi/server/accounts"
	"beffroi/server/eventfilter"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Filter gives a filter that the user stored, M_INVALID_PARAM where there is none. The id is made of the content, so what a device used last
// is remembered.
func (s *Syncer) Filter(ctx context.Context, session *accounts.Session, id string) (*eventfilter.Filter, error) {
	d := s.memory.device(session.Device)
	if f := s.memory.rememberedFilter(d, id); f != nil {
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
	return s.memory.filter(d, id, f), nil
}

func (m *memory) rememberedFilter(d *device, id string) *eventfilter.Filter {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.filterID != id {
		return nil
	}
	return m.filters[id]
}

// filter remembers that the device has this filter, and gives the one that all who have it share.
func (m *memory) filter(d *device, id string, f *eventfilter.Filter) *eventfilter.Filter {
	m.mu.Lock()
	defer m.mu.Unlock()
	d.filterID = strings.Clone(id) // it is a piece of a request
	if shared := m.filters[id]; shared != nil {
		return shared
	}
	if len(m.filters) >= maxFilters {
		clear(m.filters)
	}
	m.filters[d.filterID] = f
	return f
}
