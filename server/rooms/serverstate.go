package rooms

import (
	"encoding/json"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// ServerState is the state before an event, and all events that allow its events, by their ids.
type ServerState struct{ State, AuthChain []string }

// StateBefore is the state before an event that the server may see: 404 M_NOT_FOUND where that is not known, 403 M_FORBIDDEN where the server may not see the event.
//
// Spec: server-server API, "GET /_matrix/federation/v1/state_ids/{roomId}".
func (v *ServerView) StateBefore(eventID string) (st ServerState, err error) {
	e, err := v.Event(eventID)
	if err != nil {
		return st, err
	}
	if sees, err := v.Sees(&e); err != nil || !sees {
		return st, errOr(err, merr.Forbidden("%s may not see this event", v.server))
	}
	group, err := v.r.StateBefore(&e)
	if err != nil || group == 0 && e.Type != store.AtomCreate {
		return st, errOr(err, merr.NotFound("The state at this event is not known"))
	}
	entries, err := v.r.GroupState(group)
	if err != nil {
		return st, err
	}
	nids := make([]store.NID, len(entries))
	for i, entry := range entries {
		nids[i] = entry.NID
	}
	ids, err := v.r.EventIDs(nids)
	if err != nil {
		return st, err
	}
	st.State = make([]string, len(nids))
	for i, nid := range nids {
		st.State[i] = ids[nid]
	}
	st.AuthChain, err = v.authChain(st.State)
	return st, err
}

// AuthChain gives all events that allow an event, directly or not.
//
// Spec: server-server API, "GET /_matrix/federation/v1/event_auth/{roomId}/{eventId}".
func (v *ServerView) AuthChain(eventID string) ([]json.RawMessage, error) {
	if _, err := v.Event(eventID); err != nil {
		return nil, err
	}
	ids, err := v.authChain([]string{eventID})
	if err != nil {
		return nil, err
	}
	return v.Events(ids)
}

// Events gives events of the room, which are part of a state or of an auth chain that the server may have.
func (v *ServerView) Events(ids []string) ([]json.RawMessage, error) {
	rows, err := v.r.RawEvents(v.Room.Ref, ids)
	raws := make([]json.RawMessage, len(rows))
	for i, row := range rows {
		raws[i] = row.JSON
	}
	return raws, err
}

// authChain are the ids of all events that allow some, directly or not. These are in it only where they allow others of them.
func (v *ServerView) authChain(ids []string) ([]string, error) {
	chain, seen := []string{}, map[string]bool{}
	for len(ids) > 0 {
		rows, err := v.r.RawEvents(v.Room.Ref, ids)
		if err != nil {
			return nil, err
		}
		ids = nil
		for _, row := range rows {
			e, err := pdu.FromStore(v.rules, row.ID, row.JSON, row.Status&store.StatusRedactedOnArrival != 0)
			if err != nil {
				return nil, err
			}
			for _, id := range e.AuthEvents() {
				if !seen[id] {
					seen[id] = true
					chain, ids = append(chain, id), append(ids, id)
				}
			}
		}
	}
	return chain, nil
}
