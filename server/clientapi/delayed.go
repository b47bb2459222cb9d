package clientapi

import (
	"encoding/json"
	"strings"
	"time"

	"beffroi/server/delayed"
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Source: MSC4140 with the unstable prefix, and what clients of the texts before July 2026 use: a query parameter of /send and /state (sendLater),
// the action in the body.
func (a *API) delayedRoutes() []route {
	const prefix = "/_matrix/client/unstable/org.matrix.msc4140"
	return []route{
		{Method: "PUT", Path: prefix + "/rooms/{roomId}/delayed_event/{eventType}/{txnId}", Handle: a.schedule, Limit: httpx.LimitEvent, Class: limits.Send},
		{Method: "GET", Path: prefix + "/delayed_events", Handle: a.delayedEvents},
		{Method: "GET", Path: prefix + "/delayed_events/{delayId}", Handle: a.delayedEvent},
		{Method: "POST", Path: prefix + "/delayed_events/{delayId}", Handle: a.manageDelayed, Class: limits.Send},
		{Method: "POST", Path: prefix + "/delayed_events/{delayId}/{action}", Handle: a.manageDelayed, Class: limits.Send},
	}
}

// delayParameter makes /send and /state schedule the event instead of sending it.
const delayParameter = "org.matrix.msc4140.delay"

func (a *API) schedule(r *request) (any, error) {
	if err := txnID(r); err != nil {
		return nil, err
	}
	var body struct {
		Delay    *int64          `json:"delay_ms"`
		StateKey *string         `json:"state_key"`
		Content  json.RawMessage `json:"content"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Delay == nil || len(body.Content) == 0 {
		return nil, merr.MissingParam("delay_ms and content are required")
	}
	return a.scheduled(r, &delayed.Request{StateKey: body.StateKey, Content: body.Content, Delay: time.Duration(*body.Delay) * time.Millisecond})
}

// sendLater schedules what /send and /state would send.
func (a *API) sendLater(r *request, stateKey *string, content json.RawMessage) (any, error) {
	delay, err := milliseconds(r.URL.Query(), delayParameter)
	if err != nil {
		return nil, err
	}
	return a.scheduled(r, &delayed.Request{StateKey: stateKey, Content: content, Delay: delay})
}

func (a *API) scheduled(r *request, q *delayed.Request) (any, error) {
	q.RoomID, q.Type = r.PathValue("roomId"), r.PathValue("eventType")
	if r.PathValue("txnId") != "" {
		q.Txn = r.URL.Path
	}
	id, err := a.Delayed.Schedule(r.Context(), r.Session, q)
	return map[string]string{"delay_id": id}, err
}

func (a *API) manageDelayed(r *request) (any, error) {
	action := r.PathValue("action")
	if action == "" {
		var body struct{ Action string }
		if err := r.Decode(&body); err != nil {
			return nil, err
		}
		action = body.Action
	}
	return nil, a.Delayed.Manage(r.Context(), r.Session, r.PathValue("delayId"), action)
}

func (a *API) delayedEvents(r *request) (any, error) {
	events, err := a.Delayed.Scheduled(r.Context(), r.Session)
	if err != nil {
		return nil, err
	}
	answer := make([]delayedEvent, len(events))
	for i := range events {
		answer[i] = toDelayedEvent(&events[i])
	}
	return map[string]any{"delayed_events": answer}, nil
}

func (a *API) delayedEvent(r *request) (any, error) {
	e, err := a.Delayed.Get(r.Context(), r.Session, r.PathValue("delayId"))
	if err != nil {
		return nil, err
	}
	return toDelayedEvent(&e), nil
}

// delayedEvent is a delayed event as its user sees it. Delay and since stand twice: as they are called now, and as clients of today call them.
type delayedEvent struct {
	ID        string          `json:"delay_id"`
	RoomID    string          `json:"room_id"`
	Type      string          `json:"type"`
	StateKey  *string         `json:"state_key,omitempty"`
	Content   json.RawMessage `json:"content"`
	Delay     int64           `json:"delay_ms"`
	Since     int64           `json:"scheduled_at"`
	OldDelay  int64           `json:"delay"`
	OldSince  int64           `json:"running_since"`
	Finalised int64           `json:"finalised_ts,omitempty"`
	EventID   string          `json:"event_id,omitempty"`
	Error     json.RawMessage `json:"error,omitempty"`
}

func toDelayedEvent(e *store.DelayedEvent) delayedEvent {
	return delayedEvent{ID: e.ID, RoomID: e.RoomID, Type: e.Type, StateKey: e.StateKey, Content: e.Content, Delay: e.Delay, Since: e.Since,
		OldDelay: e.Delay, OldSince: e.Since, Finalised: e.Finalised, EventID: e.EventID, Error: e.Error}
}

// reservedTxn tells transaction ids that stand for delayed events.
func reservedTxn(id string) bool { return strings.HasPrefix(id, store.DelayedTxn) }
