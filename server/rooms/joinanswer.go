package rooms

import (
	"context"
	"encoding/json"
	"slices"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// JoinAnswer is what a server gets whose user has joined a room: the state before the join and all that allows it, read piece by piece as it is sent.
//
// Spec: server-server API, "PUT /_matrix/federation/v2/send_join/{roomId}/{eventId}".
type JoinAnswer struct {
	Event   json.RawMessage // the join
	Omitted bool            // members are left out of the state, but for those that name the room
	Servers []string        // that had users in the room before the join; only where members are left out

	db    *store.DB
	room  store.Room
	rules pdu.Rules
	state []store.NID
	chain []string        // events that allow what was given, not given yet
	named map[string]bool // all that was in chain
	given map[string]bool // what was in the state; only where members are left out: then it is not given twice
}

// answerBatch is how many events of an answer are in memory.
const answerBatch = 200

// AnswerJoin prepares the answer to a join that was accepted.
func (s *Service) AnswerJoin(ctx context.Context, room store.Room, join *pdu.Event, omitMembers bool) (*JoinAnswer, error) {
	a := &JoinAnswer{Event: join.JSON(), Omitted: omitMembers, db: s.db, room: room, rules: join.Rules(), named: map[string]bool{}, given: map[string]bool{}}
	err := s.db.Read(ctx, func(r *store.Reader) error {
		row, ok, err := r.EventByID(join.ID())
		if err != nil || !ok {
			return errOr(err, ErrLacks)
		}
		group, err := r.StateBefore(&row)
		if err != nil {
			return err
		}
		entries, err := r.GroupState(group)
		if err != nil {
			return err
		}
		if omitMembers {
			if entries, err = a.omit(r, entries, row.Sender); err != nil {
				return err
			}
		}
		for _, e := range entries {
			a.state = append(a.state, e.NID)
		}
		return nil
	})
	a.allows(join)
	return a, err
}

// omit leaves out of a state the members, but for the heroes of a room without name and alias.
func (a *JoinAnswer) omit(r *store.Reader, entries []store.StateEntry, joiner store.Atom) ([]store.StateEntry, error) {
	named := slices.ContainsFunc(entries, func(e store.StateEntry) bool {
		return e.StateKey == store.AtomEmpty && (e.Type == store.AtomName || e.Type == store.AtomCanonicalAlias)
	})
	var heroes []store.Atom
	var err error
	if !named {
		if heroes, err = r.Heroes(a.room.Ref, joiner, true); err != nil {
			return nil, err
		}
	}
	if a.Servers, err = r.JoinedServersBut(a.room.Ref, joiner); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(entries, func(e store.StateEntry) bool {
		return e.Type == store.AtomMember && !slices.Contains(heroes, e.StateKey)
	}), nil
}

// State gives the next events of the state; none at its end.
func (a *JoinAnswer) State(ctx context.Context) (events []json.RawMessage, err error) {
	n := min(len(a.state), answerBatch)
	if n == 0 {
		return nil, nil
	}
	rows, err := store.Get(ctx, a.db, func(r *store.Reader) ([]store.Event, error) { return r.EventsByNID(a.state[:n]) })
	if err != nil {
		return nil, err
	}
	a.state = a.state[n:]
	for i := range rows {
		e, err := rows[i].PDU(a.rules)
		if err != nil {
			return nil, err
		}
		if a.Omitted {
			a.given[e.ID()] = true
		}
		a.allows(e)
		events = append(events, e.JSON())
	}
	return events, nil
}

// AuthChain gives the next events that allow those of the state or the join; none at the end. It is asked after State has given everything.
func (a *JoinAnswer) AuthChain(ctx context.Context) (events []json.RawMessage, err error) {
	for len(a.chain) > 0 && len(events) == 0 {
		n := min(len(a.chain), answerBatch)
		rows, err := store.Get(ctx, a.db, func(r *store.Reader) ([]store.RawEvent, error) { return r.RawEvents(a.room.Ref, a.chain[:n]) })
		if err != nil {
			return nil, err
		}
		a.chain = a.chain[n:]
		for _, row := range rows {
			e, err := pdu.FromStore(a.rules, row.ID, row.JSON, row.Status&store.StatusRedactedOnArrival != 0)
			if err != nil {
				return nil, err
			}
			a.allows(e)
			if !a.given[row.ID] {
				events = append(events, e.JSON())
			}
		}
	}
	return events, nil
}

// allows notes the events that allow an event.
func (a *JoinAnswer) allows(e *pdu.Event) {
	for _, id := range e.AuthEvents() {
		if !a.named[id] {
			a.named[id] = true
			a.chain = append(a.chain, id)
		}
	}
}
