package adminapi

import (
	"time"

	"beffroi/server/admin"
	"beffroi/server/merr"
)

// Source: Synapse's admin API, "Redact events of a user".
func (a *API) redactCalls() []Call {
	const v1 = "/_synapse/admin/v1/user"
	return []Call{
		call("POST", v1+"/{userId}/redact", Acts, "deletes messages of a user in the background, by the town hall's account or the administrator's own, never in the user's name; `use_admin` is not looked at", a.redactUser),
		call("GET", v1+"/redact_status/{redactId}", Reads, "how that stands", a.redactStatus),
	}
}

func (a *API) redactUser(r *request) (any, error) {
	var q struct {
		Rooms    []string `json:"rooms"`
		Reason   string   `json:"reason"`
		Limit    int      `json:"limit"`
		AfterTS  int64    `json:"after_ts"`
		BeforeTS int64    `json:"before_ts"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.Rooms == nil {
		return nil, merr.MissingParam("rooms is missing")
	}
	const farthest = 1 << 43 // in milliseconds: as a time.Duration it is below the last
	if q.Limit < 0 || q.AfterTS < 0 || q.BeforeTS < 0 || max(q.AfterTS, q.BeforeTS) > farthest {
		return nil, merr.InvalidParam("limit, after_ts and before_ts are natural numbers")
	}
	id, err := a.Admin.RedactUser(r.Context(), actor(r), r.PathValue("userId"), admin.Redacting{Rooms: q.Rooms, Reason: q.Reason, Limit: q.Limit,
		After: time.Duration(q.AfterTS) * time.Millisecond, Before: time.Duration(q.BeforeTS) * time.Millisecond})
	return map[string]string{"redact_id": id}, err
}

func (a *API) redactStatus(r *request) (any, error) {
	found := a.Admin.Redactions(r.PathValue("redactId"))
	if len(found) == 0 {
		return nil, merr.NotFound("No such redaction is known here")
	}
	t := found[0]
	answer := map[string]any{"status": map[string]string{"complete": "completed"}[t.Status], "failed_redactions": t.Result}
	if t.Status != "complete" {
		answer["status"] = t.Status
	}
	if t.Result == nil {
		answer["failed_redactions"] = map[string]string{}
	}
	if t.Error != "" {
		answer["error"] = t.Error
	}
	return answer, nil
}
