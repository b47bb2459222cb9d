package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// lack is what an event builds upon and is not known: events before it without a known state, and auth events.
type lack struct{ prevs, auth []string }

// supply asks the server that sent an event for what that lacks. Whatever comes is judged for itself.
//
// Spec: server-server API, "Backfilling and retrieving missing events", "Retrieving event authorization information".
func (s *Service) supply(ctx context.Context, a *arrival) error {
	l, err := s.cache.acquireAtRest(ctx, a.room.ID) // what is queued is not missing
	if err != nil {
		return err
	}
	rules, earliest := l.rules, l.tipIDs()
	l.mu.Unlock()
	missing, err := s.lacks(ctx, a)
	if err != nil {
		return err
	}
	if len(missing.prevs) > 0 && a.state == nil && !a.edge {
		s.fillGap(ctx, a, rules, earliest)
		if l, err = s.cache.acquireAtRest(ctx, a.room.ID); err != nil {
			return err
		}
		l.mu.Unlock()
		if missing, err = s.lacks(ctx, a); err != nil {
			return err
		}
	}
	if len(missing.prevs) > 0 && a.state == nil {
		if a.spent.states++; a.spent.states > maxStates {
			return fmt.Errorf("%w, and the state was asked for often enough", ErrLacks)
		}
		if a.state, err = s.askState(ctx, a, rules); err != nil {
			return err
		}
	}
	if len(missing.auth) > 0 {
		return s.askAuth(ctx, a, rules)
	}
	return nil
}

func (l *live) tipIDs() (ids []string) {
	for _, t := range l.tips {
		ids = append(ids, t.id)
	}
	return ids
}

func (s *Service) lacks(ctx context.Context, a *arrival) (l lack, err error) {
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		for _, id := range a.PrevEvents() {
			e, ok, err := r.EventByID(id)
			if err != nil {
				return err
			}
			if !ok || e.Room != a.room.Ref || e.State == 0 {
				l.prevs = append(l.prevs, id)
			}
		}
		unknown, err := unknown(r, a.room.Ref, a.AuthEvents())
		l.auth = unknown
		return err
	})
	return l, err
}

// unknown are those among events of a room that the database does not have.
func unknown(r *store.Reader, room store.RoomRef, ids []string) ([]string, error) {
	rows, err := r.RawEvents(room, ids)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, row := range rows {
		known[row.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return known[id] }), nil
}

// fillGap asks for the events between those that are known and an event, and admits them in their order. What fails is left out: then the state
// is asked for where the rest begins.
func (s *Service) fillGap(ctx context.Context, a *arrival, rules pdu.Rules, earliest []string) {
	got, latest := map[string]*pdu.Event{}, []string{a.ID()}
	for len(latest) > 0 && len(got) < maxMissing {
		raws, err := s.Remote.MissingEvents(ctx, a.from, a.room.ID, MissingQuery{Earliest: earliest, Latest: latest, Limit: missingBatch})
		if err != nil {
			s.Log.Info().Err(err).Str("room", a.room.ID).Str("server", a.from).Msg("missing events were not given")
			break
		}
		latest = nil
		for _, e := range s.verified(ctx, a.room, rules, raws, missingBatch) {
			if got[e.ID()] == nil && e.ID() != a.ID() && len(got) < maxMissing {
				got[e.ID()] = e
				latest = append(latest, e.ID())
			}
		}
		latest = slices.DeleteFunc(latest, func(id string) bool { return s.reaches(ctx, a.room, got, got[id]) })
	}
	spent := new(spent)
	for _, e := range inOrder(got, (*pdu.Event).PrevEvents) {
		if _, err := s.admit(ctx, &arrival{Event: e, room: a.room, from: a.from, edge: true, spent: spent}); err != nil {
			s.Log.Info().Err(err).Str("room", a.room.ID).Str("event", e.ID()).Msg("missing event left out")
		}
	}
}

// reaches tells whether all that is before an event was got or is known.
func (s *Service) reaches(ctx context.Context, room store.Room, got map[string]*pdu.Event, e *pdu.Event) bool {
	missing, err := s.lacks(ctx, &arrival{Event: e, room: room})
	return err == nil && !slices.ContainsFunc(missing.prevs, func(id string) bool { return got[id] == nil })
}

// askState asks for the state before an event, and for its events.
func (s *Service) askState(ctx context.Context, a *arrival, rules pdu.Rules) (*told, error) {
	ids, chain, err := s.Remote.StateIDs(ctx, a.from, a.room.ID, a.ID())
	if err != nil {
		return nil, err
	}
	if err := s.fetch(ctx, a, rules, slices.Concat(chain, ids), nil); err != nil {
		return nil, err
	}
	return &told{ids}, nil
}

// askAuth asks for the auth events of an event, and theirs.
func (s *Service) askAuth(ctx context.Context, a *arrival, rules pdu.Rules) error {
	raws, err := s.Remote.AuthChain(ctx, a.from, a.room.ID, a.ID())
	if err != nil {
		s.Log.Info().Err(err).Str("room", a.room.ID).Str("server", a.from).Msg("the auth chain was not given")
	}
	if len(raws) > maxFetched {
		return fmt.Errorf("%s gave an auth chain of %d events", a.from, len(raws))
	}
	return s.fetch(ctx, a, rules, a.AuthEvents(), s.verified(ctx, a.room, rules, raws, maxFetched))
}

// verified are those among strangers' events that are well-formed, of the room, and rightly signed. Only the first of them are looked at.
func (s *Service) verified(ctx context.Context, room store.Room, rules pdu.Rules, raws []json.RawMessage, first int) (events []*pdu.Event) {
	for _, raw := range raws[:min(len(raws), first)] {
		rc, err := pdu.Receive(rules, raw)
		if err != nil || rc.RoomID() != room.ID {
			continue
		}
		if e, err := s.Remote.Verify(ctx, rc); err == nil {
			events = append(events, e)
		} else {
			s.Log.Info().Err(err).Str("room", room.ID).Str("event", rc.ID()).Msg("event dropped")
		}
	}
	return events
}
