package clientapi

import (
	"beffroi/server/e2ee"
	"beffroi/server/httpx"
	"beffroi/server/limits"
)

// Source: MSC3814, dehydrated devices, with the unstable prefix. Events are asked for with GET in the present text, with POST by the clients that
// were written for the text before June 2026.
func (a *API) dehydratedRoutes() []route {
	const path = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device"
	return []route{
		{Method: "PUT", Path: path, Handle: a.putDehydrated, Limit: httpx.LimitKeys, Suspended: true, Class: limits.Keys},
		{Method: "GET", Path: path, Handle: a.dehydrated, Class: limits.Keys},
		{Method: "DELETE", Path: path, Handle: a.deleteDehydrated, Suspended: true, Class: limits.Keys},
		{Method: "GET", Path: path + "/{deviceId}/events", Handle: a.dehydratedEvents, Class: limits.Keys},
		{Method: "POST", Path: path + "/{deviceId}/events", Handle: a.postDehydratedEvents, Suspended: true, Class: limits.Keys},
	}
}

func (a *API) putDehydrated(r *request) (any, error) {
	var body e2ee.DehydratedUpload
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if err := a.E2EE.PutDehydrated(r.Context(), r.Session, &body); err != nil {
		return nil, err
	}
	return map[string]string{"device_id": body.DeviceID}, nil
}

func (a *API) dehydrated(r *request) (any, error) { return a.E2EE.Dehydrated(r.Context(), r.Session) }

func (a *API) deleteDehydrated(r *request) (any, error) {
	id, err := a.E2EE.DeleteDehydrated(r.Context(), r.Session)
	return map[string]string{"device_id": id}, err
}

// dehydratedEvents gives next_batch where more messages follow, and only there.
func (a *API) dehydratedEvents(r *request) (any, error) {
	events, next, more, err := a.E2EE.DehydratedEvents(r.Context(), r.Session, r.PathValue("deviceId"), r.URL.Query().Get("from"))
	if err != nil || !more {
		next = ""
	}
	return toDeviceBatch{events, next}, err
}

// postDehydratedEvents gives next_batch always: those clients ask until there is no event, and would begin anew without it.
func (a *API) postDehydratedEvents(r *request) (any, error) {
	var body struct {
		From string `json:"next_batch"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	events, next, _, err := a.E2EE.DehydratedEvents(r.Context(), r.Session, r.PathValue("deviceId"), body.From)
	return toDeviceBatch{events, next}, err
}

type toDeviceBatch struct {
	Events    any    `json:"events"`
	NextBatch string `json:"next_batch,omitempty"`
}
