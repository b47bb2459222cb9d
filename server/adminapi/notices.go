package adminapi

import (
	"encoding/json"

	"beffroi/server/admin"
	"beffroi/server/merr"
)

// Spec: client-server API, "Server Notices". Source: Synapse's admin API, "Server Notices".
func (a *API) noticeCalls() []Call {
	const path = "/_synapse/admin/v1/send_server_notice"
	return []Call{
		call("POST", path, Acts, "sends a notice of the server to one user", a.sendNotice),
		call("PUT", path+"/{txnId}", Acts, "the same, once for each transaction id of the administrator's device", a.sendNotice),
	}
}

func (a *API) sendNotice(r *request) (any, error) {
	var q struct {
		UserID   string          `json:"user_id"`
		Type     string          `json:"type"`
		StateKey *string         `json:"state_key"`
		Content  json.RawMessage `json:"content"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.UserID == "" || len(q.Content) == 0 {
		return nil, merr.MissingParam("user_id and content are needed")
	}
	id, err := a.Admin.SendNotice(r.Context(), actor(r), admin.Notice{UserID: q.UserID, Type: q.Type, StateKey: q.StateKey, Content: q.Content, TxnID: r.PathValue("txnId")})
	return map[string]string{"event_id": id}, err
}
