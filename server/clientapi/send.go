package clientapi

import (
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Spec: client-server API, "Sending events to a room" and "Redactions".
func (a *API) sendRoutes() []route {
	return []route{
		{Method: "PUT", Path: "/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}", Handle: a.send, Limit: httpx.LimitEvent, Suspended: true, Class: limits.Send},
		{Method: "PUT", Path: "/_matrix/client/v3/rooms/{roomId}/state/{eventType}", Handle: a.putState, Limit: httpx.LimitEvent, Suspended: true, Class: limits.Send},
		{Method: "PUT", Path: "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{$}", Handle: a.putState, Limit: httpx.LimitEvent, Suspended: true, Class: limits.Send},
		{Method: "PUT", Path: "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}", Handle: a.putState, Limit: httpx.LimitEvent, Suspended: true, Class: limits.Send},
		{Method: "PUT", Path: "/_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}", Handle: a.redact, Suspended: true, Class: limits.Send},
	}
}

func (a *API) send(r *request) (any, error) {
	if err := txnID(r); err != nil {
		return nil, err
	}
	content, err := r.ReadObject()
	if err != nil {
		return nil, err
	}
	if err := a.maySend(r, content); err != nil {
		return nil, err
	}
	if r.URL.Query().Has(delayParameter) {
		return a.sendLater(r, nil, content)
	}
	sender, err := dated(r)
	if err != nil {
		return nil, err
	}
	a.Ephemeral.Acts(r.Session)
	return eventID(a.Rooms.Send(r.Context(), sender, r.PathValue("roomId"), r.PathValue("eventType"), r.PathValue("txnId"), content))
}

func (a *API) putState(r *request) (any, error) {
	content, err := r.ReadObject()
	if err != nil {
		return nil, err
	}
	if err := maySetState(r, content); err != nil {
		return nil, err
	}
	stateKey := r.PathValue("stateKey")
	if r.URL.Query().Has(delayParameter) {
		return a.sendLater(r, &stateKey, content)
	}
	sender, err := dated(r)
	if err != nil {
		return nil, err
	}
	a.Ephemeral.Acts(r.Session)
	return eventID(a.Directory.SetState(r.Context(), sender, r.PathValue("roomId"), r.PathValue("eventType"), stateKey, content))
}

func (a *API) redact(r *request) (any, error) {
	if err := txnID(r); err != nil {
		return nil, err
	}
	var q reasonBody
	if err := r.DecodeOptional(&q); err != nil {
		return nil, err
	}
	if err := a.mayRedact(r, r.PathValue("eventId")); err != nil {
		return nil, err
	}
	a.Ephemeral.Acts(r.Session)
	return eventID(a.Rooms.Redact(r.Context(), actor(r), r.PathValue("roomId"), r.PathValue("eventId"), r.PathValue("txnId"), q.Reason))
}

// txnID refuses transaction ids that are too long to be kept with each event.
func txnID(r *request) error {
	if len(r.PathValue("txnId")) > maxParamLength {
		return merr.InvalidParam("A transaction id can have %d bytes", maxParamLength)
	}
	if reservedTxn(r.PathValue("txnId")) {
		return merr.InvalidParam("Transaction ids can't begin with %s", store.DelayedTxn)
	}
	return nil
}

func eventID(id string, err error) (any, error) {
	return map[string]string{"event_id": id}, err
}
