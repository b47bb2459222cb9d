package rooms

import (
	"beffroi/server/pdu"
	"beffroi/server/pdu/stateres"
	"beffroi/server/store"
)

// authChain is the events of one room in the database, as state resolution asks for them. An event of another room is none: else a
// stranger could let events of a room that they rule authorise those of one that they don't.
type authChain struct {
	r     *store.Reader
	room  store.RoomRef
	rules pdu.Rules
}

// Events implements stateres.Source.
func (a authChain) Events(ids []string) ([]stateres.Event, error) {
	rows, err := a.r.RawEvents(a.room, ids)
	if err != nil {
		return nil, err
	}
	events := make([]stateres.Event, len(rows))
	for i, row := range rows {
		e, err := pdu.FromStore(a.rules, row.ID, row.JSON, row.Status&store.StatusRedactedOnArrival != 0)
		if err != nil {
			return nil, err
		}
		events[i] = stateres.Event{Event: e, Rejected: row.Status&store.StatusRejected != 0}
	}
	return events, nil
}
