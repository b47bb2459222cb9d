package clientapi

import (
	"beffroi/server/limits"
	"beffroi/server/merr"
)

// Spec: client-server API, "Reporting Content".
func (a *API) reportRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/report", Handle: a.reportRoom, Suspended: true, Class: limits.Report},
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/report/{eventId}", Handle: a.reportEvent, Suspended: true, Class: limits.Report},
		{Method: "POST", Path: "/_matrix/client/v3/users/{userId}/report", Handle: a.reportUser, Suspended: true, Class: limits.Report},
	}
}

// reason reads the reason of a report, which may be blank.
func reason(r *request, required bool) (string, error) {
	var q struct {
		Reason *string `json:"reason"`
	}
	err := r.Decode(&q)
	switch {
	case err != nil:
		return "", err
	case q.Reason != nil:
		return *q.Reason, nil
	case required:
		return "", merr.MissingParam("reason is missing")
	}
	return "", nil
}

func (a *API) reportRoom(r *request) (any, error) {
	why, err := reason(r, true)
	if err != nil {
		return nil, err
	}
	return nil, a.Rooms.ReportRoom(r.Context(), actor(r), r.PathValue("roomId"), why)
}

func (a *API) reportEvent(r *request) (any, error) {
	why, err := reason(r, false)
	if err != nil {
		return nil, err
	}
	return nil, a.Rooms.ReportEvent(r.Context(), actor(r), r.PathValue("roomId"), r.PathValue("eventId"), why)
}

func (a *API) reportUser(r *request) (any, error) {
	why, err := reason(r, true)
	if err != nil {
		return nil, err
	}
	return nil, a.Rooms.ReportUser(r.Context(), actor(r), r.PathValue("userId"), why)
}
