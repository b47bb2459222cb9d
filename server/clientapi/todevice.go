package clientapi

import (
	"encoding/json"

	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/merr"
)

// maxParamLength of an event type or a transaction id in a path, in bytes.
const maxParamLength = 255

// Source: client-server API, "Send-to-Device messaging".
func (a *API) toDeviceRoutes() []route {
	return []route{{Method: "PUT", Path: "/_matrix/client/v3/sendToDevice/{eventType}/{txnId}", Handle: a.sendToDevice, Limit: httpx.LimitKeys, Suspended: true, Class: limits.Ephemeral}}
}

func (a *API) sendToDevice(r *request) (any, error) {
	eventType, txnID := r.PathValue("eventType"), r.PathValue("txnId")
	if len(eventType) > maxParamLength || len(txnID) > maxParamLength {
		return nil, merr.InvalidParam("Event types and transaction ids can have %d bytes", maxParamLength)
	}
	var body struct {
		Messages map[string]map[string]json.RawMessage `json:"messages"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Messages == nil {
		return nil, merr.BadJSON("messages is missing")
	}
	stored, err := a.E2EE.SendToDevice(r.Context(), r.Session, eventType, txnID, body.Messages)
	r.Moves(stored)
	return nil, err
}
