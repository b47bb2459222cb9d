package clientapi

import (
	"encoding/json"

	"beffroi/server/ephemeral"
	"beffroi/server/limits"
	"beffroi/server/merr"
)

// Spec: client-server API, "Receipts".
func (a *API) receiptRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}", Handle: a.sendReceipt, Suspended: true, Class: limits.Ephemeral},
	}
}

func (a *API) sendReceipt(r *request) (any, error) {
	var body struct {
		ThreadID json.RawMessage `json:"thread_id"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	marker := ephemeral.Marker{Type: r.PathValue("receiptType"), EventID: r.PathValue("eventId")}
	if body.ThreadID != nil {
		thread, err := threadID(body.ThreadID)
		if err != nil {
			return nil, err
		}
		marker.Thread = &thread
	}
	return nil, a.Ephemeral.Mark(r.Context(), r.PathValue("roomId"), r.Session.User, marker)
}

// threadID reads a thread_id: the specification wants M_INVALID_PARAM where it is anything but a string.
func threadID(raw json.RawMessage) (id string, err error) {
	if raw[0] != '"' || json.Unmarshal(raw, &id) != nil {
		return "", merr.InvalidParam("thread_id must be a non-empty string")
	}
	return id, nil
}
