package adminapi

import (
	"encoding/json"

	"beffroi/server/admin"
)

// roomState answers with the state of a room, as far as it says who is in it and what the rules are: an event has what admin.StateOf lets pass.
func (a *API) roomState(r *request) (any, error) {
	events, err := a.Admin.StateOf(r.Context(), r.PathValue("roomId"), r.URL.Query().Get("type"))
	return map[string][]admin.StateEvent{"state": append([]admin.StateEvent{}, events...)}, err
}

func (a *API) extremities(r *request) (any, error) {
	ends, err := a.Admin.Extremities(r.Context(), r.PathValue("roomId"))
	return map[string]any{"count": len(ends), "results": append([]json.RawMessage{}, ends...)}, err
}
